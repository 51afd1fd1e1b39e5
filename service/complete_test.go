package service_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

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
	wantKind(t, "fail", err, service.NameTaken)
	if n := g.countBlobs(); n != 1 {
		t.Errorf("%d blobs after a refused complete, want the old file's alone", n)
	}
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
