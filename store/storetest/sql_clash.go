package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// Clashes tests what is done about a name that is taken, and about an entry that has changed, on all three ways that make a name.
func Clashes(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Complete":            clashComplete,
		"Link":                clashLink,
		"Move":                clashMove,
		"ReplaceAcrossKinds":  clashKinds,
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
	w.file(w.alice, "", "a.tar.gz", "archive", 1)
	second, err := w.db.LinkContent(w.Context(), store.NewEntry{User: w.alice.ID, Digest: e.Content.Sums.Digest, Size: 7,
		Name: "a.tar.gz", When: w.now})
	w.ok(err)
	if second.Name != "a (2).tar.gz" {
		w.Errorf("the second archive is called %q", second.Name)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, second.ID, 0, w.now))
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

// A nameWay is one way in which an entry can ask for a name in the root folder.
type nameWay struct {
	what string
	kind store.EntryKind
	ask  func(name string, c store.Clash) (store.Entry, error)
}

func (w *world) nameWays() []nameWay {
	from := w.folder(w.alice, "/from")
	file := w.file(w.alice, from, "f", "f", 1)
	folder := w.folder(w.alice, "/from/g")
	complete := func(c store.Completion, name string, clash store.Clash) (store.Entry, error) {
		c.Name, c.Clash = name, clash
		done, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
		if err != nil {
			return store.Entry{}, err
		}
		return done[0].Entry, nil
	}
	up := w.begin(w.alice, sums("chunks", 1))
	to := store.Path{}
	copies := func(id store.EntryID) func(string, store.Clash) (store.Entry, error) {
		return func(name string, c store.Clash) (store.Entry, error) {
			e, _, err := w.db.CopyEntry(w.Context(), w.alice.ID, id, store.CopyTo{Folder: &to, Name: name, Clash: c, Limit: 9, When: w.now})
			return e, err
		}
	}
	moves := func(id store.EntryID) func(string, store.Clash) (store.Entry, error) {
		return func(name string, c store.Clash) (store.Entry, error) {
			return w.db.Move(w.Context(), w.alice.ID, id, store.NewPlace{Name: name, Clash: c, When: w.now})
		}
	}
	return []nameWay{
		{"form", store.File, func(name string, c store.Clash) (store.Entry, error) {
			return complete(w.completion(w.alice, "", sums("form", 1)), name, c)
		}},
		{"chunks", store.File, func(name string, c store.Clash) (store.Entry, error) {
			return complete(w.finishing(up, sums("chunks", 1)), name, c)
		}},
		{"link", store.File, func(name string, c store.Clash) (store.Entry, error) {
			return w.db.LinkContent(w.Context(), store.NewEntry{User: w.alice.ID, Digest: file.Content.Sums.Digest, Size: 1,
				Name: name, Clash: c, When: w.now})
		}},
		{"copy", store.File, copies(file.ID)},
		{"move", store.File, moves(file.ID)},
		{"copy", store.Folder, copies(folder)},
		{"move", store.Folder, moves(folder)},
	}
}

// clashKinds tests that replace is for a file in the place of a file. All else is refused and changes nothing.
func clashKinds(w *world) {
	docs := w.folder(w.alice, "/docs")
	below := w.file(w.alice, docs, "x", "x", 1)
	plain := w.file(w.alice, "", "plain", "plain", 1)
	ways := w.nameWays()
	account, err := w.db.User(w.Context(), w.alice.ID)
	w.ok(err)
	before := w.names(w.alice, "")
	for _, way := range ways {
		for name, old := range map[string]store.EntryKind{"docs": store.Folder, "plain": store.File} {
			if way.kind == store.File && old == store.File {
				continue // which is replaced: tested for each way above
			}
			_, err := way.ask(name, store.ClashReplace)
			w.is(err, store.ErrExists)
			refusal, ok := errors.AsType[*store.ReplaceError](err)
			if !ok || refusal.Old != old || refusal.New != way.kind {
				w.Errorf("%s of a %s onto a %s: %v", way.what, way.kind, old, err)
			}
			_, err = way.ask(name, store.ClashFail)
			w.is(err, store.ErrExists)
			if _, ok := errors.AsType[*store.ReplaceError](err); ok {
				w.Errorf("%s with ClashFail: %v", way.what, err)
			}
		}
	}
	w.wantNames(w.alice, "", before...)
	w.visible(w.alice, true, docs, below.ID, plain.ID)
	w.account(w.alice, account.Used, account.Reserved)
	for i, way := range ways { // and nothing that was refused is spent: each way still works
		e, err := way.ask("docs", store.ClashRename)
		w.ok(err)
		if want := fmt.Sprintf("docs (%d)", i+2); e.Name != want || e.Kind != way.kind {
			w.Errorf("%s of a %s is called %q, want %q", way.what, way.kind, e.Name, want)
		}
	}
	w.visible(w.alice, true, docs, below.ID, plain.ID)
	w.counted()
}

// clashAncestor tests that nothing takes the place of a folder that it lies in.
func clashAncestor(w *world) {
	docs := w.folder(w.alice, "/docs")
	sub := w.folder(w.alice, "/docs/sub")
	e := w.file(w.alice, docs, "x", "x", 1)
	for _, id := range []store.EntryID{e.ID, sub} {
		_, err := w.db.Move(w.Context(), w.alice.ID, id, store.NewPlace{Name: "docs", Clash: store.ClashReplace, When: w.now})
		w.is(err, store.ErrExists)
	}
	w.visible(w.alice, true, docs, sub, e.ID)
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
