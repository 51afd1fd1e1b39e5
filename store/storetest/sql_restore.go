package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/store"
)

// RestoreParts tests what store.EntryTrash does with parts of trashed folders.
func RestoreParts(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"FileThenItsFolder":         partFileThenFolder,
		"FolderThenItsParent":       partFolderThenParent,
		"LookInside":                partLookInside,
		"RestoreOne":                partRestoreOne,
		"RestoreAFolderInside":      partRestoreFolder,
		"NestedTrash":               partNested,
		"TheRestComesBack":          partRest,
		"TheRestAfterAMove":         partRestMoved,
		"TheRestWithTakenNames":     partRestTaken,
		"TheRestLiesTooDeep":        partRestDeep,
		"TrashedAgain":              partTrashedAgain,
		"ReplacedFile":              partReplaced,
		"AnotherFolderHasThePath":   partPathTaken,
		"AFileHasThePath":           partPathTakenByFile,
		"WayTooDeep":                partWayTooDeep,
		"Purge":                     partPurge,
		"PurgeTheOthers":            partPurgeOthers,
		"PurgeUnchanged":            partPurgeUnchanged,
		"Expiry":                    partExpiry,
		"ByDigest":                  partByDigest,
		"Paths":                     partPaths,
		"OfAnother":                 partOfAnother,
		"AllAtOnce":                 partAllAtOnce,
		"ManyEntries":               partMany,
		"WhateverIsDoneNothingGoes": partWalk,
	})
}

// restore restores an entry and fails unless it is then at path.
func (w *world) restore(u store.User, id store.EntryID, path string) store.Entry {
	w.Helper()
	e, err := w.db.Restore(w.Context(), u.ID, id, w.later(time.Second))
	w.ok(err)
	w.at(u, id, path)
	return e
}

// at fails unless an entry is visible at a path.
func (w *world) at(u store.User, id store.EntryID, path string) {
	w.Helper()
	p, err := w.db.PathOf(w.Context(), u.ID, id)
	w.ok(err)
	if p.String() != path {
		w.Errorf("%s is at %s, want %s", id, p, path)
	}
	e, err := w.db.EntryAt(w.Context(), u.ID, p)
	w.ok(err)
	if e.ID != id || e.Status != store.EntryNormal || !e.Deleted.IsZero() || e.TrashOf != "" {
		w.Errorf("at %s is %+v, want %s", p, e, id)
	}
}

func (w *world) trash(u store.User, ids ...store.EntryID) {
	w.Helper()
	for _, id := range ids {
		w.ok(w.db.Trash(w.Context(), u.ID, id, 0, w.later(time.Second)))
	}
}

// inTrash reads all that the trash lists, or shows in a folder, on small pages.
func (w *world) inTrash(u store.User, folder store.EntryID) []store.Entry {
	w.Helper()
	return w.pages(store.Query{User: u.ID, Trash: true, Parent: folder, Limit: 3}, nil)
}

// wantTrash fails unless the trash lists, or shows in a folder, entries of these names, in any order.
func (w *world) wantTrash(u store.User, folder store.EntryID, want ...string) {
	w.Helper()
	got := []string{}
	for _, e := range w.inTrash(u, folder) {
		got = append(got, e.Name)
		if e.Status != store.EntryTrashed || e.Deleted.IsZero() || e.TrashOf == "" || folder == "" && e.TrashOf != e.ID {
			w.Errorf("in the trash: %+v", e)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		w.Errorf("trash of %q: %s", folder, diff)
	}
}

// The file is deleted before its folder, and restored before it.
func partFileThenFolder(w *world) {
	year, q1 := w.folder(w.alice, "/office/2024"), w.folder(w.alice, "/office/2024/q1")
	report := w.file(w.alice, q1, "report", "report", 10)
	other := w.file(w.alice, q1, "other", "other", 20)
	w.folder(w.alice, "/office/2024/q2")
	w.trash(w.alice, report.ID, year)
	w.wantTrash(w.alice, "", "2024", "report")
	w.restore(w.alice, report.ID, "/office/2024/q1/report")
	w.at(w.alice, year, "/office/2024")
	w.at(w.alice, q1, "/office/2024/q1")
	w.wantNames(w.alice, year, "q1")
	w.wantNames(w.alice, q1, "report")
	w.wantTrash(w.alice, "", "other", "q2")
	w.account(w.alice, 30, 0)
	w.restore(w.alice, year, "/office/2024")
	w.at(w.alice, other.ID, "/office/2024/q1/other")
	w.wantNames(w.alice, year, "q1", "q2")
	w.wantTrash(w.alice, "")
	w.restore(w.alice, year, "/office/2024") // nothing is left, and that is no error
	w.account(w.alice, 30, 0)
}

// A file, then its folder, then the folder's parent are deleted. Each had its own reason, so each comes back by itself.
func partFolderThenParent(w *world) {
	a, b := w.folder(w.alice, "/a"), w.folder(w.alice, "/a/b")
	f := w.file(w.alice, b, "f", "f", 1)
	w.file(w.alice, b, "g", "g", 1)
	w.file(w.alice, a, "h", "h", 1)
	w.trash(w.alice, f.ID, b, a)
	w.restore(w.alice, f.ID, "/a/b/f")
	w.wantTrash(w.alice, "", "g", "h")
	w.wantTrash(w.alice, a, "h")
	w.wantTrash(w.alice, b, "g")
	w.restore(w.alice, a, "/a")
	w.wantNames(w.alice, a, "b", "h")
	w.wantTrash(w.alice, "", "g") // it was deleted with b, not with a
	w.restore(w.alice, b, "/a/b")
	w.wantNames(w.alice, b, "f", "g")
	w.wantTrash(w.alice, "")
}

func partLookInside(w *world) {
	top := w.folder(w.alice, "/top")
	sub, empty := w.folder(w.alice, "/top/sub"), w.folder(w.alice, "/top/empty")
	w.folder(w.alice, "/top/sub/deep")
	early := w.file(w.alice, top, "early", "early", 100)
	for i := range 5 {
		w.file(w.alice, top, fmt.Sprint("f", i), fmt.Sprint("f", i), 10)
		w.file(w.alice, sub, fmt.Sprint("s", i), fmt.Sprint("s", i), 1)
	}
	w.trash(w.alice, early.ID)
	at := w.later(time.Hour)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, at))
	sizes := map[string]int64{}
	var inside []string
	for _, e := range append(w.inTrash(w.alice, ""), w.inTrash(w.alice, top)...) {
		if e.Kind == store.Folder {
			sizes[e.Name] = e.TrashSize
		}
		if e.ID == early.ID {
			continue
		}
		if !e.Deleted.Equal(at) || e.TrashOf != top {
			w.Errorf("%+v, want deleted %v with %s", e, at, top)
		}
		if e.ID != top {
			inside = append(inside, e.Name)
		}
	}
	if diff := cmp.Diff(map[string]int64{"top": 55, "sub": 5, "empty": 0}, sizes); diff != "" {
		w.Errorf("sizes: %s", diff)
	}
	want := []string{"empty", "sub", "f0", "f1", "f2", "f3", "f4"}
	if !slices.Equal(inside, want) {
		w.Errorf("the folder holds %q, want %q", inside, want)
	}
	back := []string{}
	for _, e := range w.pages(store.Query{User: w.alice.ID, Trash: true, Parent: top, Back: true, Limit: 2}, nil) {
		back = append(back, e.Name)
	}
	if diff := cmp.Diff([]string{"sub", "empty", "f4", "f3", "f2", "f1", "f0"}, back); diff != "" {
		w.Errorf("the other way round: %s", diff)
	}
	w.wantTrash(w.alice, sub, "deep", "s0", "s1", "s2", "s3", "s4")
	w.wantTrash(w.alice, empty)
	for _, id := range []store.EntryID{early.ID, store.NewEntryID()} {
		_, _, err := w.db.List(w.Context(), store.Query{User: w.alice.ID, Trash: true, Parent: id, Limit: 3})
		w.is(err, store.ErrNotFound)
	}
	_, next, err := w.db.List(w.Context(), store.Query{User: w.alice.ID, Trash: true, Parent: top, Limit: 3})
	w.ok(err)
	_, _, err = w.db.List(w.Context(), store.Query{User: w.alice.ID, Trash: true, Cursor: next, Limit: 3})
	w.is(err, store.ErrInvalid)
}

func partRestoreOne(w *world) {
	top, sub := w.folder(w.alice, "/home/top"), w.folder(w.alice, "/home/top/sub")
	f := w.file(w.alice, sub, "f", "f", 1)
	g := w.file(w.alice, sub, "g", "g", 2)
	deep := w.file(w.alice, w.folder(w.alice, "/home/top/sub/deep"), "x", "x", 4)
	rest := w.file(w.alice, w.folder(w.alice, "/home/top/rest"), "r", "r", 8)
	w.trash(w.alice, top)
	deleted := w.now
	got := w.restore(w.alice, f.ID, "/home/top/sub/f")
	if want := f.Revision + 2; got.Revision != want || got.Change == f.Change || got.Parent != sub {
		w.Errorf("restored %+v, want revision %d", got, want)
	}
	w.at(w.alice, top, "/home/top")
	w.at(w.alice, sub, "/home/top/sub")
	w.visible(w.alice, false, g.ID, deep.ID, deep.Parent, rest.ID, rest.Parent)
	w.wantTrash(w.alice, "", "g", "deep", "rest")
	w.wantTrash(w.alice, top, "rest")
	w.wantTrash(w.alice, sub, "g", "deep")
	w.wantTrash(w.alice, deep.Parent, "x")
	var sizes int64
	for _, e := range w.inTrash(w.alice, "") {
		sizes += e.TrashSize + e.Content.Sums.Size
		if !e.Deleted.Equal(deleted) {
			w.Errorf("%s was deleted %v, want %v", e.Name, e.Deleted, deleted)
		}
	}
	if sizes != 14 {
		w.Errorf("the trash holds %d bytes, want 14", sizes)
	}
	w.restore(w.alice, deep.ID, "/home/top/sub/deep/x") // what is left can be taken apart as well
	w.restore(w.alice, g.ID, "/home/top/sub/g")
	w.restore(w.alice, rest.Parent, "/home/top/rest")
	w.at(w.alice, rest.ID, "/home/top/rest/r")
	w.wantTrash(w.alice, "")
	w.account(w.alice, 15, 0)
}

func partRestoreFolder(w *world) {
	top, below := w.tree(w.alice, "tree")
	sub1, deep1 := below[5], below[6]
	w.trash(w.alice, top)
	w.restore(w.alice, sub1, "/tree/sub1")
	w.visible(w.alice, true, top, sub1, deep1, below[8], below[9])
	w.visible(w.alice, false, append(slices.Clone(below[:5]), below[7], below[10])...)
	w.wantTrash(w.alice, "", "sub0", "sub2", "file0", "file1", "file2")
	w.wantTrash(w.alice, below[0], "deep", "file0")
	w.account(w.alice, 90, 0)
	w.restore(w.alice, top, "/tree")
	w.visible(w.alice, true, below...)
	w.account(w.alice, 90, 0)
}

// A folder in the trash lies in another that was put there later.
func partNested(w *world) {
	a, c := w.folder(w.alice, "/a"), w.folder(w.alice, "/a/b/c")
	b := w.folder(w.alice, "/a/b")
	x := w.file(w.alice, c, "x", "x", 1)
	y := w.file(w.alice, c, "y", "y", 1)
	z := w.file(w.alice, b, "z", "z", 1)
	v := w.file(w.alice, a, "v", "v", 1)
	w.trash(w.alice, c, a)
	w.wantTrash(w.alice, a, "b", "v")
	w.wantTrash(w.alice, b, "z") // c is in the trash by itself
	w.restore(w.alice, x.ID, "/a/b/c/x")
	w.wantTrash(w.alice, "", "y", "z", "v")
	w.restore(w.alice, c, "/a/b/c")
	w.at(w.alice, y.ID, "/a/b/c/y")
	w.wantTrash(w.alice, "", "z", "v")
	w.restore(w.alice, b, "/a/b")
	w.at(w.alice, z.ID, "/a/b/z")
	w.visible(w.alice, false, v.ID)
	w.restore(w.alice, a, "/a")
	w.at(w.alice, v.ID, "/a/v")
	w.account(w.alice, 4, 0)
}

// A folder on the way brings back what of it was left; a folder that was never deleted brings back nothing.
func partRest(w *world) {
	home, top := w.folder(w.alice, "/home"), w.folder(w.alice, "/home/top")
	sub := w.folder(w.alice, "/home/top/sub")
	f := w.file(w.alice, sub, "f", "f", 1)
	g := w.file(w.alice, w.folder(w.alice, "/home/top/sub/deep"), "g", "g", 1)
	h := w.file(w.alice, top, "h", "h", 1)
	alone := w.file(w.alice, sub, "alone", "alone", 1)
	w.trash(w.alice, alone.ID, top)
	w.restore(w.alice, f.ID, "/home/top/sub/f")
	w.restore(w.alice, home, "/home")
	w.wantTrash(w.alice, "", "alone", "deep", "h")
	before, err := w.db.Entry(w.Context(), w.alice.ID, f.ID)
	w.ok(err)
	w.restore(w.alice, sub, "/home/top/sub")
	w.at(w.alice, g.ID, "/home/top/sub/deep/g")
	w.wantTrash(w.alice, "", "alone", "h")
	w.restore(w.alice, top, "/home/top")
	got, err := w.db.Entry(w.Context(), w.alice.ID, h.ID)
	w.ok(err)
	if !got.Updated.Equal(h.Updated) || got.Revision <= h.Revision || got.Change <= h.Change {
		w.Errorf("%+v came back as %+v", h, got)
	}
	w.wantTrash(w.alice, "", "alone")
	if after, err := w.db.Entry(w.Context(), w.alice.ID, f.ID); err != nil || after != before {
		w.Errorf("what was there already is %+v, %v; was %+v", after, err, before)
	}
	w.is(w.db.Trash(w.Context(), w.alice.ID, f.ID, 0, w.now), nil)
	w.restore(w.alice, f.ID, "/home/top/sub/f")
	_, err = w.db.Restore(w.Context(), w.alice.ID, f.ID, w.now)
	w.is(err, store.ErrNotFound) // a file is in the trash or it is not
}

func partRestMoved(w *world) {
	top, sub := w.folder(w.alice, "/top"), w.folder(w.alice, "/top/sub")
	f, g := w.file(w.alice, sub, "f", "f", 1), w.file(w.alice, sub, "g", "g", 1)
	h := w.file(w.alice, top, "h", "h", 1)
	w.trash(w.alice, top)
	w.restore(w.alice, f.ID, "/top/sub/f")
	_, err := w.db.Move(w.Context(), w.alice.ID, sub, store.NewPlace{Parent: "", Name: "elsewhere", When: w.now})
	w.ok(err)
	w.restore(w.alice, top, "/top")
	w.at(w.alice, h.ID, "/top/h")
	w.wantTrash(w.alice, "", "g")
	w.restore(w.alice, sub, "/elsewhere")
	w.at(w.alice, g.ID, "/elsewhere/g")
}

func partRestTaken(w *world) {
	top := w.folder(w.alice, "/top")
	f, g := w.file(w.alice, top, "f.txt", "f", 1), w.file(w.alice, top, "g.txt", "g", 1)
	sub := w.folder(w.alice, "/top/sub")
	h := w.file(w.alice, sub, "h", "h", 1)
	w.trash(w.alice, top)
	w.restore(w.alice, f.ID, "/top/f.txt")
	other := w.file(w.alice, top, "g.txt", "new", 1)
	newSub := w.folder(w.alice, "/top/sub")
	w.trash(w.alice, top)
	w.restore(w.alice, f.ID, "/top/f.txt")
	w.wantTrash(w.alice, "", "g.txt", "g.txt", "sub", "sub") // of both times
	w.restore(w.alice, top, "/top")
	w.at(w.alice, other.ID, "/top/g.txt")
	w.at(w.alice, g.ID, "/top/g (2).txt")
	w.at(w.alice, newSub, "/top/sub")
	w.at(w.alice, h.ID, "/top/sub (2)/h")
	w.account(w.alice, 4, 0)
}

func (w *world) deepFolder(u store.User, depth int) store.EntryID {
	w.Helper()
	p := store.Path{}
	for range depth {
		p = append(p, "d")
	}
	id, err := w.db.MakeFolder(w.Context(), u.ID, p, w.later(time.Second))
	w.ok(err)
	return id
}

func partRestDeep(w *world) {
	top := w.folder(w.alice, "/top")
	f, g := w.file(w.alice, top, "f", "f", 1), w.file(w.alice, top, "g", "g", 1)
	w.folder(w.alice, "/top/high/a/b")
	high, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"top", "high"})
	w.ok(err)
	w.trash(w.alice, top)
	w.restore(w.alice, f.ID, "/top/f")
	at := w.deepFolder(w.alice, store.MaxDepth-2)
	_, err = w.db.Move(w.Context(), w.alice.ID, top, store.NewPlace{Parent: at, Name: "top", When: w.now})
	w.ok(err)
	_, err = w.db.Restore(w.Context(), w.alice.ID, top, w.now)
	w.ok(err)
	w.at(w.alice, high.ID, "/high")
	if e, err := w.db.Entry(w.Context(), w.alice.ID, g.ID); err != nil || e.Parent != top {
		w.Errorf("a file that fits is %+v, %v", e, err)
	}
}

// What was left in the trash is not part of the folder when that is deleted again.
func partTrashedAgain(w *world) {
	top := w.folder(w.alice, "/top")
	f, g := w.file(w.alice, top, "f", "f", 1), w.file(w.alice, top, "g", "g", 1)
	w.trash(w.alice, top)
	first := w.now
	w.restore(w.alice, f.ID, "/top/f")
	h := w.file(w.alice, top, "h", "h", 1)
	w.later(time.Hour)
	w.trash(w.alice, top)
	w.wantTrash(w.alice, "", "top", "g")
	w.wantTrash(w.alice, top, "f", "h")
	for _, e := range w.inTrash(w.alice, "") {
		if e.ID == g.ID && !e.Deleted.Equal(first) || e.ID == top && e.TrashSize != 2 {
			w.Errorf("in the trash: %+v", e)
		}
	}
	w.restore(w.alice, top, "/top")
	w.visible(w.alice, true, f.ID, h.ID)
	w.visible(w.alice, false, g.ID)
	w.restore(w.alice, top, "/top")
	w.at(w.alice, g.ID, "/top/g")
	w.trash(w.alice, top)
	w.wantTrash(w.alice, "", "top")
	w.restore(w.alice, g.ID, "/top/g")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, top, w.now)) // with g, which came back, and without f and h
	w.wantTrash(w.alice, "", "f", "h")
	w.account(w.alice, 2, 0)
	w.restore(w.alice, f.ID, "/f")
}

func partReplaced(w *world) {
	top := w.folder(w.alice, "/top")
	old := w.file(w.alice, top, "a.txt", "old", 1)
	c := w.completion(w.alice, "a.txt", sums("new", 1))
	c.Parent, c.Clash = top, store.ClashReplace
	w.complete(c)
	newer, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"top", "a.txt"})
	w.ok(err)
	if newer.ID == old.ID { // it is kept as a version of the same entry, so the trash has no part in it
		return
	}
	w.trash(w.alice, top)
	w.restore(w.alice, old.ID, "/top/a.txt")
	w.restore(w.alice, top, "/top")
	w.at(w.alice, newer.ID, "/top/a (2).txt")
	w.account(w.alice, 2, 0)
}

// Where another folder has taken the path, a restored file goes into that one, and a folder that is missing there comes
// back in it.
func partPathTaken(w *world) {
	a, b := w.folder(w.alice, "/a"), w.folder(w.alice, "/a/b")
	c := w.folder(w.alice, "/a/b/c")
	f, g := w.file(w.alice, b, "f", "f", 1), w.file(w.alice, c, "g", "g", 1)
	h, i := w.file(w.alice, c, "h", "h", 1), w.file(w.alice, a, "i", "i", 1)
	w.trash(w.alice, a)
	newB := w.folder(w.alice, "/a/b")
	w.restore(w.alice, f.ID, "/a/b/f")
	w.wantNames(w.alice, newB, "f")
	w.wantTrash(w.alice, "", "a")
	w.wantTrash(w.alice, a, "b", "i")
	w.wantTrash(w.alice, b, "c")
	w.restore(w.alice, g.ID, "/a/b/c/g")
	w.at(w.alice, c, "/a/b/c")
	w.wantNames(w.alice, newB, "c", "f")
	w.wantTrash(w.alice, "", "a", "h")
	w.restore(w.alice, a, "/a (2)")
	w.at(w.alice, i.ID, "/a (2)/i")
	w.at(w.alice, b, "/a (2)/b")
	w.restore(w.alice, h.ID, "/a/b/c/h")
	w.wantTrash(w.alice, "")
	w.account(w.alice, 4, 0)
}

func partPathTakenByFile(w *world) {
	top := w.folder(w.alice, "/home/top.d")
	f, g := w.file(w.alice, top, "f", "f", 1), w.file(w.alice, top, "g", "g", 1)
	home, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"home"})
	w.ok(err)
	w.trash(w.alice, top)
	w.file(w.alice, home.ID, "top.d", "file", 1)
	w.restore(w.alice, f.ID, "/home/top.d (2)/f")
	w.restore(w.alice, top, "/home/top.d (2)")
	w.at(w.alice, g.ID, "/home/top.d (2)/g")
}

// The way back has become too long, so nothing of it is restored.
func partWayTooDeep(w *world) {
	top := w.folder(w.alice, "/top")
	sub := w.folder(w.alice, "/top/sub")
	f := w.file(w.alice, w.folder(w.alice, "/top/sub/deep"), "f", "f", 1)
	w.trash(w.alice, f.ID, sub)
	at := w.deepFolder(w.alice, store.MaxDepth-2)
	_, err := w.db.Move(w.Context(), w.alice.ID, top, store.NewPlace{Parent: at, Name: "top", When: w.now})
	w.ok(err)
	w.restore(w.alice, f.ID, "/f")
	w.visible(w.alice, false, sub, f.Parent)
	w.restore(w.alice, f.Parent, "/deep")
	w.visible(w.alice, false, sub)
	e, err := w.db.Restore(w.Context(), w.alice.ID, sub, w.now)
	w.ok(err)
	if e.Parent != top {
		w.Errorf("a folder that fits was restored to %s", e.Parent)
	}
}

func partPurge(w *world) {
	top, below := w.tree(w.alice, "tree")
	w.trash(w.alice, top)
	w.ok(w.db.Purge(w.Context(), w.alice.ID, below[2], w.now))
	w.content(sums("tree0", 10), 2)
	w.account(w.alice, 80, 0)
	w.ok(w.db.Purge(w.Context(), w.alice.ID, below[5], w.now)) // sub1, with two files
	w.account(w.alice, 60, 0)
	w.wantTrash(w.alice, "", "tree")
	w.wantTrash(w.alice, top, "sub0", "sub2", "file1", "file2")
	if e := w.inTrash(w.alice, "")[0]; e.TrashSize != 60 {
		w.Errorf("%d bytes are charged for the folder, want 60", e.TrashSize)
	}
	w.restore(w.alice, top, "/tree")
	w.is(w.db.Purge(w.Context(), w.alice.ID, below[0], w.now), store.ErrNotFound)
	w.wantNames(w.alice, top, "sub0", "sub2", "file1", "file2")
	w.visible(w.alice, false, below[2], below[5], below[6], below[8], below[9])
	w.account(w.alice, 60, 0)
	for _, id := range []store.EntryID{below[2], below[5]} {
		_, err := w.db.Restore(w.Context(), w.alice.ID, id, w.now)
		w.is(err, store.ErrNotFound)
	}
}

// A part was restored, and the others are purged, one by one, in whatever way.
func partPurgeOthers(w *world) {
	top, below := w.tree(w.alice, "tree")
	w.trash(w.alice, top)
	w.restore(w.alice, below[2], "/tree/file0")
	w.is(w.db.Purge(w.Context(), w.alice.ID, top, w.now), store.ErrNotFound) // it is back
	w.account(w.alice, 90, 0)
	for _, e := range w.inTrash(w.alice, "") {
		w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	}
	w.wantTrash(w.alice, "")
	w.wantNames(w.alice, top, "file0")
	w.account(w.alice, 10, 0)
}

func partPurgeUnchanged(w *world) {
	top := w.folder(w.alice, "/top")
	f, g := w.file(w.alice, top, "f", "f", 1), w.file(w.alice, top, "g", "g", 1)
	w.trash(w.alice, top)
	w.restore(w.alice, f.ID, "/top/f")
	left := w.inTrash(w.alice, "")[0]
	w.restore(w.alice, top, "/top")
	w.is(w.db.PurgeUnchanged(w.Context(), left, w.now), store.ErrNotFound)
	w.trash(w.alice, top) // g is in the trash again, and has been for a second
	w.is(w.db.PurgeUnchanged(w.Context(), left, w.now), store.ErrConflict)
	w.restore(w.alice, g.ID, "/top/g")
	w.ok(w.db.PurgeUnchanged(w.Context(), w.inTrash(w.alice, "")[0], w.now))
	w.account(w.alice, 1, 0)
}

// What is left in the trash is due when its folder would have been.
func partExpiry(w *world) {
	top := w.folder(w.alice, "/top")
	f := w.file(w.alice, top, "f", "f", 1)
	w.file(w.alice, w.folder(w.alice, "/top/sub"), "g", "g", 1)
	w.trash(w.alice, top)
	deleted := w.now
	w.later(24 * time.Hour)
	w.restore(w.alice, f.ID, "/top/f")
	es, err := w.db.TrashedBefore(w.Context(), deleted, 10)
	w.ok(err)
	if len(es) != 0 {
		w.Errorf("due: %+v", es)
	}
	es, err = w.db.TrashedBefore(w.Context(), deleted.Add(time.Second), 10)
	w.ok(err)
	if len(es) != 1 || es[0].Name != "sub" || !es[0].Deleted.Equal(deleted) {
		w.Fatalf("due: %+v", es)
	}
	w.ok(w.db.PurgeUnchanged(w.Context(), es[0], w.now))
	w.account(w.alice, 1, 0)
}

func partByDigest(w *world) {
	top := w.folder(w.alice, "/top")
	first := w.file(w.alice, "", "first", "same", 1)
	second := w.file(w.alice, "", "second", "same", 1)
	part := w.file(w.alice, top, "part", "same", 1)
	d := part.Content.Sums.Digest
	byDigest := func() store.Entry {
		e, err := w.db.TrashedByDigest(w.Context(), w.alice.ID, d)
		w.ok(err)
		return e
	}
	_, err := w.db.TrashedByDigest(w.Context(), w.alice.ID, d)
	w.is(err, store.ErrNotFound)
	w.trash(w.alice, top)
	if e := byDigest(); e.ID != part.ID || !e.Deleted.Equal(w.now) || e.TrashOf != top {
		w.Errorf("found %+v, want the one in the folder", e)
	}
	w.trash(w.alice, second.ID, first.ID)
	for _, want := range []store.Entry{first, second, part} {
		e := byDigest()
		if e.ID != want.ID {
			w.Errorf("found %s, want %s", e.Name, want.Name)
		}
		w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	}
	_, err = w.db.TrashedByDigest(w.Context(), w.alice.ID, d)
	w.is(err, store.ErrNotFound)
	_, err = w.db.TrashedByDigest(w.Context(), w.bob.ID, d)
	w.is(err, store.ErrNotFound)
}

func partPaths(w *world) {
	a, c := w.folder(w.alice, "/a"), w.folder(w.alice, "/a/b/c")
	f := w.file(w.alice, c, "f", "f", 1)
	w.trash(w.alice, f.ID, c, a)
	got, err := w.db.PathsOf(w.Context(), w.alice.ID, []store.EntryID{a, c, f.ID, store.NewEntryID()})
	w.ok(err)
	want := map[store.EntryID]store.Path{a: {"a"}, c: {"a", "b", "c"}, f.ID: {"a", "b", "c", "f"}}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Error(diff)
	}
	w.ok(w.db.Purge(w.Context(), w.alice.ID, c, w.now))
	got, err = w.db.PathsOf(w.Context(), w.alice.ID, []store.EntryID{f.ID, c})
	w.ok(err)
	if diff := cmp.Diff(map[store.EntryID]store.Path{f.ID: {"a", "b", "f"}}, got); diff != "" {
		w.Errorf("after the folder was purged: %s", diff)
	}
	w.restore(w.alice, f.ID, "/a/b/f")
	if got, err := w.db.PathsOf(w.Context(), w.bob.ID, []store.EntryID{a, f.ID}); err != nil || len(got) != 0 {
		w.Errorf("another user sees %v, %v", got, err)
	}
}

func partOfAnother(w *world) {
	top := w.folder(w.alice, "/top")
	f := w.file(w.alice, top, "f", "f", 1)
	w.trash(w.alice, top)
	for _, id := range []store.EntryID{top, f.ID} {
		_, err := w.db.Restore(w.Context(), w.bob.ID, id, w.now)
		w.is(err, store.ErrNotFound)
		w.is(w.db.Purge(w.Context(), w.bob.ID, id, w.now), store.ErrNotFound)
		_, _, err = w.db.List(w.Context(), store.Query{User: w.bob.ID, Trash: true, Parent: id, Limit: 3})
		w.is(err, store.ErrNotFound)
	}
	w.restore(w.alice, f.ID, "/top/f")
	_, err := w.db.Restore(w.Context(), w.bob.ID, top, w.now)
	w.is(err, store.ErrNotFound)
}

// Many parts are restored at the same moment, while the folder is restored and deleted again.
func partAllAtOnce(w *world) {
	top := w.folder(w.alice, "/top")
	var ids []store.EntryID
	for i := range 12 {
		sub := w.folder(w.alice, fmt.Sprintf("/top/sub%d", i%3))
		ids = append(ids, w.file(w.alice, sub, fmt.Sprint(i), fmt.Sprint(i), 1).ID)
	}
	w.trash(w.alice, top)
	errs := together(len(ids), func(i int) error {
		_, err := w.db.Restore(w.Context(), w.alice.ID, ids[i], w.now)
		return err
	})
	if count(errs, nil) != len(ids) {
		w.Errorf("results: %v", errs)
	}
	for i, id := range ids {
		w.at(w.alice, id, fmt.Sprintf("/top/sub%d/%d", i%3, i))
	}
	w.wantTrash(w.alice, "")
	w.trash(w.alice, top)
	errs = together(6, func(i int) (err error) {
		switch i {
		case 0:
			_, err = w.db.Restore(w.Context(), w.alice.ID, top, w.now)
		case 1:
			err = w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now)
		default:
			_, err = w.db.Restore(w.Context(), w.alice.ID, ids[i], w.now)
		}
		return err
	})
	for _, err := range errs {
		w.among(err, store.ErrNotFound)
	}
	w.account(w.alice, 12, 0)
	w.whole(w.alice)
}

// More entries than one statement takes, in files and folders.
func partMany(w *world) {
	const n = 450
	top := w.folder(w.alice, "/many")
	var cs []store.Completion
	for i := range n {
		sub := w.folder(w.alice, fmt.Sprintf("/many/sub %d/deep", i))
		for _, parent := range []store.EntryID{top, sub} {
			c := w.completion(w.alice, fmt.Sprintf("file %d", i), sums(fmt.Sprint(i), 1))
			c.Parent = parent
			cs = append(cs, c)
		}
	}
	done, err := w.db.CompleteUploads(w.Context(), cs)
	w.ok(err)
	w.trash(w.alice, top)
	w.restore(w.alice, done[7].Entry.ID, "/many/sub 3/deep/file 3")
	if list := w.inTrash(w.alice, ""); len(list) != 2*n-1 {
		w.Errorf("%d entries are in the trash, want %d", len(list), 2*n-1)
	}
	w.file(w.alice, top, "file 9", "new", 1)
	w.restore(w.alice, top, "/many")
	w.wantTrash(w.alice, "")
	w.at(w.alice, done[9].Entry.ID, "/many/sub 4/deep/file 4")
	w.at(w.alice, done[18].Entry.ID, "/many/file 9 (2)")
	w.account(w.alice, 2*n+1, 0)
	w.whole(w.alice)
}

// whole fails unless each byte that the user is charged for is of an entry that is visible, or that can be found in the
// trash, where it has a path.
func (w *world) whole(u store.User) {
	w.Helper()
	var sum int64
	for _, e := range w.pages(store.Query{User: u.ID, Files: true, Sort: store.ByName, Limit: 1000}, nil) {
		sum += e.Content.Sums.Size
	}
	listed := w.pages(store.Query{User: u.ID, Trash: true, Limit: 1000}, nil)
	for _, e := range listed {
		sum += e.Content.Sums.Size + e.TrashSize
	}
	got, err := w.db.User(w.Context(), u.ID)
	w.ok(err)
	if got.Used != sum {
		w.Errorf("%s uses %d bytes, and %d are found", u.Name, got.Used, sum)
	}
	for _, e := range listed {
		if size := w.trashSize(u, e); size != e.Content.Sums.Size+e.TrashSize {
			w.Errorf("%d bytes are in %+v", size, e)
		}
	}
}

// trashSize adds up what is in an entry of the trash.
func (w *world) trashSize(u store.User, e store.Entry) int64 {
	w.Helper()
	paths, err := w.db.PathsOf(w.Context(), u.ID, []store.EntryID{e.ID})
	w.ok(err)
	if p := paths[e.ID]; len(p) == 0 || p[len(p)-1] != e.Name {
		w.Errorf("%+v has the path %v", e, p)
	}
	if e.Kind == store.File {
		return e.Content.Sums.Size
	}
	var sum int64
	for _, in := range w.pages(store.Query{User: u.ID, Trash: true, Parent: e.ID, Limit: 1000}, nil) {
		size := w.trashSize(u, in)
		if size != in.Content.Sums.Size+in.TrashSize || !in.Deleted.Equal(e.Deleted) {
			w.Errorf("%d bytes are in %+v", size, in)
		}
		sum += size
	}
	return sum
}

// A user deletes, restores, moves and purges at random. Nothing is lost but what was purged.
func partWalk(w *world) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range 25 {
			dir := w.folder(w.alice, fmt.Sprintf("/d%d/e%d/f%d", r.IntN(2), r.IntN(2), r.IntN(2)))
			w.file(w.alice, dir, fmt.Sprint(i%7), fmt.Sprint(seed, i), int64(1+i))
		}
		for range 60 {
			w.among(w.stroll(r), store.ErrNotFound, store.ErrInvalid, store.ErrInTheWay)
		}
		w.whole(w.alice)
	}
	w.counted()
}

// stroll does one thing to an entry.
func (w *world) stroll(r *rand.Rand) error {
	w.Helper()
	pick := func(q store.Query) store.Entry {
		q.User, q.Limit = w.alice.ID, 1000
		es, _, err := w.db.List(w.Context(), q)
		if errors.Is(err, store.ErrNotFound) {
			return store.Entry{}
		}
		w.ok(err)
		if len(es) == 0 {
			return store.Entry{}
		}
		return es[r.IntN(len(es))]
	}
	down := func(q store.Query) (e store.Entry) { // some way into the folders
		for range 1 + r.IntN(3) {
			in := pick(q)
			if in.ID == "" {
				return e
			}
			if e = in; e.Kind == store.File {
				return e
			}
			q.Parent = e.ID
		}
		return e
	}
	live, dead := store.Query{Sort: store.ByName}, store.Query{Trash: true}
	now := w.later(time.Second)
	switch r.IntN(9) {
	case 0, 1, 2:
		return w.db.Trash(w.Context(), w.alice.ID, down(live).ID, 0, now)
	case 3:
		to := store.NewPlace{Parent: down(live).ID, Name: fmt.Sprint("e", r.IntN(3)), Clash: store.ClashRename, When: now}
		_, err := w.db.Move(w.Context(), w.alice.ID, down(live).ID, to)
		return err
	case 4:
		_, err := w.db.MakeFolder(w.Context(), w.alice.ID, store.Path{fmt.Sprint("d", r.IntN(2)), "e0", "f0"}, now)
		return err
	case 5:
		_, err := w.db.Restore(w.Context(), w.alice.ID, down(live).ID, now)
		return err
	case 6:
		return w.db.Purge(w.Context(), w.alice.ID, down(dead).ID, now)
	}
	_, err := w.db.Restore(w.Context(), w.alice.ID, down(dead).ID, now)
	return err
}
