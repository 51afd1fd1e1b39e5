package service_test

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func TestUploadRoundTrip(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, testChunk, testChunk + 1, 5*testChunk - 1} {
		g := newUploadRig(t)
		body := storetest.Bytes(1, size)
		e := g.bring(g.user, body, "a.bin")
		g.holds(e, body)
		if e.Name != "a.bin" || e.Content.Sums != storetest.SumsOf(body) {
			t.Errorf("size %d: entry %+v", size, e)
		}
		if u := g.reload(g.user); u.Used != int64(size) || u.Reserved != 0 {
			t.Errorf("size %d: used %d, reserved %d", size, u.Used, u.Reserved)
		}
		g.leftNothing()
	}
}

func TestInitFindsTheOpenUpload(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(2, 4*testChunk)
	first := g.init(g.user, body, "a")
	g.put(g.user, first, body, 2, 3)
	g.start() // another process: progress is rebuilt from the journal
	req := service.InitRequest{Digest: storetest.SumsOf(body).Digest, Size: int64(len(body))}
	again, err := g.uploads.Init(t.Context(), g.user, req)
	if err != nil || again.ID != first.ID || again.Layout != first.Layout || !slices.Equal(again.Held, []int{2, 3}) {
		t.Fatalf("again: %+v, %v; want %s with chunks 2 and 3", again, err, first.ID)
	}
	if u := g.reload(g.user); u.Reserved != int64(len(body)) {
		t.Errorf("reserved %d, want once %d", u.Reserved, len(body))
	}
	req.Size++
	_, err = g.uploads.Init(t.Context(), g.user, req)
	wantKind(t, "another size", err, service.Conflict)
	g.put(g.user, again, body, 1, 4)
	if _, err := g.complete(g.user, first.ID); err != nil {
		t.Fatal(err)
	}
	_, err = g.uploads.Init(t.Context(), g.user, service.InitRequest{Digest: req.Digest, Size: int64(len(body))})
	wantKind(t, "content that the user has", err, service.AlreadyHave)
}

func TestLayoutOfUploads(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	big := int64(1) << 50
	if err := g.db.UpdateUser(t.Context(), g.user.ID, store.UserChange{Quota: &big}); err != nil {
		t.Fatal(err)
	}
	rich := g.reload(g.user)
	for _, c := range []struct {
		size, wish, want int64
		kind             service.Kind
	}{
		{1, 0, 5 << 20, 0},
		{1, 1, 256 << 10, 0},
		{1, 1 << 40, 64 << 20, 0},
		{1 << 30, 1 << 20, 1 << 20, 0},
		{-1, 0, 0, service.Invalid},
		{1, -1, 0, service.Invalid},
		{1<<40 + 1, 0, 0, service.TooLarge},
		{1 << 40, 0, 0, service.TooLarge}, // more than 10,000 chunks of 64 MiB
	} {
		st, err := g.uploads.Init(t.Context(), rich, service.InitRequest{Size: c.size, ChunkSize: c.wish})
		if c.kind != 0 {
			wantKind(t, "layout", err, c.kind)
			continue
		}
		if err != nil || st.Layout.ChunkSize != c.want || st.Layout.Count() > service.MaxChunks {
			t.Errorf("size %d, chunk size %d: %+v, %v", c.size, c.wish, st.Layout, err)
		}
		if err := g.uploads.Cancel(t.Context(), g.user.ID, st.ID); err != nil {
			t.Error(err)
		}
	}
}

func TestWrongChunks(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(3, 2*testChunk+10)
	st := g.init(g.user, body, "a")
	good := body[:testChunk]
	for what, c := range map[string]struct {
		part service.Part
		body []byte
		kind service.Kind
	}{
		"unknown upload": {service.Part{Upload: store.NewUploadID("n1"), Index: 1, Length: -1}, good, service.NotFound},
		"index 0":        {service.Part{Upload: st.ID, Index: 0, Length: -1}, good, service.Invalid},
		"index -1":       {service.Part{Upload: st.ID, Index: -1, Length: -1}, good, service.Invalid},
		"index N+1":      {service.Part{Upload: st.ID, Index: 4, Length: -1}, good, service.Invalid},
		"index 2^31":     {service.Part{Upload: st.ID, Index: 1 << 31, Length: -1}, good, service.Invalid},
		"said short":     {service.Part{Upload: st.ID, Index: 1, Length: testChunk - 1}, good, service.Invalid},
		"a byte short":   {service.Part{Upload: st.ID, Index: 1, Length: -1}, good[1:], service.Invalid},
		"a byte long":    {service.Part{Upload: st.ID, Index: 1, Length: -1}, body[:testChunk+1], service.Invalid},
		"wrong hash":     {service.Part{Upload: st.ID, Index: 1, Length: -1, Digest: store.EmptyDigest}, good, service.DigestMismatch},
	} {
		wantKind(t, what, g.uploads.PutChunk(t.Context(), g.user.ID, c.part, bytes.NewReader(c.body)), c.kind)
	}
	mallory := g.addUser("mallory")
	part := service.Part{Upload: st.ID, Index: 1, Length: -1}
	wantKind(t, "somebody else's", g.uploads.PutChunk(t.Context(), mallory.ID, part, bytes.NewReader(good)), service.NotFound)
	_, err := g.uploads.Status(t.Context(), mallory.ID, st.ID)
	wantKind(t, "somebody else's status", err, service.NotFound)
	_, err = g.complete(mallory, st.ID)
	wantKind(t, "somebody else's complete", err, service.NotFound)
	wantKind(t, "somebody else's cancel", g.uploads.Cancel(t.Context(), mallory.ID, st.ID), service.NotFound)

	g.put(g.user, st, body, 1)
	wantKind(t, "held, other bytes", g.uploads.PutChunk(t.Context(), g.user.ID, part, bytes.NewReader(body[1:testChunk+1])), service.Conflict)
	if err := g.uploads.PutChunk(t.Context(), g.user.ID, part, bytes.NewReader(good)); err != nil {
		t.Errorf("held, the same bytes: %v", err)
	}
	_, err = g.complete(g.user, st.ID)
	if e := wantKind(t, "complete too early", err, service.Incomplete); !slices.Equal(e.Chunks, []int{2, 3}) {
		t.Errorf("missing: %v", e.Chunks)
	}
	g.put(g.user, st, body, 2, 3)
	e, err := g.complete(g.user, st.ID)
	if err != nil {
		t.Fatal(err)
	}
	g.holds(e, body)
}

// Taking up an upload by its ID counts what need not be sent again, each byte once. Binding a digest in the middle of
// sending, and looking, count nothing.
func TestResumeByID(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	g.uploads.Savings = g.db
	body := storetest.Bytes(31, 3*testChunk)
	begin := service.InitRequest{Size: int64(len(body)), ChunkSize: testChunk, Name: "b"}
	st, err := g.uploads.Init(t.Context(), g.user, begin)
	if err != nil {
		t.Fatal(err)
	}
	saved := func(want int64) {
		t.Helper()
		u, err := g.db.User(t.Context(), g.user.ID)
		if err != nil || u.Saved != want {
			t.Fatalf("%d bytes are saved, want %d, %v", u.Saved, want, err)
		}
	}
	again := func(req service.InitRequest, held ...int) {
		t.Helper()
		req.Upload = st.ID
		got, err := g.uploads.Init(t.Context(), g.user, req)
		if err != nil || got.ID != st.ID || got.Layout != st.Layout || !slices.Equal(got.Held, held) {
			t.Fatalf("%+v, want %v held: %v", got, held, err)
		}
	}
	again(service.InitRequest{})
	saved(0)
	g.put(g.user, st, body, 1)
	again(service.InitRequest{Digest: storetest.SumsOf(body).Digest}, 1)
	if _, err := g.uploads.Status(t.Context(), g.user.ID, st.ID); err != nil {
		t.Fatal(err)
	}
	saved(0)
	again(service.InitRequest{}, 1)
	again(service.InitRequest{Size: int64(len(body))}, 1)
	saved(testChunk)
	g.put(g.user, st, body, 3)
	again(service.InitRequest{}, 1, 3)
	saved(2 * testChunk)

	_, err = g.uploads.Init(t.Context(), g.user, service.InitRequest{Upload: st.ID, Size: 1})
	wantKind(t, "another size", err, service.Invalid)
	_, err = g.uploads.Init(t.Context(), g.addUser("mallory"), service.InitRequest{Upload: st.ID})
	wantKind(t, "another's upload", err, service.NotFound)
	g.put(g.user, st, body, 2)
	if _, err := g.complete(g.user, st.ID); err != nil {
		t.Fatal(err)
	}
	_, err = g.uploads.Init(t.Context(), g.user, service.InitRequest{Upload: st.ID})
	wantKind(t, "a done one", err, service.NotFound)
	saved(2 * testChunk)
}

func TestUploadWithoutDigest(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(9, 3*testChunk)
	d := storetest.SumsOf(body).Digest
	begin := func() service.UploadStatus {
		st, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: int64(len(body)), ChunkSize: testChunk, Name: "b"})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	a, b := begin(), begin()
	if a.ID == b.ID {
		t.Fatal("two uploads without digest are one")
	}
	g.put(g.user, a, body, 1)
	bound, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Upload: a.ID, Digest: d})
	if err != nil || bound.ID != a.ID || bound.Digest != d || !slices.Equal(bound.Held, []int{1}) {
		t.Fatalf("bind: %+v, %v", bound, err)
	}
	_, err = g.uploads.Init(t.Context(), g.user, service.InitRequest{Upload: b.ID, Digest: d})
	if e := wantKind(t, "bind of another", err, service.Conflict); e.Upload != a.ID {
		t.Fatalf("bind of another: the error names %q, want %s", e.Upload, a.ID)
	}
	_, err = g.uploads.Init(t.Context(), g.user, service.InitRequest{Upload: a.ID, Digest: store.EmptyDigest})
	wantKind(t, "another digest", err, service.Conflict)
	g.put(g.user, a, body, 2, 3)
	e, err := g.complete(g.user, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	g.holds(e, body)

	g.put(g.user, b, body) // never bound
	_, err = g.complete(g.user, b.ID)
	wantKind(t, "without any digest", err, service.Invalid)
	_, err = g.uploads.Complete(t.Context(), g.user, service.CompleteRequest{Upload: b.ID, Size: -1, Digest: store.EmptyDigest})
	wantKind(t, "with a wrong one", err, service.DigestMismatch)
	g.put(g.user, b, body)
	again, err := g.uploads.Complete(t.Context(), g.user, service.CompleteRequest{Upload: b.ID, Size: -1, Digest: d})
	if err != nil || again.ID != e.ID {
		t.Fatalf("%+v, %v; want the same entry, for the same content under the same name", again, err)
	}
	if u := g.reload(g.user); u.Used != int64(len(body)) || u.Reserved != 0 {
		t.Errorf("used %d, reserved %d", u.Used, u.Reserved)
	}
	g.holds(e, body)
}

func TestQuotaByOneByteAndByARace(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	_, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: testQuota + 1, Path: "/new", Name: "a"})
	wantKind(t, "a byte too many", err, service.QuotaExceeded)
	if _, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"new"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the folder of an upload that was refused: %v", err)
	}
	_, err = g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: 1 << 40})
	wantKind(t, "a terabyte", err, service.TooLarge)
	g.uploads.MaxOpen = 100
	var ok atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: testQuota / 4})
			if err == nil {
				ok.Add(1)
			} else {
				wantKind(t, "race", err, service.QuotaExceeded)
			}
		})
	}
	wg.Wait()
	if u := g.reload(g.user); ok.Load() != 4 || u.Reserved != testQuota {
		t.Errorf("%d of 50 began, %d bytes reserved", ok.Load(), u.Reserved)
	}
	list, err := g.uploads.Unfinished(t.Context(), g.user.ID)
	if err != nil || len(list) != 4 {
		t.Fatalf("%d unfinished: %v", len(list), err)
	}
	for _, st := range list {
		if err := g.uploads.Cancel(t.Context(), g.user.ID, st.ID); err != nil {
			t.Error(err)
		}
	}
	if u := g.reload(g.user); u.Reserved != 0 {
		t.Errorf("%d bytes reserved after cancelling", u.Reserved)
	}
	g.leftNothing()
}

// An upload that the disk cannot take is refused at once and leaves neither row nor reservation.
func TestFullDiskAtInit(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	staging, err := disk.NewStaging(g.root, disk.StagingOptions{Blobs: g.local, MinFree: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	g.uploads.Staging = staging
	for _, path := range []string{"", "/new"} {
		_, err = g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: 1, Name: "a", Path: path})
		wantKind(t, "init", err, service.NoSpace)
	}
	if _, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"new"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the folder of an upload that was refused: %v", err)
	}
	form, err := g.uploads.NewForm(t.Context(), g.user, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	wantKind(t, "form", form.Add(t.Context(), "a", bytes.NewReader([]byte("a"))), service.NoSpace)
	if list, err := g.uploads.Unfinished(t.Context(), g.user.ID); err != nil || len(list) != 0 {
		t.Errorf("%d uploads are left open: %v", len(list), err)
	}
	if u := g.reload(g.user); u.Reserved != 0 {
		t.Errorf("%d bytes are still reserved", u.Reserved)
	}
	g.leftNothing()
}

func TestTooManyOpenUploads(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	for range 10 {
		if _, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"", "/new"} {
		_, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: 1, Path: path})
		wantKind(t, "the eleventh", err, service.TooMany)
	}
	if _, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"new"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the folder of an upload that was refused: %v", err)
	}
}

func TestTwoUsersUploadTheSameAtOnce(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(10, 3*testChunk+5)
	users := []store.User{g.user, g.addUser("bob"), g.addUser("carol")}
	var wg sync.WaitGroup
	for _, u := range users {
		wg.Go(func() { g.holds(g.bring(u, body, "same"), body) })
	}
	wg.Wait()
	c, err := g.db.Content(t.Context(), storetest.SumsOf(body).Digest)
	if err != nil || c.Refs != 3 {
		t.Errorf("%d references: %v", c.Refs, err)
	}
	g.spares(g.local).Once(t.Context())
	if blobs := g.countBlobs(); blobs != 1 {
		t.Errorf("%d blobs", blobs)
	}
	g.leftNothing()
}

func TestCancelByDigest(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(11, testChunk)
	st := g.init(g.user, body, "a")
	d := storetest.SumsOf(body).Digest
	if err := g.uploads.CancelDigest(t.Context(), g.user.ID, d); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "again", g.uploads.CancelDigest(t.Context(), g.user.ID, d), service.NotFound)
	if err := g.uploads.Cancel(t.Context(), g.user.ID, st.ID); err != nil {
		t.Errorf("again by ID: %v", err)
	}
	_, err := g.complete(g.user, st.ID)
	wantKind(t, "complete after cancel", err, service.NotFound)
	e := g.bring(g.user, body, "a")
	wantKind(t, "cancel after complete", g.uploads.Cancel(t.Context(), g.user.ID, e.Content.Location.Name().Upload()), service.Conflict)
}
