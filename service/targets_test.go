package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// announce starts or goes on with the upload of a body for a target.
func (g *uploadRig) announce(body []byte, path, name string) service.UploadStatus {
	g.t.Helper()
	st, err := g.uploads.Init(g.t.Context(), g.user, service.InitRequest{
		Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), ChunkSize: testChunk, Name: name, Path: path,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return st
}

func (g *uploadRig) completeAs(id store.UploadID, path, name string) store.Entry {
	g.t.Helper()
	e, err := g.uploads.Complete(g.t.Context(), g.user, service.CompleteRequest{Upload: id, Size: -1, Path: path, Name: name})
	if err != nil {
		g.t.Fatal(err)
	}
	return e
}

func (g *uploadRig) pathOf(e store.Entry) string {
	g.t.Helper()
	p, err := g.db.PathOf(g.t.Context(), g.user.ID, e.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	return p.String()
}

// files returns the paths of all files of the user, sorted.
func (g *uploadRig) files() []string {
	g.t.Helper()
	es, _, err := g.db.List(g.t.Context(), store.Query{User: g.user.ID, Files: true, Sort: store.ByName, Limit: 100})
	if err != nil {
		g.t.Fatal(err)
	}
	paths := []string{}
	for _, e := range es {
		paths = append(paths, g.pathOf(e))
	}
	slices.Sort(paths)
	return paths
}

func (g *uploadRig) wantFiles(want ...string) {
	g.t.Helper()
	if got := g.files(); !slices.Equal(got, want) {
		g.t.Errorf("files are %q, want %q", got, want)
	}
}

// Two tabs bring one content to two targets. Both files must be there, and the bytes are sent once.
func TestOneContentToTwoTargets(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ path1, name1, path2, name2 string }{
		"two folders":          {"/A", "x", "/B", "x"},
		"two names":            {"/C", "one", "/C", "two"},
		"the root and below":   {"", "x", "/D", "x"},
		"the root by its path": {"/", "one", "/", "two"},
	} {
		for _, named := range []bool{true, false} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				g := newUploadRig(t)
				body := storetest.Bytes(1, 2*testChunk)
				a := g.announce(body, c.path1, c.name1)
				b := g.announce(body, c.path2, c.name2)
				if a.ID != b.ID {
					t.Fatalf("two uploads: %s and %s", a.ID, b.ID)
				}
				g.put(g.user, a, body)
				if named {
					for range 2 {
						g.completeAs(a.ID, c.path1, c.name1)
						g.completeAs(b.ID, c.path2, c.name2)
					}
				} else { // one request gets all that was announced
					for range 2 {
						g.completeAs(a.ID, "", "")
					}
				}
				want := []string{}
				for _, p := range []string{c.path1 + "/" + c.name1, c.path2 + "/" + c.name2} {
					path, err := store.ParsePath(p)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, path.String())
				}
				slices.Sort(want)
				g.wantFiles(want...)
				if u := g.reload(g.user); u.Used != 2*int64(len(body)) || u.Reserved != 0 {
					t.Errorf("used %d, reserved %d", u.Used, u.Reserved)
				}
				g.leftNothing()
				if n := g.countBlobs(); n != 1 {
					t.Errorf("%d blobs, want 1", n)
				}
			})
		}
	}
}

func TestManyTargetsAtOnce(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(2, testChunk)
	st := g.announce(body, "", "a")
	g.put(g.user, st, body)
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			name := string(rune('a' + i%3))
			e, err := g.uploads.Complete(t.Context(), g.user, service.CompleteRequest{Upload: st.ID, Size: -1, Name: name})
			if err != nil || e.Name != name {
				t.Errorf("complete as %s: %s, %v", name, e.Name, err)
			}
		})
	}
	wg.Wait()
	g.wantFiles("/a", "/b", "/c")
}

// The part of a target that complete leaves out is the one that was announced.
func TestCompleteNamesHalfATarget(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(3, 10)
	st := g.announce(body, "/docs", "a")
	g.put(g.user, st, body)
	g.completeAs(st.ID, "", "b")
	g.completeAs(st.ID, "/elsewhere", "")
	g.completeAs(st.ID, "", "a")
	g.wantFiles("/docs/a", "/docs/b", "/elsewhere/a")
}

// A path that init has named means the folder that was found there, wherever it is by then.
func TestUploadFollowsItsFolder(t *testing.T) {
	t.Parallel()
	for what, move := range map[string]func(g *uploadRig, folder store.EntryID) error{
		"renamed": func(g *uploadRig, folder store.EntryID) error {
			_, err := g.db.Move(g.t.Context(), g.user.ID, folder, store.NewPlace{Name: "renamed", When: time.Now()})
			return err
		},
		"moved": func(g *uploadRig, folder store.EntryID) error {
			to, err := g.db.MakeFolder(g.t.Context(), g.user.ID, store.Path{"to"}, time.Now())
			if err != nil {
				return err
			}
			_, err = g.db.Move(g.t.Context(), g.user.ID, folder, store.NewPlace{Parent: to, Name: "renamed", When: time.Now()})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newUploadRig(t)
			body := storetest.Bytes(4, 2*testChunk)
			st := g.announce(body, "/docs", "a")
			folder, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"docs"})
			if err != nil {
				t.Fatal(err)
			}
			if err := move(g, folder.ID); err != nil {
				t.Fatal(err)
			}
			g.put(g.user, st, body)
			g.announce(body, "/docs", "a") // resumed in between
			e := g.completeAs(st.ID, "/docs", "a")
			if again := g.completeAs(st.ID, "/docs/", "a"); again.ID != e.ID || e.Parent != folder.ID {
				t.Errorf("in folder %s as %s, then %s; want folder %s", e.Parent, e.ID, again.ID, folder.ID)
			}
			other := g.completeAs(st.ID, "/docs", "b") // the same folder under another name of the file
			if other.Parent != folder.ID {
				t.Errorf("another name went to folder %s, want %s", other.Parent, folder.ID)
			}
			if n := len(g.files()); n != 2 {
				t.Errorf("files are %q", g.files())
			}
		})
	}
}

// A folder that is in the trash by then is created again if complete names it. A repeated complete makes no second file.
func TestUploadIntoATrashedFolder(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(5, 10)
	st := g.announce(body, "/docs", "a")
	g.put(g.user, st, body)
	trash := func() {
		t.Helper()
		folder, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"docs"})
		if err != nil {
			t.Fatal(err)
		}
		if err := g.db.Trash(t.Context(), g.user.ID, folder.ID, 0, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	trash()
	g.completeAs(st.ID, "/docs", "a")
	g.completeAs(st.ID, "/docs", "a")
	g.wantFiles("/docs/a")
	trash()
	if e := g.completeAs(st.ID, "/docs", "a"); e.ID != "" {
		t.Errorf("after the file went to the trash: %+v", e)
	}
	g.wantFiles()
}

// The modification time that was named last counts.
func TestLastModificationTimeCounts(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(6, 10)
	times := []time.Time{time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC(), time.Unix(3, 0).UTC()}
	init := func(modified time.Time) service.UploadStatus {
		st, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{
			Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), Name: "a", Modified: modified,
		})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	st := init(times[0])
	init(times[1])
	init(time.Time{})
	g.put(g.user, st, body)
	if e := g.completeAs(st.ID, "", "b"); !e.Modified.Equal(times[1]) {
		t.Errorf("modified %v, want that of the last init", e.Modified)
	}
	e, err := g.uploads.Complete(t.Context(), g.user, service.CompleteRequest{Upload: st.ID, Size: -1, Name: "c", Modified: times[2]})
	if err != nil || !e.Modified.Equal(times[2]) {
		t.Errorf("modified %v, %v; want that of complete", e.Modified, err)
	}
}

// The files of several targets appear together, or none does and the upload stays open.
func TestTargetsAppearTogether(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	g.bring(g.user, storetest.Bytes(9, 10), "taken")
	body := storetest.Bytes(7, testChunk)
	st := g.announce(body, "/re", "free")
	g.announce(body, "", "taken")
	g.put(g.user, st, body)
	req := service.CompleteRequest{Upload: st.ID, Size: -1, Clash: store.ClashFail}
	_, err := g.uploads.Complete(t.Context(), g.user, req)
	wantKind(t, "one name is taken", err, service.NameTaken)
	g.wantFiles("/taken")
	if _, err := g.uploads.Status(t.Context(), g.user.ID, st.ID); err != nil {
		t.Errorf("status after a refused complete: %v", err)
	}
	if n := g.countBlobs(); n != 1 {
		t.Errorf("%d blobs after a refused complete, want 1", n)
	}
	g.uploads.Step = func(name string) {
		if name == "complete.committed" {
			panic(name)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Complete has no step complete.committed")
			}
		}()
		g.complete(g.user, st.ID)
	}()
	g.start()
	g.wantFiles("/re/free", "/taken", "/taken (2)")
	e, err := g.complete(g.user, st.ID)
	if err != nil || e.Name != "taken (2)" {
		t.Errorf("repeated: %s, %v", e.Name, err)
	}
	if err := g.db.Trash(t.Context(), g.user.ID, e.ID, 0, time.Now()); err != nil {
		t.Fatal(err)
	}
	if e, err := g.complete(g.user, st.ID); err != nil || e.Name != "free" {
		t.Errorf("repeated after one was deleted: %s, %v", e.Name, err)
	}
	g.leftNothing()
}

// A complete that was cut off after the blob got its name leaves no blob behind when the upload is cancelled, also if the
// digest was named only then.
func TestCancelAfterACutComplete(t *testing.T) {
	t.Parallel()
	for what, bound := range map[string]bool{"digest known": true, "digest named by complete": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newUploadRig(t)
			body := storetest.Bytes(10, testChunk)
			init := service.InitRequest{Size: int64(len(body)), ChunkSize: testChunk, Name: "a"}
			digest := storetest.SumsOf(body).Digest
			if bound {
				init.Digest = digest
			}
			st, err := g.uploads.Init(t.Context(), g.user, init)
			if err != nil {
				t.Fatal(err)
			}
			g.put(g.user, st, body)
			ctx, cut := context.WithCancel(t.Context())
			g.uploads.Step = func(name string) {
				if name == "complete.published" {
					cut()
				}
			}
			req := service.CompleteRequest{Upload: st.ID, Size: -1, Digest: digest}
			if _, err := g.uploads.Complete(ctx, g.user, req); err == nil {
				t.Fatal("Complete succeeded although its caller gave up")
			}
			if err := g.uploads.Cancel(t.Context(), g.user.ID, st.ID); err != nil {
				t.Fatal(err)
			}
			want := g.local.Locate(store.NewBlobName(digest, st.ID))
			list, err := g.db.DueGarbage(t.Context(), store.Local, "n1", time.Now().Add(time.Hour), 10)
			if err != nil || len(list) != 1 || list[0].Location != want {
				t.Errorf("garbage is %v, %v; want %s", list, err, want)
			}
		})
	}
}

func TestTooManyTargets(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(11, testChunk)
	st := g.announce(body, "", "a")
	for i := 1; i < store.MaxUploadTargets; i++ {
		g.announce(body, "", fmt.Sprint("a", i))
	}
	g.put(g.user, st, body)
	req := service.CompleteRequest{Upload: st.ID, Size: -1, Name: "more", Path: "/new"}
	_, err := g.uploads.Complete(t.Context(), g.user, req)
	wantKind(t, "one target too many", err, service.TooMany)
	req.Path = ""
	_, err = g.uploads.Complete(t.Context(), g.user, req)
	wantKind(t, "one target too many in the root", err, service.TooMany)
	if _, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"new"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a refused complete has left its folder: %v", err)
	}
	if n := g.countBlobs(); n != 0 {
		t.Errorf("%d blobs after a refused complete", n)
	}
	g.completeAs(st.ID, "", "a")
}

func TestFurtherTargetIsRefused(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(8, testQuota/2+1)
	e := g.bring(g.user, body, "a")
	id := e.Content.Location.Name().Upload()
	req := service.CompleteRequest{Upload: id, Size: -1, Name: "b"}
	_, err := g.uploads.Complete(t.Context(), g.user, req)
	wantKind(t, "quota", err, service.QuotaExceeded)
	req.Name = "a/b"
	_, err = g.uploads.Complete(t.Context(), g.user, req)
	wantKind(t, "name", err, service.Invalid)
	if err := g.db.Trash(t.Context(), g.user.ID, e.ID, 0, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := g.db.Purge(t.Context(), g.user.ID, e.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	req.Name = "c"
	_, err = g.uploads.Complete(t.Context(), g.user, req)
	wantKind(t, "deleted for good", err, service.NotFound)
	req.Name = "a"
	if e, err := g.uploads.Complete(t.Context(), g.user, req); err != nil || e.ID != "" {
		t.Errorf("repeated: %+v, %v", e, err)
	}
}

// A raceTargets calls race before the targets of an upload are read.
type raceTargets struct {
	*sqldb.DB
	race func()
}

func (r *raceTargets) UploadTargets(ctx context.Context, user store.UserID, id store.UploadID) ([]store.UploadTarget, error) {
	if race := r.race; race != nil {
		r.race = nil
		race()
	}
	return r.DB.UploadTargets(ctx, user, id)
}

// Init may find an open upload that another client ends at the same moment.
func TestInitOfAnUploadThatEnds(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(g *uploadRig, st service.UploadStatus){
		"completed": func(g *uploadRig, st service.UploadStatus) { g.completeAs(st.ID, "", "a") },
		"cancelled": func(g *uploadRig, st service.UploadStatus) {
			if err := g.uploads.Cancel(g.t.Context(), g.user.ID, st.ID); err != nil {
				g.t.Error(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newUploadRig(t)
			body := storetest.Bytes(12, testChunk)
			st := g.announce(body, "", "a")
			g.put(g.user, st, body)
			g.uploads.Targets = &raceTargets{g.db, func() { end(g, st) }}
			again, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{
				Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), ChunkSize: testChunk, Name: "b",
			})
			if what == "completed" {
				wantKind(t, "init", err, service.AlreadyHave)
			} else if err != nil || again.ID == st.ID {
				t.Errorf("init: upload %s, %v; want another than %s", again.ID, err, st.ID)
			}
		})
	}
}
