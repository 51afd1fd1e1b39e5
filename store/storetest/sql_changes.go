package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// EntryChanges tests store.EntryChanges.Move; Trash tests the others.
func EntryChanges(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Move":                 changesMove,
		"OwnPlaceIsNoChange":   changesNoChange,
		"Mtime":                changesModified,
		"NameIsTaken":          changesTaken,
		"IntoItself":           changesIntoItself,
		"TargetMustBeAFolder":  changesTarget,
		"ToANewFolder":         changesNewFolder,
		"OneOfManyGetsTheName": changesRace,
		"CrossingMoves":        changesCrossing,
	})
}

func changesMove(w *world) {
	docs := w.folder(w.alice, "/docs")
	e := w.file(w.alice, "", "a", "a", 1)
	at := w.later(time.Hour)
	moved, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: docs, Name: "b", When: at})
	w.ok(err)
	want := e
	want.Parent, want.Name, want.Updated, want.Revision, want.Change = docs, "b", at, 2, moved.Change
	if moved != want || moved.Change <= e.Change {
		w.Errorf("moved %+v, want %+v", moved, want)
	}
	w.wantNames(w.alice, "", "docs")
	w.wantNames(w.alice, docs, "b")
	w.account(w.alice, 1, 0)
	w.folder(w.alice, "/target")
	target, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"target"})
	w.ok(err)
	_, err = w.db.Move(w.Context(), w.alice.ID, docs, store.NewPlace{Parent: target.ID, Name: "papers", When: w.now})
	w.ok(err)
	found, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"target", "papers", "b"})
	w.ok(err)
	if found.ID != e.ID {
		w.Errorf("found %+v", found)
	}
}

// changesNewFolder: a move creates its folder, and one that is refused creates none.
func changesNewFolder(w *world) {
	ctx := w.Context()
	docs := w.folder(w.alice, "/docs")
	e := w.file(w.alice, "", "a", "a", 1)
	w.file(w.alice, "", "b", "b", 1)
	tooDeep := make(store.Path, store.MaxDepth+1)
	for i := range tooDeep {
		tooDeep[i] = "d"
	}
	for what, tt := range map[string]struct {
		id   store.EntryID
		to   store.NewPlace
		want error
	}{
		"into itself":    {docs, store.NewPlace{Folder: &store.Path{"docs", "x", "y"}, Name: "docs"}, store.ErrInvalid},
		"stale revision": {e.ID, store.NewPlace{Folder: &store.Path{"new", "sub"}, Name: "a", Revision: 99}, store.ErrConflict},
		"no such entry":  {store.NewEntryID(), store.NewPlace{Folder: &store.Path{"new", "sub"}, Name: "a"}, store.ErrNotFound},
		"no such name":   {e.ID, store.NewPlace{Folder: &store.Path{"new", "sub"}, Name: "a/b"}, store.ErrInvalid},
		"bad folder":     {e.ID, store.NewPlace{Folder: &store.Path{"new", "..", "x"}, Name: "a"}, store.ErrInvalid},
		"file as folder": {e.ID, store.NewPlace{Folder: &store.Path{"b", "sub"}, Name: "a"}, store.ErrInTheWay},
		"too deep":       {e.ID, store.NewPlace{Folder: &tooDeep, Name: "a"}, store.ErrInvalid},
	} {
		tt.to.When = w.now
		if _, err := w.db.Move(ctx, w.alice.ID, tt.id, tt.to); !errors.Is(err, tt.want) {
			w.Errorf("%s: %v, want %v", what, err, tt.want)
		}
		w.wantNames(w.alice, "", "docs", "a", "b")
		w.wantNames(w.alice, docs)
	}
	moved, err := w.db.Move(ctx, w.alice.ID, e.ID, store.NewPlace{Folder: &store.Path{"docs", "new", "sub"}, Name: "c", When: w.now})
	w.ok(err)
	found, err := w.db.EntryAt(ctx, w.alice.ID, store.Path{"docs", "new", "sub", "c"})
	w.ok(err)
	if found.ID != e.ID || moved != found {
		w.Errorf("found %+v, moved %+v", found, moved)
	}
	root, err := w.db.Move(ctx, w.alice.ID, e.ID, store.NewPlace{Folder: &store.Path{}, Parent: docs, Name: "c", When: w.now})
	w.ok(err)
	if root.Parent != "" {
		w.Errorf("the empty path is not the root: %+v", root)
	}
}

func changesNoChange(w *world) {
	e := w.file(w.alice, "", "a", "a", 1)
	same, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: "", Name: "a", When: w.later(time.Hour)})
	w.ok(err)
	if same != e {
		w.Errorf("changed to %+v", same)
	}
}

// An mtime is set alone or together with another place, each time as one change; the same one again is none.
func changesModified(w *world) {
	e := w.file(w.alice, "", "a", "a", 1)
	folder := w.folder(w.alice, "/docs")
	want := e
	set := func(to store.NewPlace, modified time.Time) {
		w.Helper()
		to.When = want.Updated.Add(time.Second)
		changed, err := w.db.Move(w.Context(), w.alice.ID, e.ID, to)
		w.ok(err)
		want.Parent, want.Name, want.Modified = to.Parent, to.Name, modified
		want.Updated, want.Revision, want.Change = to.When, want.Revision+1, changed.Change
		if changed != want || changed.Change <= e.Change {
			w.Errorf("changed to %+v, want %+v", changed, want)
		}
	}
	old, fine := time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), w.now.Add(1234567*time.Nanosecond)
	set(store.NewPlace{Name: "a", Modified: old}, old)
	set(store.NewPlace{Name: "a", Modified: fine}, fine.Truncate(time.Microsecond))
	for _, same := range []time.Time{{}, fine, fine.Truncate(time.Microsecond)} {
		got, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Name: "a", Modified: same, When: w.later(time.Hour)})
		w.ok(err)
		if got != want {
			w.Errorf("the same time again changed it to %+v", got)
		}
	}
	set(store.NewPlace{Parent: folder, Name: "b"}, want.Modified)
	set(store.NewPlace{Name: "c", Modified: old}, old)
	_, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Name: "c", Modified: fine, Revision: 1, When: w.now})
	w.is(err, store.ErrConflict)
	of, err := w.db.Move(w.Context(), w.alice.ID, folder, store.NewPlace{Name: "docs", Modified: old, When: w.now})
	w.ok(err)
	if !of.Modified.Equal(old) || of.Kind != store.Folder {
		w.Errorf("folder %+v", of)
	}
}

func changesTaken(w *world) {
	e := w.file(w.alice, "", "a", "a", 1)
	w.file(w.alice, "", "b", "b", 1)
	docs := w.folder(w.alice, "/docs")
	w.file(w.alice, docs, "a", "c", 1)
	_, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: "", Name: "b", When: w.now})
	w.is(err, store.ErrExists)
	_, err = w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: docs, Name: "a", When: w.now})
	w.is(err, store.ErrExists)
	_, err = w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: "", Name: "docs", When: w.now})
	w.is(err, store.ErrExists)
	if got, err := w.db.Entry(w.Context(), w.alice.ID, e.ID); err != nil || got != e {
		w.Errorf("changed to %+v, %v", got, err)
	}
	gone := w.file(w.alice, "", "free again", "d", 1)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, gone.ID, 0, w.now))
	_, err = w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: "", Name: "free again", When: w.now})
	w.ok(err)
}

func changesIntoItself(w *world) {
	deep := w.folder(w.alice, "/a/b/c")
	a, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"a"})
	w.ok(err)
	for _, parent := range []store.EntryID{a.ID, deep} {
		_, err = w.db.Move(w.Context(), w.alice.ID, a.ID, store.NewPlace{Parent: parent, Name: "x", When: w.now})
		w.is(err, store.ErrInvalid)
	}
	if got := w.folder(w.alice, "/a/b/c"); got != deep {
		w.Error("the tree changed")
	}
	_, err = w.db.Move(w.Context(), w.alice.ID, deep, store.NewPlace{Parent: "", Name: "up", When: w.now})
	w.ok(err)
	w.wantNames(w.alice, "", "a", "up")
}

func changesTarget(w *world) {
	e, file := w.file(w.alice, "", "a", "a", 1), w.file(w.alice, "", "b", "b", 1)
	gone := w.folder(w.alice, "/gone")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, gone, 0, w.now))
	for _, parent := range []store.EntryID{file.ID, gone, store.NewEntryID()} {
		_, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: parent, Name: "x", When: w.now})
		w.is(err, store.ErrNotFound)
	}
	_, err := w.db.Move(w.Context(), w.alice.ID, gone, store.NewPlace{Parent: "", Name: "x", When: w.now})
	w.is(err, store.ErrNotFound)
}

func changesRace(w *world) {
	ids := make([]store.EntryID, 20)
	for i := range ids {
		ids[i] = w.file(w.alice, "", fmt.Sprint(i), fmt.Sprint(i), 1).ID
	}
	errs := together(20, func(i int) error {
		_, err := w.db.Move(w.Context(), w.alice.ID, ids[i], store.NewPlace{Parent: "", Name: "wanted", When: w.now})
		return err
	})
	if count(errs, nil) != 1 || count(errs, store.ErrExists) != 19 {
		w.Errorf("results: %v", errs)
	}
}

// Two folders are moved into each other at once: one of the two moves must fail, or both would be lost in a ring.
func changesCrossing(w *world) {
	for i := range 10 {
		a, b := w.folder(w.alice, fmt.Sprintf("/a%d", i)), w.folder(w.alice, fmt.Sprintf("/b%d", i))
		errs := together(2, func(n int) error {
			from, to := a, b
			if n == 1 {
				from, to = b, a
			}
			_, err := w.db.Move(w.Context(), w.alice.ID, from, store.NewPlace{Parent: to, Name: "x", When: w.now})
			return err
		})
		if count(errs, nil) != 1 || count(errs, store.ErrInvalid) != 1 {
			w.Errorf("results: %v", errs)
		}
		for _, id := range []store.EntryID{a, b} {
			_, err := w.db.PathOf(w.Context(), w.alice.ID, id)
			w.ok(err)
		}
	}
}
