package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// UploadTargets tests store.UploadTargets, and CompleteUploads with several targets of one upload.
func UploadTargets(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Announced":             targetsAnnounced,
		"Refused":               targetsRefused,
		"Limit":                 targetsLimit,
		"FolderGone":            targetsFolderGone,
		"OneEntryEach":          targetsOneEntryEach,
		"AnotherMtime":          targetsModified,
		"AtOnce":                targetsAtOnce,
		"QuotaOfFurtherEntries": targetsQuota,
		"ClashOfFurtherEntries": targetsClash,
		"ContentGone":           targetsContentGone,
		"OthersContent":         targetsOthersContent,
		"Damaged":               targetsDamaged,
		"ForgottenWithUpload":   targetsForgotten,
	})
}

func (w *world) targets(up store.Upload) []store.UploadTarget {
	w.Helper()
	ts, err := w.db.UploadTargets(w.Context(), up.User, up.ID)
	w.ok(err)
	return ts
}

func (w *world) wantTargets(up store.Upload, want ...store.UploadTarget) {
	w.Helper()
	if got := w.targets(up); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		w.Errorf("targets are %+v, want %+v", got, want)
	}
}

func targetsAnnounced(w *world) {
	docs := w.folder(w.alice, "/docs")
	up := w.upload(w.alice, sums("a", 10))
	up.Parent, up.Path, up.Name, up.Modified = docs, "/docs", "a", w.now
	w.ok(w.db.StartUpload(w.Context(), up, store.UploadLimits{}))
	first := store.UploadTarget{Parent: docs, Name: "a", Path: "/docs", Modified: w.now}
	w.wantTargets(up, first)

	second := store.UploadTarget{Name: "b", Path: "/"}
	w.ok(w.db.AddUploadTarget(w.Context(), w.alice.ID, up.ID, second))
	w.wantTargets(up, first, second)
	second.Modified = w.now.Add(time.Hour)
	w.ok(w.db.AddUploadTarget(w.Context(), w.alice.ID, up.ID, second))
	w.wantTargets(up, first, second)
	again := second
	again.Modified = time.Time{}
	w.ok(w.db.AddUploadTarget(w.Context(), w.alice.ID, up.ID, again))
	w.wantTargets(up, first, second) // a time that is not named does not remove the one that is known

	unnamed := w.begin(w.alice, sums("b", 10))
	if ts := w.targets(unnamed); len(ts) != 1 || ts[0].Path != "" {
		w.Errorf("targets are %+v", ts)
	}
	others, err := w.db.UploadTargets(w.Context(), w.bob.ID, up.ID)
	w.ok(err)
	if len(others) != 0 {
		w.Errorf("another user sees %+v", others)
	}
}

func targetsRefused(w *world) {
	s := sums("a", 10)
	up := w.begin(w.alice, s)
	bobs := w.folder(w.bob, "/docs")
	file := w.file(w.alice, "", "file", "x", 1)
	for what, c := range map[string]struct {
		user   store.User
		id     store.UploadID
		parent store.EntryID
	}{
		"another user":          {w.bob, up.ID, ""},
		"unknown upload":        {w.alice, store.NewUploadID("n1"), ""},
		"another user's folder": {w.alice, up.ID, bobs},
		"a file as folder":      {w.alice, up.ID, file.ID},
	} {
		err := w.db.AddUploadTarget(w.Context(), c.user.ID, c.id, store.UploadTarget{Parent: c.parent, Name: "b"})
		w.Log(what)
		w.is(err, store.ErrNotFound)
	}
	w.complete(w.finishing(up, s))
	w.is(w.db.AddUploadTarget(w.Context(), w.alice.ID, up.ID, store.UploadTarget{Name: "b"}), store.ErrConflict)
}

func targetsLimit(w *world) {
	s := sums("a", 1)
	up := w.begin(w.alice, s)
	for i := 1; i < store.MaxUploadTargets; i++ {
		w.ok(w.db.AddUploadTarget(w.Context(), w.alice.ID, up.ID, store.UploadTarget{Name: fmt.Sprint(i)}))
	}
	more := store.UploadTarget{Name: "one too many"}
	w.is(w.db.AddUploadTarget(w.Context(), w.alice.ID, up.ID, more), store.ErrTooMany)
	c := w.finishing(up, s)
	w.complete(c)
	c.Name = more.Name
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrTooMany)
	w.account(w.alice, 1, 0)
}

func targetsFolderGone(w *world) {
	docs := w.folder(w.alice, "/docs")
	up := w.upload(w.alice, sums("a", 10))
	up.Parent, up.Path = docs, "/docs"
	w.ok(w.db.StartUpload(w.Context(), up, store.UploadLimits{}))
	w.ok(w.db.Trash(w.Context(), w.alice.ID, docs, 0, w.later(time.Second)))
	w.wantTargets(up, store.UploadTarget{Parent: docs, FolderGone: true, Name: "upload.bin", Path: "/docs"})
	w.ok(w.db.Purge(w.Context(), w.alice.ID, docs, w.later(time.Second)))
	w.wantTargets(up, store.UploadTarget{FolderGone: true, Name: "upload.bin", Path: "/docs"})
}

// A completion that is repeated with another mtime gives it to its entry, unless that is in the trash. A mere repetition
// changes nothing, even if the entry has another mtime by now.
func targetsModified(w *world) {
	s := sums("a", 10)
	up := w.begin(w.alice, s)
	c := w.finishing(up, s)
	c.Modified = w.now.Add(-time.Hour)
	e := w.complete(c).Entry
	set, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Name: e.Name, Modified: w.now, When: w.now})
	w.ok(err)
	if got := w.complete(c).Entry; got != set {
		w.Errorf("repeated: %+v, want %+v", got, set)
	}
	first := c.Modified
	c.Modified = w.now.Add(-time.Minute)
	got := w.complete(c).Entry
	if got.ID != e.ID || !got.Modified.Equal(c.Modified) || got.Revision != set.Revision+1 || got.Change <= set.Change {
		w.Errorf("another time: %+v after %+v", got, set)
	}
	if again := w.complete(c).Entry; again != got {
		w.Errorf("again: %+v, want %+v", again, got)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.later(time.Second)))
	c.Modified = first
	if got := w.complete(c).Entry; got.ID != e.ID || got.Deleted.IsZero() || got.Modified.Equal(first) {
		w.Errorf("in the trash: %+v", got)
	}
}

// One upload makes one entry for each folder and name, however often each is asked for.
func targetsOneEntryEach(w *world) {
	s := sums("a", 1000)
	a, b := w.folder(w.alice, "/A"), w.folder(w.alice, "/B")
	up := w.begin(w.alice, s)
	entries := map[store.EntryID]bool{}
	for range 2 {
		for _, t := range []store.UploadTarget{{Parent: a, Name: "x"}, {Parent: b, Name: "x"}, {Parent: a, Name: "y"}, {Name: "x"}} {
			c := w.finishing(up, s)
			c.Parent, c.Name = t.Parent, t.Name
			e := w.complete(c).Entry
			if e.Parent != t.Parent || e.Name != t.Name || e.Content.Sums != s {
				w.Errorf("entry for %+v is %+v", t, e)
			}
			entries[e.ID] = true
		}
	}
	if len(entries) != 4 {
		w.Errorf("%d entries, want 4", len(entries))
	}
	w.content(s, 4)
	w.account(w.alice, 4000, 0)
	w.wantGarbage()
	w.saved(w.alice, 3000)

	// An entry that was renamed or trashed since is still the result.
	x, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"A", "x"})
	w.ok(err)
	_, err = w.db.Move(w.Context(), w.alice.ID, x.ID, store.NewPlace{Name: "moved", When: w.later(time.Second)})
	w.ok(err)
	c := w.finishing(up, s)
	c.Parent, c.Name = a, "x"
	if e := w.complete(c).Entry; e.ID != x.ID || e.Name != "moved" {
		w.Errorf("after a move: %+v", e)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, x.ID, 0, w.later(time.Second)))
	if e := w.complete(c).Entry; e.ID != x.ID || e.Status != store.EntryTrashed {
		w.Errorf("in the trash: %+v", e)
	}
	w.ok(w.db.Purge(w.Context(), w.alice.ID, x.ID, w.later(time.Second)))
	_, err = w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrNotFound)
	w.account(w.alice, 3000, 0)
}

func targetsAtOnce(w *world) {
	s := sums("a", 10)
	up := w.begin(w.alice, s)
	errs := together(20, func(i int) error {
		c := w.finishingAt(up, s, w.now)
		c.Name = fmt.Sprint("copy ", i%4)
		_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
		return err
	})
	if n := count(errs, nil); n != len(errs) {
		w.Errorf("%d of %d succeeded: %v", n, len(errs), errs)
	}
	w.wantNames(w.alice, "", "copy 0", "copy 1", "copy 2", "copy 3")
	w.content(s, 4)
	w.account(w.alice, 40, 0)
}

func targetsQuota(w *world) {
	poor := w.user("poor", 1500)
	s := sums("a", 1000)
	up := w.begin(poor, s)
	c := w.finishing(up, s)
	w.complete(c)
	c.Name = "second"
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrQuota)
	w.account(poor, 1000, 0)
	w.wantNames(poor, "", "upload.bin")
}

func targetsClash(w *world) {
	s := sums("a", 1000)
	w.file(w.alice, "", "taken", "b", 1)
	up := w.begin(w.alice, s)
	c := w.finishing(up, s)
	w.complete(c)
	c.Name, c.Clash = "taken", store.ClashFail
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrExists)
	c.Clash = ""
	e := w.complete(c).Entry
	if e.Name != "taken (2)" {
		w.Errorf("entry is %+v", e)
	}
	if again := w.complete(c).Entry; again.ID != e.ID {
		w.Errorf("repeated: %+v", again)
	}
}

// Content that the user has removed for good is not made a file again.
func targetsContentGone(w *world) {
	s := sums("a", 1000)
	up := w.begin(w.alice, s)
	c := w.finishing(up, s)
	e := w.complete(c).Entry
	c.Name = "second"
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.later(time.Second)))
	second := w.complete(c).Entry // the trash counts as possession
	for _, id := range []store.EntryID{e.ID, second.ID} {
		if id == second.ID {
			w.ok(w.db.Trash(w.Context(), w.alice.ID, id, 0, w.later(time.Second)))
		}
		w.ok(w.db.Purge(w.Context(), w.alice.ID, id, w.later(time.Second)))
	}
	c.Name = "third"
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrNotFound)
	w.account(w.alice, 0, 0)
}

// Whether other users have the content makes no difference.
func targetsOthersContent(w *world) {
	s := sums("a", 1000)
	w.complete(w.completion(w.bob, "bob's", s))
	up := w.begin(w.alice, s)
	c := w.finishing(up, s)
	e := w.complete(c).Entry
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.later(time.Second)))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.later(time.Second)))
	c.Name = "second"
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrNotFound)
	w.content(s, 1)
}

func targetsDamaged(w *world) {
	s := sums("a", 1000)
	up := w.begin(w.alice, s)
	c := w.finishing(up, s)
	e := w.complete(c).Entry
	w.ok(w.db.MarkContent(w.Context(), s.Digest, e.Content.Location, store.ContentDamaged, w.later(time.Second)))
	c.Name = "second"
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrNotFound)
}

func targetsForgotten(w *world) {
	s := sums("a", 1000)
	up := w.begin(w.alice, s)
	w.complete(w.finishing(up, s))
	if n := len(w.targets(up)); n != 1 {
		w.Errorf("%d targets, want 1", n)
	}
	_, err := w.db.ForgetUploads(w.Context(), w.later(time.Hour))
	w.ok(err)
	if n := len(w.targets(up)); n != 0 {
		w.Errorf("%d targets of a forgotten upload", n)
	}
}
