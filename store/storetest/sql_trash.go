package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Trash tests store.EntryTrash; RestoreParts tests what becomes of parts of a trashed folder.
func Trash(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"FileThereAndBack":             trashFile,
		"TreeThereAndBack":             trashTree,
		"WhatWasTrashedBeforeStays":    trashBefore,
		"RestoreAfterTheFolder":        trashRestoreAfterFolder,
		"RestoreNumbersATakenName":     trashRestoreTaken,
		"RestoreIntoAFolderMovedDeep":  trashRestoreDeep,
		"OnlyItsOwnRootIsListed":       trashOnlyRoots,
		"PurgeTree":                    trashPurge,
		"PurgeSharedContent":           trashPurgeShared,
		"PurgeDuringTransfer":          trashPurgeTransfer,
		"PurgeRace":                    trashPurgeRace,
		"PurgedFolderIsNotComeBackTo":  trashPurgedFolder,
		"TrashedBefore":                trashedBefore,
		"UploadIntoATrashedFolder":     trashUpload,
		"TrashAgainstUpload":           trashUploadRace,
		"ManyEntries":                  trashMany,
		"TrashedNameIsFreeManyTimes":   trashNameIsFree,
		"RestoredFolderKeepsItsOrders": trashKeepsTimes,
	})
}

func trashFile(w *world) {
	e := w.file(w.alice, "", "a", "a", 10)
	at := w.later(time.Hour)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, at))
	w.is(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, at), store.ErrNotFound)
	_, err := w.db.Entry(w.Context(), w.alice.ID, e.ID)
	w.is(err, store.ErrNotFound)
	w.wantNames(w.alice, "")
	w.content(e.Content.Sums, 1)
	w.account(w.alice, 10, 0)
	list := w.pages(store.Query{User: w.alice.ID, Trash: true, Limit: 10}, nil)
	if len(list) != 1 || list[0].ID != e.ID || !list[0].Deleted.Equal(at) || list[0].Name != "a" {
		w.Errorf("trash: %+v", list)
	}
	back, err := w.db.Restore(w.Context(), w.alice.ID, e.ID, w.later(time.Hour))
	w.ok(err)
	want := e
	want.Updated, want.Revision, want.Change = w.now, back.Revision, back.Change
	if back != want || back.Revision <= e.Revision {
		w.Errorf("restored %+v, want %+v", back, want)
	}
	_, err = w.db.Restore(w.Context(), w.alice.ID, e.ID, w.now)
	w.is(err, store.ErrNotFound)
	w.is(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now), store.ErrNotFound)
	w.account(w.alice, 10, 0)
}

// tree makes a folder with three levels of folders and files, and returns it and all that is in it.
func (w *world) tree(u store.User, name string) (store.EntryID, []store.EntryID) {
	w.Helper()
	top := w.folder(u, "/"+name)
	below := []store.EntryID{}
	for i := range 3 {
		sub := w.folder(u, fmt.Sprintf("/%s/sub%d", name, i))
		deep := w.folder(u, fmt.Sprintf("/%s/sub%d/deep", name, i))
		below = append(below, sub, deep)
		for _, parent := range []store.EntryID{top, sub, deep} {
			below = append(below, w.file(u, parent, fmt.Sprintf("file%d", i), fmt.Sprint(name, i), 10).ID)
		}
	}
	return top, below
}

func (w *world) visible(u store.User, want bool, ids ...store.EntryID) {
	w.Helper()
	for _, id := range ids {
		_, err := w.db.Entry(w.Context(), u.ID, id)
		if want {
			w.ok(err)
		} else {
			w.is(err, store.ErrNotFound)
		}
	}
}

func trashTree(w *world) {
	top, below := w.tree(w.alice, "tree")
	other, others := w.tree(w.alice, "other")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	w.visible(w.alice, false, append(below, top)...)
	w.visible(w.alice, true, append(others, other)...)
	files := w.pages(store.Query{User: w.alice.ID, Files: true, Sort: store.ByName, Limit: 100}, nil)
	if len(files) != 9 {
		w.Errorf("%d files are visible, want 9", len(files))
	}
	w.account(w.alice, 180, 0)
	_, err := w.db.Restore(w.Context(), w.alice.ID, top, w.now)
	w.ok(err)
	w.visible(w.alice, true, append(below, top)...)
	w.account(w.alice, 180, 0)
	if again := w.folder(w.alice, "/tree/sub1/deep"); again != below[6] {
		w.Errorf("the tree has another shape: %s, want %s", again, below[6])
	}
}

func trashBefore(w *world) {
	top, below := w.tree(w.alice, "tree")
	early := below[5]     // the folder sub1
	single := below[2]    // a file of top
	inEarly := below[5+1] // sub1/deep
	w.ok(w.db.Trash(w.Context(), w.alice.ID, single, 0, w.later(time.Hour)))
	w.ok(w.db.Trash(w.Context(), w.alice.ID, early, 0, w.later(time.Hour)))
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.later(time.Hour)))
	if list := w.pages(store.Query{User: w.alice.ID, Trash: true, Limit: 10}, nil); len(list) != 3 {
		w.Errorf("trash: %+v", list)
	}
	_, err := w.db.Restore(w.Context(), w.alice.ID, top, w.now)
	w.ok(err)
	w.visible(w.alice, true, top, below[0])
	w.visible(w.alice, false, early, single, inEarly)
	e, err := w.db.Restore(w.Context(), w.alice.ID, early, w.now)
	w.ok(err)
	if e.Parent != top {
		w.Errorf("restored to %s, want %s", e.Parent, top)
	}
	w.visible(w.alice, true, inEarly)
	w.visible(w.alice, false, single)
}

// What was deleted before the folder that it was in outlives it, and comes back where its folder was.
func trashRestoreAfterFolder(w *world) {
	home := w.folder(w.alice, "/home")
	top, below := w.tree(w.alice, "home/tree")
	file, folder := below[2], below[5]
	for _, id := range []store.EntryID{file, folder, top} {
		w.ok(w.db.Trash(w.Context(), w.alice.ID, id, 0, w.now))
	}
	w.ok(w.db.Purge(w.Context(), w.alice.ID, top, w.now))
	e, err := w.db.Restore(w.Context(), w.alice.ID, file, w.now)
	w.ok(err)
	if e.Parent != home {
		w.Errorf("restored to %q, want the folder in which the purged one was", e.Parent)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, home, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, home, w.now))
	e, err = w.db.Restore(w.Context(), w.alice.ID, folder, w.now)
	w.ok(err)
	if e.Parent != "" {
		w.Errorf("restored to %q, want the root", e.Parent)
	}
	w.wantNames(w.alice, "", "sub1")
	w.visible(w.alice, true, below[6], below[8], below[9])
	w.account(w.alice, 20, 0)
}

func trashRestoreTaken(w *world) {
	docs := w.folder(w.alice, "/docs")
	e := w.file(w.alice, docs, "a.txt", "a", 1)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.file(w.alice, docs, "a.txt", "a", 1) // the same content makes no difference: both were wanted
	back, err := w.db.Restore(w.Context(), w.alice.ID, e.ID, w.now)
	w.ok(err)
	if back.Name != "a (2).txt" || back.Parent != docs {
		w.Errorf("restored %+v", back)
	}
}

func trashRestoreDeep(w *world) {
	w.folder(w.alice, "/parent/child/grandchild")
	parent, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"parent"})
	w.ok(err)
	child, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"parent", "child"})
	w.ok(err)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, child.ID, 0, w.now))
	deep := store.Path{}
	for range store.MaxDepth - 2 {
		deep = append(deep, "d")
	}
	at, err := w.db.MakeFolder(w.Context(), w.alice.ID, deep, w.now)
	w.ok(err)
	_, err = w.db.Move(w.Context(), w.alice.ID, parent.ID, store.NewPlace{Parent: at, Name: "parent", When: w.now})
	w.ok(err)
	back, err := w.db.Restore(w.Context(), w.alice.ID, child.ID, w.now)
	w.ok(err)
	if back.Parent != "" {
		w.Errorf("restored %d folders deep with one more below it", store.MaxDepth)
	}
}

func trashOnlyRoots(w *world) {
	top, below := w.tree(w.alice, "tree")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	for _, id := range below {
		w.is(w.db.Trash(w.Context(), w.alice.ID, id, 0, w.now), store.ErrNotFound)
	}
	w.wantTrash(w.alice, "", "tree")
	w.account(w.alice, 90, 0)
}

func trashedBefore(w *world) {
	var ids []store.EntryID
	start := w.now
	for i := range 4 {
		u := []store.User{w.alice, w.bob}[i%2]
		e := w.file(u, w.folder(u, fmt.Sprintf("/d%d", i)), "f", fmt.Sprint(i), 1)
		w.ok(w.db.Trash(w.Context(), u.ID, e.Parent, 0, start.Add(time.Duration(10-i)*time.Hour)))
		ids = append(ids, e.Parent)
	}
	for _, c := range []struct {
		at    time.Duration
		limit int
		want  []store.EntryID
	}{
		{7 * time.Hour, 10, nil},
		{8*time.Hour + 1000, 10, []store.EntryID{ids[3], ids[2]}},
		{20 * time.Hour, 3, []store.EntryID{ids[3], ids[2], ids[1]}},
	} {
		es, err := w.db.TrashedBefore(w.Context(), start.Add(c.at), c.limit)
		w.ok(err)
		if len(es) != len(c.want) {
			w.Fatalf("before %v: %+v, want %v", c.at, es, c.want)
		}
		for i, e := range es {
			if e.ID != c.want[i] || e.User == 0 {
				w.Errorf("before %v: %+v, want %v", c.at, es, c.want)
			}
		}
	}
}

func trashUpload(w *world) {
	top, below := w.tree(w.alice, "tree")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	e := w.file(w.alice, below[0], "new", "new", 1)
	if e.Parent != "" {
		w.Errorf("uploaded into the trash: %+v", e)
	}
	_, err := w.db.LinkContent(w.Context(), store.NewEntry{
		User: w.alice.ID, Digest: e.Content.Sums.Digest, Size: 1, Parent: below[0], Name: "x", When: w.now,
	})
	w.is(err, store.ErrNotFound)
}

// Whatever comes first, an entry is never visible in a folder that is not.
func trashUploadRace(w *world) {
	for i := range 15 {
		id := w.folder(w.alice, fmt.Sprintf("/d%d", i))
		c := w.completion(w.alice, fmt.Sprintf("file%d", i), sums(fmt.Sprint(i), 1))
		c.Parent = id
		var e store.Entry
		errs := together(2, func(n int) error {
			if n == 0 {
				return w.db.Trash(w.Context(), w.alice.ID, id, 0, w.now)
			}
			done, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
			if err == nil {
				e = done[0].Entry
			}
			return err
		})
		w.ok(errs[0])
		w.ok(errs[1])
		w.visible(w.alice, e.Parent == "", e.ID)
	}
}

func trashMany(w *world) {
	top := w.folder(w.alice, "/many")
	var cs []store.Completion
	for i := range 450 {
		c := w.completion(w.alice, fmt.Sprintf("file %d", i), sums(fmt.Sprint(i), 1))
		c.Parent = top
		cs = append(cs, c)
	}
	_, err := w.db.CompleteUploads(w.Context(), cs)
	w.ok(err)
	w.account(w.alice, 450, 0)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	_, err = w.db.Restore(w.Context(), w.alice.ID, top, w.now)
	w.ok(err)
	w.wantNames(w.alice, "", "many")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, top, w.now))
	w.account(w.alice, 0, 0)
	if n := len(w.garbage()); n != 450 {
		w.Errorf("%d blobs are garbage, want 450", n)
	}
}

func trashNameIsFree(w *world) {
	for i := range 3 {
		e := w.file(w.alice, "", "same", fmt.Sprint(i), 1)
		if e.Name != "same" {
			w.Errorf("name is %q", e.Name)
		}
		w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	}
	w.account(w.alice, 3, 0)
}

func trashKeepsTimes(w *world) {
	docs := w.folder(w.alice, "/docs")
	e := w.file(w.alice, docs, "a", "a", 1)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, docs, 0, w.later(time.Hour)))
	_, err := w.db.Restore(w.Context(), w.alice.ID, docs, w.later(time.Hour))
	w.ok(err)
	got, err := w.db.Entry(w.Context(), w.alice.ID, e.ID)
	w.ok(err)
	if !got.Updated.Equal(e.Updated) || !got.Created.Equal(e.Created) || got.TrashOf != "" || !got.Deleted.IsZero() {
		w.Errorf("entry is %+v, was %+v", got, e)
	}
	if got.Revision <= e.Revision {
		w.Error("going and coming back did not count as a change")
	}
}
