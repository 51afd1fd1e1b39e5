package service_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func (d *depot) files() *service.Files {
	return &service.Files{Entries: d.db, Changes: d.db, Trees: d.db, Moves: d.db, Now: d.clock.Now}
}

func TestFilesOfAnotherAreNotFound(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	files, mallory := d.files(), d.newUser("mallory").ID
	e, _ := d.file(10)
	for _, ref := range []service.Ref{{ID: e.ID}, {Digest: e.Content.Sums.Digest}, {ID: e.ID, Digest: e.Content.Sums.Digest}} {
		_, err := files.Find(t.Context(), mallory, ref)
		wantKind(t, "find", err, service.NotFound)
		_, err = files.Rename(t.Context(), mallory, ref, service.Change{Name: "mine"})
		wantKind(t, "rename", err, service.NotFound)
		_, err = files.Move(t.Context(), mallory, ref, store.Path{"mine"}, service.Change{})
		wantKind(t, "move", err, service.NotFound)
		wantKind(t, "trash", files.Trash(t.Context(), mallory, ref), service.NotFound)
		d.ok(files.Trash(t.Context(), d.user.ID, service.Ref{ID: e.ID}))
		_, err = files.Restore(t.Context(), mallory, ref)
		wantKind(t, "restore", err, service.NotFound)
		wantKind(t, "purge", files.Purge(t.Context(), mallory, ref), service.NotFound)
		n, err := files.EmptyTrash(t.Context(), mallory)
		if n != 0 || err != nil {
			t.Errorf("mallory purged %d, %v", n, err)
		}
		_, err = files.Restore(t.Context(), d.user.ID, service.Ref{ID: e.ID})
		d.ok(err)
	}
	_, err := d.db.EntryAt(t.Context(), mallory, store.Path{"mine"})
	if err == nil {
		t.Error("a refused move made a folder")
	}
}

func TestDigestNamesTheNewestFile(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	files := d.files()
	old, body := d.file(10)
	d.clock.Advance(1e9)
	recent := d.upload(d.user, "again", body)
	ref := service.Ref{Digest: old.Content.Sums.Digest}
	for i, want := range []store.EntryID{recent.ID, old.ID} {
		got, err := files.Find(t.Context(), d.user.ID, ref)
		d.ok(err)
		if got.ID != want {
			t.Errorf("%d: found %s, want %s", i, got.ID, want)
		}
		d.clock.Advance(1e9)
		d.ok(files.Trash(t.Context(), d.user.ID, ref))
	}
	wantKind(t, "all are gone", files.Trash(t.Context(), d.user.ID, ref), service.NotFound)
	got, err := files.Restore(t.Context(), d.user.ID, ref)
	d.ok(err)
	if got.ID != old.ID {
		t.Error("restore did not take the one trashed last")
	}
}

// Of many who rename different files to one name, one wins and the others are told.
func TestRenameRace(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	files := d.files()
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		e, _ := d.file(3)
		wg.Go(func() {
			_, err := files.Rename(context.Background(), d.user.ID, service.Ref{ID: e.ID}, service.Change{Name: "the name"})
			if err == nil {
				won.Add(1)
			} else if service.KindOf(err) != service.NameTaken {
				t.Errorf("lost: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won", won.Load())
	}
}

// Many ask for one folder at once and all get the same.
func TestMakeFolderRace(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	ids := make([]store.EntryID, 20)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			item, err := d.files().MakeFolder(context.Background(), d.user.ID, store.Path{"a", "b", "c"})
			if err != nil {
				t.Error(err)
			}
			ids[i] = item.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("folders: %v", ids)
		}
	}
}

func TestEmptyTrash(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	files := d.files()
	for i := range 7 {
		d.upload(d.user, fmt.Sprint(i), randomBytes(5))
	}
	items, _, err := files.List(t.Context(), d.user.ID, service.ListQuery{})
	d.ok(err)
	for _, item := range items[:6] {
		d.ok(files.Trash(t.Context(), d.user.ID, service.Ref{ID: item.ID}))
	}
	trash, _, err := files.List(t.Context(), d.user.ID, service.ListQuery{Trash: true})
	if len(trash) != 6 || err != nil || len(trash[0].Path) != 1 {
		t.Fatalf("trash: %v, %v", trash, err)
	}
	if n, err := files.EmptyTrash(t.Context(), d.user.ID); n != 6 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	left, _, err := files.List(t.Context(), d.user.ID, service.ListQuery{})
	d.ok(err)
	if len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	d.clean()
}

// The trash says where its entries were, and a file comes back there with the folder that was deleted after it.
func TestTrashKnowsTheOldPath(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	files := d.files()
	e, _ := d.file(5)
	moved, err := files.Move(t.Context(), d.user.ID, service.Ref{ID: e.ID}, store.Path{"e", "f"}, service.Change{Name: "x"})
	d.ok(err)
	other := d.upload(d.user, "other", randomBytes(7))
	_, err = files.Move(t.Context(), d.user.ID, service.Ref{ID: other.ID}, store.Path{"e", "f"}, service.Change{})
	d.ok(err)
	d.ok(files.Trash(t.Context(), d.user.ID, service.Ref{ID: e.ID}))
	d.clock.Advance(time.Hour)
	d.ok(files.Trash(t.Context(), d.user.ID, service.Ref{ID: moved.Parent}))
	deleted := d.clock.Now().Truncate(time.Microsecond)
	list := func(folder store.EntryID) (text string) {
		t.Helper()
		items, _, err := files.List(t.Context(), d.user.ID, service.ListQuery{Trash: true, TrashFolder: folder})
		d.ok(err)
		for _, i := range items {
			text += fmt.Sprintf("%s %d %d; ", i.Path, i.Content.Sums.Size, i.TrashSize)
		}
		return text
	}
	if got, want := list(""), "/e/f 0 7; /e/f/x 5 0; "; got != want {
		t.Errorf("trash: %s, want %s", got, want)
	}
	if got, want := list(moved.Parent), "/e/f/other 7 0; "; got != want {
		t.Errorf("trash of the folder: %s, want %s", got, want)
	}
	back, err := files.Restore(t.Context(), d.user.ID, service.Ref{ID: e.ID})
	d.ok(err)
	if back.Path.String() != "/e/f/x" || back.Parent != moved.Parent {
		t.Errorf("restored to %s in %s", back.Path, back.Parent)
	}
	items, _, err := files.List(t.Context(), d.user.ID, service.ListQuery{Trash: true})
	d.ok(err)
	if len(items) != 1 || items[0].ID != other.ID || !items[0].Expires.Equal(deleted.Add(30*24*time.Hour)) {
		t.Errorf("left in the trash: %+v", items)
	}
	folder, err := files.Restore(t.Context(), d.user.ID, service.Ref{ID: moved.Parent})
	d.ok(err)
	if got, err := files.Find(t.Context(), d.user.ID, service.Ref{ID: other.ID}); err != nil || got.Path.String() != "/e/f/other" ||
		folder.Path.String() != "/e/f" {
		t.Errorf("restored to %s and %s, %v", folder.Path, got.Path, err)
	}
}

func TestListOfATrashedFolderRefuses(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	files := d.files()
	folder, err := files.MakeFolder(t.Context(), d.user.ID, store.Path{"f"})
	d.ok(err)
	d.ok(files.Trash(t.Context(), d.user.ID, service.Ref{ID: folder.ID}))
	for _, c := range []struct {
		q    service.ListQuery
		user store.UserID
		want service.Kind
	}{
		{service.ListQuery{TrashFolder: folder.ID, Sort: store.BySize}, d.user.ID, service.Invalid},
		{service.ListQuery{TrashFolder: folder.ID, Order: "up"}, d.user.ID, service.Invalid},
		{service.ListQuery{TrashFolder: folder.ID, Cursor: "x"}, d.user.ID, service.Invalid},
		{service.ListQuery{TrashFolder: store.NewEntryID()}, d.user.ID, service.NotFound},
		{service.ListQuery{TrashFolder: folder.ID}, d.newUser("mallory").ID, service.NotFound},
	} {
		c.q.Trash = true
		_, _, err := files.List(t.Context(), c.user, c.q)
		wantKind(t, fmt.Sprintf("%+v", c.q), err, c.want)
	}
}
