package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Entries tests store.Entries but for List, which has a suite of its own.
func Entries(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Find":                     entriesFind,
		"NewestByDigest":           entriesNewest,
		"OthersAreNotFound":        entriesOthers,
		"NamesAreBytes":            entriesNamesAreBytes,
		"LongestName":              entriesLongestName,
		"NumbersKeepToTheLimit":    entriesLongNumbers,
		"PathOf":                   entriesPathOf,
		"MakeFolder":               entriesMakeFolder,
		"MakeFolderRace":           entriesMakeFolderRace,
		"MakeFolderDepth":          entriesDepth,
		"Link":                     entriesLink,
		"LinkNeedsLiveContent":     entriesLinkMissing,
		"LinkQuotaRace":            entriesLinkQuotaRace,
		"LinkAgainstPurge":         entriesLinkPurgeRace,
		"ClientsTimeIsKept":        entriesModified,
		"SameBytesSetTheTime":      entriesModifiedAgain,
		"ChangesAreNumbered":       entriesChange,
		"ManyClashesStayCheap":     entriesClashes,
		"NumbersFillFirstGaps":     entriesGaps,
		"FolderNumbersAreAtTheEnd": entriesFolderNumbers,
	})
}

func contextWithCancel(w *world) (context.Context, context.CancelFunc) {
	return context.WithCancel(w.Context())
}

func entriesFind(w *world) {
	docs := w.folder(w.alice, "/docs")
	want := w.file(w.alice, docs, "a.txt", "a", 10)
	byID, err := w.db.Entry(w.Context(), w.alice.ID, want.ID)
	w.ok(err)
	byDigest, err := w.db.EntryByDigest(w.Context(), w.alice.ID, want.Content.Sums.Digest)
	w.ok(err)
	byPath, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"docs", "a.txt"})
	w.ok(err)
	if byID != want || byDigest != want || byPath != want || want.Parent != docs {
		w.Errorf("found %+v, %+v, %+v, want %+v", byID, byDigest, byPath, want)
	}
	folder, err := w.db.Entry(w.Context(), w.alice.ID, docs)
	w.ok(err)
	if folder.Kind != store.Folder || folder.Content != (store.Content{}) || !folder.Modified.IsZero() {
		w.Errorf("folder is %+v", folder)
	}
	_, err = w.db.EntryAt(w.Context(), w.alice.ID, nil)
	w.is(err, store.ErrInvalid)
	_, err = w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"docs", "a.txt", "below a file"})
	w.is(err, store.ErrNotFound)
}

func entriesNewest(w *world) {
	for i := range 5 {
		w.file(w.alice, "", fmt.Sprint(i), "same", 10)
	}
	d := sums("same", 10).Digest
	for i := 4; i >= 0; i-- {
		e, err := w.db.EntryByDigest(w.Context(), w.alice.ID, d)
		w.ok(err)
		if e.Name != fmt.Sprint(i) {
			w.Errorf("newest is %s, want %d", e.Name, i)
		}
		w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	}
	_, err := w.db.EntryByDigest(w.Context(), w.alice.ID, d)
	w.is(err, store.ErrNotFound)
}

func entriesOthers(w *world) {
	ctx, bob, now := w.Context(), w.bob.ID, w.now
	docs := w.folder(w.alice, "/docs")
	e := w.file(w.alice, docs, "a", "a", 10)
	gone := w.file(w.alice, "", "gone", "gone", 10)
	w.ok(w.db.Trash(ctx, w.alice.ID, gone.ID, 0, now))
	bobs := w.file(w.bob, "", "b", "b", 10)
	for name, call := range map[string]func() error{
		"Entry":         func() error { _, err := w.db.Entry(ctx, bob, e.ID); return err },
		"EntryByDigest": func() error { _, err := w.db.EntryByDigest(ctx, bob, e.Content.Sums.Digest); return err },
		"EntryAt":       func() error { _, err := w.db.EntryAt(ctx, bob, store.Path{"docs", "a"}); return err },
		"PathOf":        func() error { _, err := w.db.PathOf(ctx, bob, e.ID); return err },
		"List": func() error {
			_, _, err := w.db.List(ctx, store.Query{User: bob, Parent: docs, Sort: store.ByName, Limit: 1})
			return err
		},
		"Link into": func() error {
			_, err := w.db.LinkContent(ctx, store.NewEntry{User: bob, Digest: e.Content.Sums.Digest, Size: 10, Parent: docs, Name: "x", When: now})
			return err
		},
		"Move": func() error {
			_, err := w.db.Move(ctx, bob, e.ID, store.NewPlace{Parent: "", Name: "x", When: now})
			return err
		},
		"Move into": func() error {
			_, err := w.db.Move(ctx, bob, bobs.ID, store.NewPlace{Parent: docs, Name: "x", When: now})
			return err
		},
		"Trash":      func() error { return w.db.Trash(ctx, bob, e.ID, 0, now) },
		"Restore":    func() error { _, err := w.db.Restore(ctx, bob, gone.ID, now); return err },
		"Purge":      func() error { return w.db.Purge(ctx, bob, gone.ID, now) },
		"No user":    func() error { _, err := w.db.MakeFolder(ctx, 4711, store.Path{"x"}, now); return err },
		"Unknown ID": func() error { _, err := w.db.Entry(ctx, w.alice.ID, store.NewEntryID()); return err },
		"Trashed":    func() error { _, err := w.db.Entry(ctx, w.alice.ID, gone.ID); return err },
	} {
		if err := call(); count([]error{err}, store.ErrNotFound) != 1 {
			w.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	w.account(w.alice, 20, 0)
}

func entriesPathOf(w *world) {
	want := store.Path{"a", "b", "ü", "file"}
	e := w.file(w.alice, w.folder(w.alice, "/a/b/ü"), "file", "x", 1)
	for n := len(want); n > 0; n-- {
		got, err := w.db.PathOf(w.Context(), w.alice.ID, e.ID)
		w.ok(err)
		if !slices.Equal(got, want[:n]) {
			w.Errorf("path is %q, want %q", got, want[:n])
		}
		if n > 1 {
			e, err = w.db.Entry(w.Context(), w.alice.ID, e.Parent)
			w.ok(err)
		}
	}
	root, err := w.db.PathOf(w.Context(), w.alice.ID, "")
	w.ok(err)
	if len(root) != 0 || root.String() != "/" {
		w.Errorf("the root's path is %q", root)
	}
}

func entriesMakeFolder(w *world) {
	deep := w.folder(w.alice, "/a/b/c")
	if again := w.folder(w.alice, "a//b/c/"); again != deep {
		w.Errorf("made again: %s, want %s", again, deep)
	}
	if root := w.folder(w.alice, "/"); root != "" {
		w.Errorf("the root is %q", root)
	}
	w.file(w.alice, deep, "file", "file", 1)
	for _, p := range []store.Path{{"a", "b", "c", "file"}, {"a", "b", "c", "file", "d"}} {
		_, err := w.db.MakeFolder(w.Context(), w.alice.ID, p, w.now)
		w.is(err, store.ErrInTheWay)
	}
	_, err := w.db.MakeFolder(w.Context(), w.alice.ID, store.Path{"new", "a/b"}, w.now)
	w.is(err, store.ErrInvalid)
	w.wantNames(w.alice, "", "a") // nothing of what failed
	if w.folder(w.bob, "/a/b/c") == deep {
		w.Error("two users share a folder")
	}
}

func entriesMakeFolderRace(w *world) {
	ids := make([]store.EntryID, 30)
	errs := together(30, func(i int) (err error) {
		ids[i], err = w.db.MakeFolder(w.Context(), w.alice.ID, store.Path{"a", "b", "c"}, w.now)
		return err
	})
	if count(errs, nil) != 30 || len(slices.Compact(ids)) != 1 {
		w.Errorf("made %v: %v", ids, errs)
	}
}

func entriesDepth(w *world) {
	deepest := store.Path(slices.Repeat([]string{"d"}, store.MaxDepth))
	id, err := w.db.MakeFolder(w.Context(), w.alice.ID, deepest, w.now)
	w.ok(err)
	e := w.file(w.alice, id, "file", "file", 1)
	path, err := w.db.PathOf(w.Context(), w.alice.ID, e.ID)
	w.ok(err)
	if len(path) != store.MaxDepth+1 {
		w.Errorf("%d names", len(path))
	}
	_, err = w.db.MakeFolder(w.Context(), w.alice.ID, append(deepest, "d"), w.now)
	w.is(err, store.ErrInvalid)
	other := w.folder(w.alice, "/other")
	_, err = w.db.Move(w.Context(), w.alice.ID, other, store.NewPlace{Parent: id, Name: "x", When: w.now})
	w.is(err, store.ErrInvalid)
	top, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"d"})
	w.ok(err)
	_, err = w.db.Move(w.Context(), w.alice.ID, top.ID, store.NewPlace{Parent: other, Name: "x", When: w.now})
	w.is(err, store.ErrInvalid)
	_, err = w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: id, Name: "renamed", When: w.now})
	w.ok(err)
	_, err = w.db.Move(w.Context(), w.alice.ID, top.ID, store.NewPlace{Parent: "", Name: "renamed", When: w.now})
	w.ok(err)
}

func entriesLink(w *world) {
	first := w.file(w.alice, "", "a", "a", 10)
	n := store.NewEntry{
		User: w.bob.ID, Digest: first.Content.Sums.Digest, Size: 10, Parent: w.folder(w.bob, "/docs"), Name: "b",
		Modified: w.now.Add(-time.Hour), When: w.later(time.Minute),
	}
	e, err := w.db.LinkContent(w.Context(), n)
	w.ok(err)
	if e.Parent != n.Parent || e.Name != "b" || !e.Modified.Equal(n.Modified) || !e.Created.Equal(n.When) || e.Content.Refs != 2 {
		w.Errorf("linked %+v", e)
	}
	again, err := w.db.LinkContent(w.Context(), n)
	w.ok(err)
	if again != e {
		w.Errorf("again: %+v, want %+v", again, e)
	}
	w.account(w.bob, 10, 0)
	w.file(w.bob, "", "b", "other", 1)
	n.Parent = ""
	e, err = w.db.LinkContent(w.Context(), n)
	w.ok(err)
	if e.Name != "b (2)" {
		w.Errorf("name is %q", e.Name)
	}
	w.content(first.Content.Sums, 3)
	w.account(w.bob, 21, 0)
}

func entriesLinkMissing(w *world) {
	e := w.file(w.alice, "", "a", "a", 10)
	d := e.Content.Sums.Digest
	for _, n := range []store.NewEntry{
		{Digest: sums("unknown", 10).Digest, Size: 10},
		{Digest: d, Size: 9},
		{Digest: d, Size: 0},
		{Digest: d, Size: 10, Parent: store.NewEntryID()},
	} {
		n.User, n.Name, n.When = w.bob.ID, "x", w.now
		_, err := w.db.LinkContent(w.Context(), n)
		w.is(err, store.ErrNotFound)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	_, err := w.db.LinkContent(w.Context(), store.NewEntry{User: w.bob.ID, Digest: d, Size: 10, Name: "x", When: w.now})
	w.is(err, store.ErrNotFound)
	w.account(w.bob, 0, 0)
}

func entriesLinkQuotaRace(w *world) {
	e := w.file(w.alice, "", "a", "a", 100)
	poor := w.user("poor", 1050)
	errs := together(50, func(i int) error {
		_, err := w.db.LinkContent(w.Context(), store.NewEntry{
			User: poor.ID, Digest: e.Content.Sums.Digest, Size: 100, Name: fmt.Sprint(i), When: w.now,
		})
		return err
	})
	if count(errs, nil) != 10 || count(errs, store.ErrQuota) != 40 {
		w.Errorf("results: %v", errs)
	}
	w.content(e.Content.Sums, 11)
	w.account(poor, 1000, 0)
}

// Either the link comes first and the content stays, or the purge does and there is nothing to link.
func entriesLinkPurgeRace(w *world) {
	for i := range 20 {
		word := fmt.Sprint(i)
		e := w.file(w.alice, "", "a", word, 10)
		w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
		errs := together(2, func(n int) error {
			if n == 0 {
				return w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now)
			}
			_, err := w.db.LinkContent(w.Context(), store.NewEntry{User: w.bob.ID, Digest: e.Content.Sums.Digest, Size: 10, Name: word, When: w.now})
			return err
		})
		w.ok(errs[0])
		if errs[1] == nil {
			w.content(e.Content.Sums, 1)
		} else {
			w.is(errs[1], store.ErrNotFound)
			w.content(e.Content.Sums, 0)
		}
	}
	w.counted()
}

func entriesModified(w *world) {
	for i, at := range []time.Time{{}, time.Unix(0, 0).UTC(), time.Unix(-1e9, 5000).UTC(), time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)} {
		c := w.completion(w.alice, fmt.Sprint(i), sums(fmt.Sprint(i), 1))
		c.Modified = at
		if e := w.complete(c).Entry; !e.Modified.Equal(at) || e.Modified.IsZero() != at.IsZero() {
			w.Errorf("time is %v, want %v", e.Modified, at)
		}
	}
}

// The same bytes under the same name with another mtime are the same entry, changed once and not charged again,
// whichever way they come and whatever is to be done about a taken name.
func entriesModifiedAgain(w *world) {
	s := sums("same", 10)
	e := w.file(w.alice, "", "a", "same", 10)
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	link := func(c store.Completion) store.Entry {
		got, err := w.db.LinkContent(w.Context(), store.NewEntry{User: c.User, Digest: s.Digest, Size: s.Size, Name: c.Name,
			Clash: c.Clash, Modified: c.Modified, When: c.When})
		w.ok(err)
		return got
	}
	form := func(c store.Completion) store.Entry { return w.complete(c).Entry }
	row := func(c store.Completion) store.Entry {
		f := w.finishing(w.begin(w.alice, s), s)
		f.Name, f.Clash, f.Modified, f.When = c.Name, c.Clash, c.Modified, c.When
		return w.complete(f).Entry
	}
	for i, way := range []func(store.Completion) store.Entry{link, form, row} {
		for _, clash := range []store.Clash{"", store.ClashReplace, store.ClashFail} {
			at = at.Add(1001 * time.Millisecond)
			for again, modified := range []time.Time{at, at, {}} {
				c := w.completion(w.alice, "a", s)
				c.Clash, c.Modified, c.When = clash, modified, w.later(time.Hour)
				got := way(c)
				want := e
				if again == 0 {
					want.Modified, want.Updated, want.Revision, want.Change = at, c.When, e.Revision+1, got.Change
				}
				want.Content.Refs = got.Content.Refs
				if got != want || again == 0 && got.Change <= e.Change {
					w.Errorf("way %d, %q: %+v, want %+v", i, clash, got, want)
				}
				e = got
			}
		}
	}
	w.account(w.alice, 10, 0)
	w.content(s, 1)
}

func entriesChange(w *world) {
	seen := map[int64]bool{}
	last := int64(0)
	note := func(e store.Entry) {
		w.Helper()
		if e.Change <= last || seen[e.Change] {
			w.Errorf("change %d comes after %d", e.Change, last)
		}
		last, seen[e.Change] = e.Change, true
	}
	w.folder(w.alice, "/a/b")
	e := w.file(w.alice, "", "x", "x", 1)
	note(e)
	note(w.file(w.alice, "", "y", "y", 1))
	moved, err := w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: "", Name: "z", When: w.now})
	w.ok(err)
	note(moved)
	if moved.Revision != 2 {
		w.Errorf("revision is %d", moved.Revision)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	back, err := w.db.Restore(w.Context(), w.alice.ID, e.ID, w.now)
	w.ok(err)
	note(back)
	if back.Revision != 4 {
		w.Errorf("revision is %d", back.Revision)
	}
	if first := w.file(w.bob, "", "x", "x", 1); first.Change != 1 {
		w.Errorf("another user's first change is %d", first.Change)
	}
}
