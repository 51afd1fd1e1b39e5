package storetest

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A Database is all that a driver keeps in rows. Its contracts share their transactions, so they are tested together.
type Database interface {
	store.Users
	store.Tokens
	store.Contents
	store.Uploads
	store.UploadTargets
	store.UploadKeeper
	store.Entries
	store.EntryChanges
	store.Transfers
	store.GarbageList
	store.EntryTrees
	store.Savings
	store.Moves
	store.Spares
}

// SQL tests that a driver keeps the contracts of rows. open returns an empty database.
func SQL(t *testing.T, open func(*testing.T) Database) {
	for name, suite := range map[string]func(*testing.T, func(*testing.T) Database){
		"Users":     Users,
		"Tokens":    Tokens,
		"Contents":  Contents,
		"Uploads":   Uploads,
		"Complete":  Complete,
		"Targets":   UploadTargets,
		"Keeper":    UploadKeeper,
		"Entries":   Entries,
		"List":      List,
		"Changes":   EntryChanges,
		"Clashes":   Clashes,
		"Trash":     Trash,
		"Parts":     RestoreParts,
		"Transfers": Transfers,
		"Garbage":   GarbageList,
		"Spares":    Spares,
		"Names":     HardNames,
		"Copies":    Copies,
		"Search":    Search,
		"Saved":     Saved,
		"Races":     Races,
		"Storm":     Storm,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, open)
		})
	}
}

// A world is a database, its users, and a clock that moves only when told.
type world struct {
	*testing.T
	db    Database
	now   time.Time
	alice store.User // with much quota
	bob   store.User
}

const plenty = int64(1) << 50

// worlds runs each test in a world of its own.
func worlds(t *testing.T, open func(*testing.T) Database, tests map[string]func(*world)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{T: t, db: open(t), now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)}
			w.alice, w.bob = w.user("alice", plenty), w.user("bob", plenty)
			test(w)
		})
	}
}

// later moves the clock.
func (w *world) later(d time.Duration) time.Time {
	w.now = w.now.Add(d)
	return w.now
}

func (w *world) user(name string, quota int64) store.User {
	w.Helper()
	u, err := w.db.CreateUser(w.Context(), store.User{
		Name: name, PasswordHash: "secret of " + name, Role: store.RoleUser, Quota: quota, SignupAt: w.now,
	})
	w.ok(err)
	return u
}

// sums invents the checksums of a content that is known by a word.
func sums(word string, size int64) store.Sums {
	return store.Sums{Digest: sha1.Sum([]byte(word)), SHA256: sha256.Sum256([]byte(word)), Size: size}
}

// completion is a streamed form's, which has no row.
func (w *world) completion(u store.User, name string, s store.Sums) store.Completion {
	id := store.NewUploadID("n1")
	return store.Completion{
		Upload: id, User: u.ID, Sums: s, Location: store.LocalLocation("n1", store.NewBlobName(s.Digest, id)),
		Target: store.Disk, Name: name, When: w.later(time.Second),
	}
}

func (w *world) complete(c store.Completion) store.Completed {
	w.Helper()
	done, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.ok(err)
	if len(done) != 1 {
		w.Fatalf("CompleteUploads returned %d results for one completion", len(done))
	}
	return done[0]
}

// file makes a file with a content of its own, or the one known by the word.
func (w *world) file(u store.User, parent store.EntryID, name, word string, size int64) store.Entry {
	w.Helper()
	c := w.completion(u, name, sums(word, size))
	c.Parent = parent
	return w.complete(c).Entry
}

func (w *world) folder(u store.User, path string) store.EntryID {
	w.Helper()
	p, err := store.ParsePath(path)
	w.ok(err)
	id, err := w.db.MakeFolder(w.Context(), u.ID, p, w.later(time.Second))
	w.ok(err)
	return id
}

// begin starts an upload.
func (w *world) begin(u store.User, s store.Sums) store.Upload {
	w.Helper()
	up := w.upload(u, s)
	w.ok(w.db.StartUpload(w.Context(), up, store.UploadLimits{}))
	return up
}

func (w *world) upload(u store.User, s store.Sums) store.Upload {
	now := w.later(time.Second)
	return store.Upload{
		ID: store.NewUploadID("n1"), User: u.ID, Digest: s.Digest, Layout: store.Layout{Size: s.Size, ChunkSize: 5 << 20},
		Name: "upload.bin", Created: now, Expires: now.Add(time.Hour),
	}
}

// finishing is the completion of a started upload.
func (w *world) finishing(up store.Upload, s store.Sums) store.Completion {
	return w.finishingAt(up, s, w.later(time.Second))
}

func (w *world) finishingAt(up store.Upload, s store.Sums, when time.Time) store.Completion {
	return store.Completion{
		Upload: up.ID, User: up.User, Row: true, Sums: s,
		Location: store.LocalLocation("n1", store.NewBlobName(s.Digest, up.ID)),
		Target:   store.Disk, Parent: up.Parent, Path: up.Path, Name: up.Name, When: when,
	}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Fatalf("error is %v, want %v", err, want)
	}
}

// account fails unless the user's use and reservation are these, and all counts are what the rows say.
func (w *world) account(u store.User, used, reserved int64) {
	w.Helper()
	got, err := w.db.User(w.Context(), u.ID)
	w.ok(err)
	if got.Used != used || got.Reserved != reserved {
		w.Errorf("%s uses %d and reserves %d, want %d and %d", u.Name, got.Used, got.Reserved, used, reserved)
	}
	w.counted()
}

func (w *world) counted() {
	w.Helper()
	wrong, err := w.db.CountRefs(w.Context(), false, 100)
	w.ok(err)
	if len(wrong) > 0 {
		w.Errorf("wrong counts: %+v", wrong)
	}
}

// content fails unless there is a content with so many references, and returns it; with none there must be none.
func (w *world) content(s store.Sums, refs int64) store.Content {
	w.Helper()
	c, err := w.db.Content(w.Context(), s.Digest)
	if refs == 0 {
		w.is(err, store.ErrNotFound)
		return c
	}
	w.ok(err)
	if c.Refs != refs || c.Sums != s {
		w.Errorf("content is %+v, want %d references and %+v", c, refs, s)
	}
	return c
}

// garbage returns the listed blobs of nodes n1 and n2 and of the object store.
func (w *world) garbage() map[store.Location]store.Garbage {
	w.Helper()
	all := map[store.Location]store.Garbage{}
	for _, place := range []struct {
		kind store.Kind
		in   string
	}{{store.Local, "n1"}, {store.Local, "n2"}, {store.Disk, ""}, {store.Ceph, ""}} {
		list, err := w.db.DueGarbage(w.Context(), place.kind, place.in, w.now.AddDate(1000, 0, 0), 2000)
		w.ok(err)
		for _, g := range list {
			all[g.Location] = g
		}
	}
	return all
}

// wantGarbage fails unless exactly these blobs are listed.
func (w *world) wantGarbage(want ...store.Location) {
	w.Helper()
	got := w.garbage()
	for _, l := range want {
		if _, ok := got[l]; !ok {
			w.Errorf("%s is not garbage", l)
		}
	}
	if len(got) != len(want) {
		w.Errorf("%d blobs are garbage, want %d: %v", len(got), len(want), got)
	}
}

// names lists a folder by name.
func (w *world) names(u store.User, parent store.EntryID) []string {
	w.Helper()
	es, next, err := w.db.List(w.Context(), store.Query{User: u.ID, Parent: parent, Sort: store.ByName, Limit: 1000})
	w.ok(err)
	if next != "" {
		w.Fatal("more than a page")
	}
	names := []string{}
	for _, e := range es {
		names = append(names, e.Name)
	}
	return names
}

func (w *world) wantNames(u store.User, parent store.EntryID, want ...string) {
	w.Helper()
	if got := w.names(u, parent); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		w.Errorf("names are %q, want %q", got, want)
	}
}

// together runs fn n times at once and returns the errors.
func together(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	group.Wait()
	return errs
}

// count returns how many errors are target, nil meaning success.
func count(errs []error, target error) int {
	n := 0
	for _, err := range errs {
		if (target == nil && err == nil) || (target != nil && errors.Is(err, target)) {
			n++
		}
	}
	return n
}
