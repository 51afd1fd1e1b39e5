package sqldb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Move implements store.EntryChanges.
func (db *DB) Move(ctx context.Context, user store.UserID, id store.EntryID, to store.NewPlace) (store.Entry, error) {
	var e row
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := store.CheckName(to.Name); err != nil {
			return err
		}
		if err := t.lockUser(ctx, user); err != nil {
			return err
		}
		folder, err := t.folderOr(ctx, user, to.Folder, to.Parent, to.When)
		if err != nil {
			return err
		}
		if e, err = t.unchangedEntry(ctx, user, id, to.Revision); err != nil {
			return err
		}
		same := e.Modified
		if !to.Modified.IsZero() {
			e.Modified = stored(to.Modified)
		}
		if e.parent == folder && e.Name == to.Name {
			if !e.Modified.Equal(same) {
				e, err = t.place(ctx, e, folder, to.Name, to.When)
			}
			return err
		}
		if err := t.mayMove(ctx, e, folder); err != nil {
			return err
		}
		name, err := t.resolveName(ctx, nameRequest{user: user, folder: folder, name: to.Name, kind: e.Kind,
			clash: cmp.Or(to.Clash, store.ClashFail), when: to.When})
		if err != nil {
			return err
		}
		e, err = t.place(ctx, e, folder, name, to.When)
		return err
	})
	if err != nil {
		return store.Entry{}, fmt.Errorf("move %s: %w", id, err)
	}
	return e.Entry, nil
}

// mayMove refuses, with ErrInvalid, a folder that would come to lie in itself, or too deep.
func (t tx) mayMove(ctx context.Context, e row, folder int64) error {
	if e.Kind != store.Folder || e.parent == folder {
		return nil
	}
	parents, err := t.ancestry(ctx, folder)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(parents, func(a ancestor) bool { return a.id == e.id }) {
		return fmt.Errorf("must not move into itself: %w", store.ErrInvalid)
	}
	fits, err := t.fits(ctx, e, len(parents))
	if err == nil && !fits {
		return fmt.Errorf("deeper than %d folders: %w", store.MaxDepth, store.ErrInvalid)
	}
	return err
}

// place gives an entry its folder, name and e.Modified, and makes it visible. ErrExists.
func (t tx) place(ctx context.Context, e row, parent int64, name string, now time.Time) (row, error) {
	seq, err := t.nextChange(ctx, e.User)
	if err != nil {
		return e, err
	}
	_, err = t.exec(ctx, `UPDATE tbl_user_file SET parent_id = ?, file_name = ?, status = 0, alive = 1, deleted_at = NULL,
		trash_root = NULL, modified_at = ?, updated_at = ?, revision = revision + 1, change_seq = ? WHERE id = ?`,
		parent, name, optMicros(e.Modified), micros(now), seq, e.id)
	if t.db.dialect.duplicate(err) {
		return e, store.ErrExists
	}
	if err != nil {
		return e, err
	}
	return t.entry(ctx, e.id)
}
