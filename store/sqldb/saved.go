package sqldb

import (
	"context"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// Resumed implements store.Savings.
func (db *DB) Resumed(ctx context.Context, id store.UploadID, held int64) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		var user store.UserID
		var counted int64
		const open = ` FROM tbl_upload WHERE upload_id = ? AND is_open = 1`
		if err := t.get(ctx, `SELECT user_id`+open, []any{string(id)}, &user); err != nil {
			return err
		}
		if err := t.lockUser(ctx, user); err != nil { // users come before uploads
			return err
		}
		err := t.get(ctx, `SELECT saved`+open+t.db.dialect.forUpdate, []any{string(id)}, &counted)
		if err != nil || held <= counted {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE tbl_upload SET saved = ? WHERE upload_id = ?`, held, string(id)); err != nil {
			return err
		}
		return t.save(ctx, user, held-counted)
	})
	if err != nil {
		return fmt.Errorf("count resumed bytes of upload %s: %w", id, err)
	}
	return nil
}

// save counts bytes that a user did not have to send.
func (t tx) save(ctx context.Context, user store.UserID, size int64) error {
	_, err := t.exec(ctx, `UPDATE tbl_user SET saved = saved + ? WHERE id = ?`, size, user)
	return err
}

// Moving implements store.Moves.
func (db *DB) Moving(ctx context.Context, d store.Digest) (bool, error) {
	var moving bool
	err := db.read(ctx, func(ctx context.Context, t tx) (err error) {
		moving, err = t.has(ctx, `SELECT 1 FROM tbl_transfer
			WHERE content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?) AND state = 0`, d.String())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("moving %s: %w", d, err)
	}
	return moving, nil
}
