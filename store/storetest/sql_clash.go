package storetest

import (
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// Clashes tests what is done about a name that is taken, and about an entry that has changed, on all three ways that make a name.
func Clashes(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Complete":            clashComplete,
		"Link":                clashLink,
		"Move":                clashMove,
		"ReplaceAFolder":      clashFolder,
		"ReplaceWhatItLiesIn": clashAncestor,
		"Revision":            clashRevision,
	})
}

func clashComplete(w *world) {
	old := w.file(w.alice, "", "a", "old", 5)
	c := w.completion(w.alice, "a", sums("new", 7))
	c.Clash = store.ClashFail
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrExists)
	w.account(w.alice, 5, 0)
	c.Clash = store.ClashReplace
	e := w.complete(c).Entry
	w.wantNames(w.alice, "", "a")
	w.visible(w.alice, false, old.ID)
	w.account(w.alice, 12, 0) // what is in the trash is still charged
	back, err := w.db.Restore(w.Context(), w.alice.ID, old.ID, w.now)
	w.ok(err)
	if e.Name != "a" || back.Name != "a (2)" {
		w.Errorf("the new one is called %q, the old one came back as %q", e.Name, back.Name)
	}
	w.counted()
}

func clashLink(w *world) {
	old := w.file(w.alice, "", "a", "old", 5)
	e := w.file(w.alice, "", "b", "other", 7)
	link := func(c store.Clash) (store.Entry, error) {
		return w.db.LinkContent(w.Context(), store.NewEntry{
			User: w.alice.ID, Digest: e.Content.Sums.Digest, Size: 7, Name: "a", Clash: c, When: w.now,
		})
	}
	_, err := link(store.ClashFail)
	w.is(err, store.ErrExists)
	got, err := link(store.ClashRename)
	w.ok(err)
	if got.Name != "a (2)" {
		w.Errorf("renamed to %q", got.Name)
	}
	got, err = link(store.ClashReplace)
	w.ok(err)
	if got.Name != "a" {
		w.Errorf("called %q", got.Name)
	}
	w.visible(w.alice, false, old.ID)
	again, err := link(store.ClashReplace) // the same content under the same name replaces nothing
	w.ok(err)
	if again.ID != got.ID {
		w.Error("a file was replaced by itself")
	}
	w.counted()
}

func clashMove(w *world) {
	old := w.file(w.alice, "", "a", "old", 1)
	e := w.file(w.alice, "", "b", "other", 1)
	to := store.NewPlace{Name: "a", Clash: store.ClashRename, When: w.now}
	got, err := w.db.Move(w.Context(), w.alice.ID, e.ID, to)
	w.ok(err)
	if got.Name != "a (2)" {
		w.Errorf("renamed to %q", got.Name)
	}
	to.Clash = store.ClashReplace
	got, err = w.db.Move(w.Context(), w.alice.ID, e.ID, to)
	w.ok(err)
	w.visible(w.alice, false, old.ID)
	if got.Name != "a" || got.ID != e.ID {
		w.Errorf("moved to %+v", got)
	}
	w.wantNames(w.alice, "", "a")
}

func clashFolder(w *world) {
	docs := w.folder(w.alice, "/docs")
	below := w.file(w.alice, docs, "x", "x", 1)
	e := w.file(w.alice, "", "b", "other", 1)
	_, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Name: "docs", Clash: store.ClashReplace, When: w.now})
	w.ok(err)
	w.visible(w.alice, false, docs, below.ID)
	back, err := w.db.Restore(w.Context(), w.alice.ID, docs, w.now)
	w.ok(err)
	w.visible(w.alice, true, back.ID, below.ID)
}

func clashAncestor(w *world) {
	docs := w.folder(w.alice, "/docs")
	e := w.file(w.alice, docs, "x", "x", 1)
	_, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Name: "docs", Clash: store.ClashReplace, When: w.now})
	w.is(err, store.ErrInvalid)
	w.visible(w.alice, true, docs, e.ID)
}

func clashRevision(w *world) {
	e := w.file(w.alice, "", "a", "a", 1)
	moved, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Name: "b", Revision: e.Revision, When: w.now})
	w.ok(err)
	if moved.Revision <= e.Revision {
		w.Errorf("revision %d after %d", moved.Revision, e.Revision)
	}
	_, err = w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Name: "c", Revision: e.Revision, When: w.now})
	w.is(err, store.ErrConflict)
	w.is(w.db.Trash(w.Context(), w.alice.ID, e.ID, e.Revision, w.now), store.ErrConflict)
	w.wantNames(w.alice, "", "b")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, moved.Revision, w.now))
}
