package service_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	memqueue "github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

const (
	testChunk = 256 << 10
	testQuota = 64 << 20
)

// An uploadRig is the upload and instant services on real drivers in a temporary directory.
type uploadRig struct {
	t       *testing.T
	dir     string
	db      *sqldb.DB
	root    *os.Root
	local   *disk.Blobs
	staging *disk.Staging
	uploads *service.Uploads
	instant *service.Instant
	user    store.User
}

func newUploadRig(t *testing.T) *uploadRig {
	t.Helper()
	g := &uploadRig{t: t, dir: t.TempDir()}
	path := filepath.Join(g.dir, "test.db")
	if err := sqldb.Migrate(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	var err error
	if g.db, err = sqldb.Open(t.Context(), sqldb.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.db.Close() })
	if g.root, err = os.OpenRoot(g.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.root.Close() })
	g.start()
	g.user = g.addUser("alice")
	return g
}

// start builds the services anew on what is on the disk, as a new process does.
func (g *uploadRig) start() {
	g.t.Helper()
	var err error
	if g.local, err = disk.NewBlobs(g.root, "blobs", store.Local, "n1"); err != nil {
		g.t.Fatal(err)
	}
	if g.staging, err = disk.NewStaging(g.root, disk.StagingOptions{Blobs: g.local}); err != nil {
		g.t.Fatal(err)
	}
	queue := memqueue.New(memqueue.Options{})
	g.t.Cleanup(func() { queue.Close() })
	log, metrics := slog.New(slog.DiscardHandler), service.NewMetrics(nil)
	g.uploads = &service.Uploads{
		Rows: g.db, Keeper: g.db, Entries: g.db, Garbage: g.db, Staging: g.staging, Local: g.local,
		Progress: memory.NewProgress(), Queue: queue, Node: "n1", Target: store.Disk,
		MaxSize: 1 << 40, MaxOpen: 10, Log: log, Now: time.Now, Metrics: metrics,
	}
	g.instant = &service.Instant{
		Entries: g.db, Contents: g.db, Uploads: g.uploads, Places: service.Places{Node: "n1", Local: g.local},
		Challenges: memory.NewChallenges(), Throttle: &service.Throttle{Limit: 1_000_000},
		Log: log, Now: time.Now, Metrics: metrics,
	}
}

func (g *uploadRig) addUser(name string) store.User {
	g.t.Helper()
	u, err := g.db.CreateUser(g.t.Context(), store.User{
		Name: name, PasswordHash: "-", Role: store.RoleUser, Quota: testQuota, SignupAt: time.Now(), LastActive: time.Now(),
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return u
}

func (g *uploadRig) reload(u store.User) store.User {
	g.t.Helper()
	u, err := g.db.User(g.t.Context(), u.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	return u
}

func (g *uploadRig) init(u store.User, body []byte, name string) service.UploadStatus {
	g.t.Helper()
	st, err := g.uploads.Init(g.t.Context(), u, service.InitRequest{
		Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), ChunkSize: testChunk, Name: name,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return st
}

func (g *uploadRig) put(u store.User, st service.UploadStatus, body []byte, indexes ...int) {
	g.t.Helper()
	if len(indexes) == 0 {
		for i := range st.Layout.Count() {
			indexes = append(indexes, i+1)
		}
	}
	for _, i := range indexes {
		off, n := st.Layout.Extent(i)
		p := service.Part{Upload: st.ID, Index: i, Length: n}
		if err := g.uploads.PutChunk(g.t.Context(), u.ID, p, bytes.NewReader(body[off:off+n])); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *uploadRig) complete(u store.User, id store.UploadID) (store.Entry, error) {
	return g.uploads.Complete(g.t.Context(), u, service.CompleteRequest{Upload: id, Size: -1})
}

// bring uploads a whole file.
func (g *uploadRig) bring(u store.User, body []byte, name string) store.Entry {
	g.t.Helper()
	st := g.init(u, body, name)
	g.put(u, st, body)
	e, err := g.complete(u, st.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	return e
}

func (g *uploadRig) holds(e store.Entry, body []byte) {
	g.t.Helper()
	f, err := g.local.Open(g.t.Context(), e.Content.Location.Name())
	if err != nil {
		g.t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, body) {
		g.t.Fatalf("%s: read %d bytes, want %d: %v", e.Name, len(got), len(body), err)
	}
}

func wantKind(t *testing.T, what string, err error, k service.Kind) *service.Error {
	t.Helper()
	e, ok := errors.AsType[*service.Error](err)
	if !ok || e.Kind != k {
		t.Errorf("%s: %v, want kind %d", what, err, k)
		return &service.Error{}
	}
	return e
}

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

// leftNothing checks that no upload left anything in staging.
func (g *uploadRig) leftNothing() {
	g.t.Helper()
	err := g.staging.List(g.t.Context(), func(id store.UploadID, _ time.Time) error {
		g.t.Errorf("staging of %s is left behind", id)
		return nil
	})
	if err != nil {
		g.t.Error(err)
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
		st, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: c.size, ChunkSize: c.wish})
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

func TestCompleteDisagrees(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(4, 2*testChunk)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body)
	for what, req := range map[string]service.CompleteRequest{
		"digest":       {Upload: st.ID, Size: -1, Digest: store.EmptyDigest},
		"size":         {Upload: st.ID, Size: int64(len(body)) + 1},
		"chunk hashes": {Upload: st.ID, Size: -1, Digests: make([]store.Digest, 3)},
		"name":         {Upload: st.ID, Size: -1, Name: "a/b"},
		"path":         {Upload: st.ID, Size: -1, Path: "/a/../b"},
	} {
		_, err := g.uploads.Complete(t.Context(), g.user, req)
		wantKind(t, what, err, service.Invalid)
	}
	_, err := g.complete(g.user, store.NewUploadID("n1"))
	wantKind(t, "unknown upload", err, service.NotFound)
	if e, err := g.complete(g.user, st.ID); err != nil || e.Name != "a" {
		t.Errorf("after all that: %+v, %v", e, err)
	}
}

func TestCompleteByManyAtOnce(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(5, 3*testChunk)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body)
	var ids sync.Map
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			e, err := g.complete(g.user, st.ID)
			if err != nil {
				t.Error(err)
			}
			ids.Store(e.ID, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(_, _ any) bool { n++; return true })
	if u := g.reload(g.user); n != 1 || u.Used != int64(len(body)) || u.Reserved != 0 {
		t.Errorf("%d entries, used %d, reserved %d", n, u.Used, u.Reserved)
	}
	g.leftNothing()
}

func TestWrongDigestNamesTheBadChunks(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(6, 4*testChunk)
	wrong := slices.Clone(body)
	wrong[2*testChunk] ^= 1
	digests := make([]store.Digest, 4)
	for i := range digests {
		digests[i] = storetest.SumsOf(body[i*testChunk : (i+1)*testChunk]).Digest
	}
	st := g.init(g.user, body, "a")
	g.put(g.user, st, wrong)
	_, err := g.uploads.Complete(t.Context(), g.user, service.CompleteRequest{Upload: st.ID, Size: -1, Digests: digests})
	if e := wantKind(t, "with chunk hashes", err, service.DigestMismatch); !slices.Equal(e.Chunks, []int{3}) {
		t.Fatalf("bad: %v, want [3]", e.Chunks)
	}
	if now, err := g.uploads.Status(t.Context(), g.user.ID, st.ID); err != nil || !slices.Equal(now.Held, []int{1, 2, 4}) {
		t.Fatalf("held: %v, %v", now.Held, err)
	}
	g.put(g.user, st, body, 3)
	e, err := g.complete(g.user, st.ID)
	if err != nil {
		t.Fatal(err)
	}
	g.holds(e, body)
}

func TestWrongDigestTwiceEndsTheUpload(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(7, 2*testChunk)
	wrong := storetest.Bytes(8, 2*testChunk)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, wrong)
	_, err := g.complete(g.user, st.ID)
	if e := wantKind(t, "nobody to blame", err, service.DigestMismatch); !slices.Equal(e.Chunks, []int{1, 2}) {
		t.Fatalf("bad: %v, want all", e.Chunks)
	}
	g.put(g.user, st, wrong)
	_, err = g.complete(g.user, st.ID)
	wantKind(t, "again", err, service.DigestMismatch)
	_, err = g.complete(g.user, st.ID)
	wantKind(t, "after the end", err, service.NotFound)
	if u := g.reload(g.user); u.Used != 0 || u.Reserved != 0 {
		t.Errorf("used %d, reserved %d", u.Used, u.Reserved)
	}
	g.leftNothing()
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

func TestUploadNeedsAName(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(15, 10)
	st := g.init(g.user, body, "")
	g.put(g.user, st, body)
	_, err := g.complete(g.user, st.ID)
	wantKind(t, "without a name", err, service.Invalid)
	e, err := g.uploads.Complete(t.Context(), g.user, service.CompleteRequest{Upload: st.ID, Size: -1, Name: "late", Path: "/a/b"})
	if err != nil || e.Name != "late" || e.Parent == "" {
		t.Errorf("named at last: %+v, %v", e, err)
	}
}

// A taken name is decided about when the file appears, and never costs the upload.
func TestClashAtComplete(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	old := g.bring(g.user, storetest.Bytes(16, 10), "a")
	body := storetest.Bytes(17, 20)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body)
	req := service.CompleteRequest{Upload: st.ID, Size: -1, Clash: store.ClashFail}
	_, err := g.uploads.Complete(t.Context(), g.user, req)
	wantKind(t, "fail", err, service.Conflict)
	req.Clash = store.ClashReplace
	e, err := g.uploads.Complete(t.Context(), g.user, req)
	if err != nil || e.Name != "a" {
		t.Fatalf("replace: %+v, %v", e, err)
	}
	g.holds(e, body)
	if _, err := g.db.Restore(t.Context(), g.user.ID, old.ID, time.Now()); err != nil {
		t.Errorf("the replaced file is not in the trash: %v", err)
	}
}

func TestQuotaByOneByteAndByARace(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	_, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: testQuota + 1})
	wantKind(t, "a byte too many", err, service.QuotaExceeded)
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

func TestTooManyOpenUploads(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	for range 10 {
		if _, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: 1}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: 1})
	wantKind(t, "the eleventh", err, service.TooMany)
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
	blobs := 0
	err = g.local.List(t.Context(), func(store.BlobInfo) error { blobs++; return nil })
	if err != nil || blobs != 1 {
		t.Errorf("%d blobs: %v", blobs, err)
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

// A crash between any two steps of Complete costs nothing: the same call does the rest.
func TestCompleteAfterACrashAtEachStep(t *testing.T) {
	t.Parallel()
	for _, step := range []string{
		"complete.verified", "complete.published", "complete.committed", "complete.queued", "complete.progress-dropped",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			g := newUploadRig(t)
			body := storetest.Bytes(12, 2*testChunk)
			st := g.init(g.user, body, "a")
			g.put(g.user, st, body)
			g.uploads.Step = func(name string) {
				if name == step {
					panic(step)
				}
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("Complete has no step %s", step)
					}
				}()
				g.complete(g.user, st.ID)
			}()
			g.start()
			e, err := g.complete(g.user, st.ID)
			if err != nil {
				t.Fatal(err)
			}
			g.holds(e, body)
			if u := g.reload(g.user); u.Used != int64(len(body)) || u.Reserved != 0 {
				t.Errorf("used %d, reserved %d", u.Used, u.Reserved)
			}
			if errs, err := g.db.CountRefs(t.Context(), false, 10); err != nil || len(errs) > 0 {
				t.Errorf("counts: %v, %v", errs, err)
			}
			g.leftNothing()
		})
	}
}

func TestSHAtteredCollisionIsRefused(t *testing.T) {
	t.Parallel()
	a, b := shattered(t)
	g := newUploadRig(t)
	e := g.bring(g.user, a, "a.pdf")
	bob := g.addUser("bob")
	st := g.init(bob, b, "b.pdf")
	g.put(bob, st, b)
	_, err := g.complete(bob, st.ID)
	wantKind(t, "collision", err, service.Collision)
	g.holds(e, a)
	if u := g.reload(bob); u.Used != 0 || u.Reserved != 0 {
		t.Errorf("used %d, reserved %d", u.Used, u.Reserved)
	}
	g.leftNothing()
}

func TestForm(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	form, err := g.uploads.NewForm(t.Context(), g.user, "/new/folder", "")
	if err != nil {
		t.Fatal(err)
	}
	bodies := [][]byte{storetest.Bytes(13, 1<<20+1), nil, storetest.Bytes(14, 10)}
	for i, b := range bodies {
		if err := form.Add(t.Context(), []string{"a", "b", "a"}[i], bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := form.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		g.holds(e, bodies[i])
	}
	if entries[2].Name != "a (2)" {
		t.Errorf("the second a is called %q", entries[2].Name)
	}
	if u := g.reload(g.user); u.Used != 1<<20+11 {
		t.Errorf("used %d", u.Used)
	}
	g.leftNothing()
}

func TestFormLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		name string
		body io.Reader
		kind service.Kind
	}{
		"cut off":    {"b", io.MultiReader(strings.NewReader("abc"), cut{}), service.CutOff},
		"over quota": {"b", io.LimitReader(zeros{}, testQuota), service.QuotaExceeded},
		"bad name":   {"..", strings.NewReader("abc"), service.Invalid},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newUploadRig(t)
			form, err := g.uploads.NewForm(t.Context(), g.user, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if err := form.Add(t.Context(), "a", strings.NewReader("whole")); err != nil {
				t.Fatal(err)
			}
			wantKind(t, what, form.Add(t.Context(), c.name, c.body), c.kind)
			if err := form.Close(); err != nil {
				t.Error(err)
			}
			g.leftNothing()
			if list, _, err := g.db.List(t.Context(), store.Query{User: g.user.ID, Files: true, Sort: store.Newest, Limit: 5}); err != nil || len(list) != 0 {
				t.Errorf("%d files, %v", len(list), err)
			}
		})
	}
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
