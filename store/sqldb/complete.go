package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// CompleteUploads implements store.Uploads.
func (db *DB) CompleteUploads(ctx context.Context, cs []store.Completion) ([]store.Completed, error) {
	var done []store.Completed
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.lockOwners(ctx, cs); err != nil {
			return err
		}
		done = make([]store.Completed, len(cs))
		for i, c := range cs {
			if i > 0 && c.Folder != nil && c.Folder == cs[i-1].Folder { // found once for all files of a form
				c.Folder, c.Parent = nil, done[i-1].Entry.Parent
			}
			var err error
			if done[i], err = t.complete(ctx, c); err != nil {
				return fmt.Errorf("upload %s: %w", c.Upload, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("complete: %w", err)
	}
	return done, nil
}

// lockOwners locks the users of completions, in one order whoever comes first in them.
func (t tx) lockOwners(ctx context.Context, cs []store.Completion) error {
	var users []store.UserID
	for _, c := range cs {
		users = append(users, c.User)
	}
	slices.Sort(users)
	for _, u := range slices.Compact(users) {
		if err := t.lockUser(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// complete is the order of store.Completion's comment. Its user is locked.
func (t tx) complete(ctx context.Context, c store.Completion) (store.Completed, error) {
	var u store.Upload
	if c.Row {
		var err error
		if u, err = t.upload(ctx, c.User, c.Upload); err != nil {
			return store.Completed{}, err
		}
		if u.State == store.UploadDone {
			return t.completeDone(ctx, u, c)
		}
		if err := completable(u, c); err != nil {
			return store.Completed{}, err
		}
	}
	content, stored, err := t.keepContent(ctx, c)
	if err != nil {
		return store.Completed{}, err
	}
	parent, err := t.folderOr(ctx, c.User, c.Folder, c.Parent, c.When)
	if errors.Is(err, store.ErrNotFound) {
		parent, err = 0, nil // the folder is gone
	}
	if err != nil {
		return store.Completed{}, err
	}
	n := store.NewEntry{User: c.User, Name: c.Name, Clash: c.Clash, Modified: c.Modified, When: c.When}
	e, made, err := t.link(ctx, n, content, parent)
	if err != nil {
		return store.Completed{}, err
	}
	if err := t.pay(ctx, c, u, made); err != nil {
		return store.Completed{}, err
	}
	return store.Completed{Entry: e.Entry, Stored: stored}, t.markDone(ctx, c, parent, e.ID)
}

// completeDone is the result of completing an upload that is done: the entry that it made for this folder and name, or
// another entry of its content. ErrNotFound.
func (t tx) completeDone(ctx context.Context, u store.Upload, c store.Completion) (store.Completed, error) {
	parent, err := t.folderOrRoot(ctx, c.User, c.Parent)
	if err != nil {
		return store.Completed{}, err
	}
	var id store.EntryID
	var modified time.Time
	err = t.get(ctx, `SELECT entry_id, modified_at FROM tbl_upload_target WHERE upload_id = ? AND parent_id = ? AND file_name = ?`,
		[]any{string(u.ID), parent, c.Name}, &id, timeCol{&modified})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Completed{}, err
	}
	e := row{}
	if id != "" {
		e, err = first(ctx, t, scanRow, `SELECT `+entryColumns+fromEntries+`WHERE e.entry_id = ? AND e.user_id = ?`,
			string(id), u.User)
		if err == nil && !c.Modified.IsZero() && !stored(c.Modified).Equal(modified) {
			e, err = t.remodify(ctx, e, u, c, parent)
		}
	} else {
		e, err = t.linkDone(ctx, u, c, parent)
	}
	if err != nil {
		return store.Completed{}, fmt.Errorf("upload %s is done: %w", u.ID, err)
	}
	return store.Completed{Entry: e.Entry, Stored: e.Content.Location.Name().Upload() == u.ID}, nil
}

// remodify gives the entry that an upload has made the modification time of a repeated completion, unless the entry is in
// the trash.
func (t tx) remodify(ctx context.Context, e row, u store.Upload, c store.Completion, parent int64) (row, error) {
	if e.Status != store.EntryNormal || !e.Deleted.IsZero() {
		return e, nil
	}
	if at := stored(c.Modified); !at.Equal(e.Modified) {
		e.Modified = at
		var err error
		if e, err = t.place(ctx, e, e.parent, e.Name, c.When); err != nil {
			return e, err
		}
	}
	target := store.UploadTarget{Name: c.Name, Path: c.Path, Modified: c.Modified, Entry: e.ID}
	return e, t.putTarget(ctx, u.ID, parent, target)
}

// linkDone makes another entry of the content of an upload that is done. The content must still be the user's: whether
// other users have it must make no difference. ErrNotFound.
func (t tx) linkDone(ctx context.Context, u store.Upload, c store.Completion, parent int64) (row, error) {
	content, err := t.content(ctx, u.Digest)
	if err != nil {
		return row{}, err
	}
	mine, err := t.has(ctx, `SELECT 1 FROM tbl_user_file WHERE content_id = ? AND user_id = ? LIMIT 1`, content.ID, c.User)
	if err != nil {
		return row{}, err
	}
	if !mine || content.Status != store.ContentLive {
		return row{}, store.ErrNotFound
	}
	n := store.NewEntry{User: c.User, Name: c.Name, Clash: c.Clash, Modified: c.Modified, When: c.When}
	e, made, err := t.link(ctx, n, content, parent)
	if err != nil {
		return row{}, err
	}
	if made {
		if err := t.charge(ctx, c.User, content.Sums.Size); err != nil {
			return row{}, err
		}
		if err := t.save(ctx, c.User, content.Sums.Size); err != nil {
			return row{}, err
		}
	}
	target := store.UploadTarget{Name: c.Name, Path: c.Path, Modified: c.Modified, Entry: e.ID}
	return e, t.putTarget(ctx, u.ID, parent, target)
}

// completable refuses bytes that are not those of the upload.
func completable(u store.Upload, c store.Completion) error {
	switch {
	case u.State != store.UploadOpen:
		return store.ErrConflict
	case u.Layout.Size != c.Sums.Size:
		return fmt.Errorf("%d bytes instead of %d: %w", c.Sums.Size, u.Layout.Size, store.ErrLength)
	case !u.Digest.IsZero() && u.Digest != c.Sums.Digest:
		return store.ErrDigestMismatch
	}
	return nil
}

// folderOrRoot finds the folder that an upload goes to, and the root where that is gone.
func (t tx) folderOrRoot(ctx context.Context, user store.UserID, id store.EntryID) (int64, error) {
	n, err := t.visibleFolder(ctx, user, id)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// pay turns the upload's reservation into use, or charges what was not reserved. An entry that was there is not charged again.
func (t tx) pay(ctx context.Context, c store.Completion, u store.Upload, made bool) error {
	var size int64
	if made {
		size = c.Sums.Size
	}
	if c.Row {
		return t.settle(ctx, c.User, u.Reserved, size)
	}
	if !made {
		return nil
	}
	return t.charge(ctx, c.User, size)
}

func (t tx) markDone(ctx context.Context, c store.Completion, parent int64, e store.EntryID) error {
	if !c.Row {
		return nil
	}
	err := t.one(ctx, store.ErrConflict, `UPDATE tbl_upload
		SET state = 1, is_open = NULL, reserved = 0, file_sha1 = ?, entry_id = ?, ended_at = ?
		WHERE upload_id = ? AND is_open = 1`, c.Sums.Digest.String(), string(e), micros(c.When), string(c.Upload))
	if err != nil {
		return err
	}
	return t.putTarget(ctx, c.Upload, parent, store.UploadTarget{Name: c.Name, Path: c.Path, Modified: c.Modified, Entry: e})
}
