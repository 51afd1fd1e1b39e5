package sqldb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blinkdrive/blinkdrive/store"
)

// A targetRow is a target with its row number, which tells in which order targets were announced.
type targetRow struct {
	store.UploadTarget
	id int64
}

func scanTarget(row scanner) (t targetRow, err error) {
	err = row.Scan(&t.id, optText(&t.Parent), &t.FolderGone, &t.Name, &t.Path, timeCol{&t.Modified}, &t.Entry)
	return t, err
}

// UploadTargets implements store.UploadTargets.
func (db *DB) UploadTargets(ctx context.Context, user store.UserID, id store.UploadID) ([]store.UploadTarget, error) {
	rows, err := list(ctx, db, scanTarget, `SELECT t.id, p.entry_id, t.parent_id <> 0 AND p.alive IS NULL, t.file_name, t.folder_path,
		t.modified_at, t.entry_id
		FROM tbl_upload up JOIN tbl_upload_target t ON t.upload_id = up.upload_id
		LEFT JOIN tbl_user_file p ON p.id = t.parent_id
		WHERE up.upload_id = ? AND up.user_id = ?`, string(id), user)
	if err != nil {
		return nil, fmt.Errorf("targets of upload %s: %w", id, err)
	}
	slices.SortFunc(rows, func(a, b targetRow) int { return cmp.Compare(a.id, b.id) })
	ts := make([]store.UploadTarget, len(rows))
	for i, r := range rows {
		ts[i] = r.UploadTarget
	}
	return ts, nil
}

// AddUploadTarget implements store.UploadTargets.
func (db *DB) AddUploadTarget(ctx context.Context, user store.UserID, id store.UploadID, target store.UploadTarget) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.lockUser(ctx, user); err != nil {
			return err
		}
		u, err := t.upload(ctx, user, id)
		if err != nil {
			return err
		}
		if u.State != store.UploadOpen {
			return store.ErrConflict
		}
		parent, err := t.visibleFolder(ctx, user, target.Parent)
		if err != nil {
			return err
		}
		return t.putTarget(ctx, id, parent, target)
	})
	if err != nil {
		return fmt.Errorf("add target of upload %s: %w", id, err)
	}
	return nil
}

// putTarget records a target, or replaces what is known of it: its path, its entry, and its modification time unless the
// new one is zero. The caller has locked the upload's user. ErrTooMany.
func (t tx) putTarget(ctx context.Context, id store.UploadID, parent int64, target store.UploadTarget) error {
	var known int64
	err := t.get(ctx, `SELECT id FROM tbl_upload_target WHERE upload_id = ? AND parent_id = ? AND file_name = ?`,
		[]any{string(id), parent, target.Name}, &known)
	if err == nil {
		_, err = t.exec(ctx, `UPDATE tbl_upload_target SET folder_path = ?, entry_id = ?, modified_at = COALESCE(?, modified_at)
			WHERE id = ?`, target.Path, string(target.Entry), optMicros(target.Modified), known)
		return err
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	var count int
	err = t.get(ctx, `SELECT COUNT(*) FROM tbl_upload_target WHERE upload_id = ?`, []any{string(id)}, &count)
	if err != nil {
		return err
	}
	if count >= store.MaxUploadTargets {
		return fmt.Errorf("targets of one upload: %w", store.ErrTooMany)
	}
	_, err = t.exec(ctx, `INSERT INTO tbl_upload_target (upload_id, parent_id, file_name, folder_path, modified_at, entry_id)
		VALUES (?, ?, ?, ?, ?, ?)`, string(id), parent, target.Name, target.Path, optMicros(target.Modified), string(target.Entry))
	return err
}
