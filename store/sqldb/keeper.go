package sqldb

import (
	"context"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// UploadByID implements store.UploadKeeper.
func (db *DB) UploadByID(ctx context.Context, id store.UploadID) (store.Upload, error) {
	u, err := find(ctx, db, scanUpload, `SELECT `+uploadColumns+fromUploads+`WHERE up.upload_id = ?`, string(id))
	if err != nil {
		return u, fmt.Errorf("upload %s: %w", id, err)
	}
	return u, nil
}

// ExtendUpload implements store.UploadKeeper.
func (db *DB) ExtendUpload(ctx context.Context, id store.UploadID, expires time.Time) error {
	_, err := db.writeRows(ctx, `UPDATE tbl_upload SET expires_at = ?
		WHERE upload_id = ? AND is_open = 1 AND expires_at < ?`, micros(expires), string(id), micros(expires))
	if err != nil {
		return fmt.Errorf("extend upload %s: %w", id, err)
	}
	return nil
}

// ExpiredUploads implements store.UploadKeeper.
func (db *DB) ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]store.Upload, error) {
	us, err := list(ctx, db, scanUpload, `SELECT `+uploadColumns+fromUploads+`
		WHERE up.is_open = 1 AND up.expires_at < ? ORDER BY up.expires_at, up.id LIMIT ?`, micros(now), limit)
	if err != nil {
		return nil, fmt.Errorf("expired uploads: %w", err)
	}
	return us, nil
}

// ForgetUploads implements store.UploadKeeper.
func (db *DB) ForgetUploads(ctx context.Context, before time.Time) (int, error) {
	n, err := db.writeRows(ctx, `DELETE FROM tbl_upload WHERE ended_at < ?`, micros(before))
	if err != nil {
		return 0, fmt.Errorf("forget uploads: %w", err)
	}
	return n, nil
}
