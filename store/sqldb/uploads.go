package sqldb

import (
	"context"
	"errors"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	uploadColumns = `up.upload_id, up.user_id, up.file_sha1, up.file_size, up.chunk_size, p.entry_id, up.file_name,
		up.modified_at, up.state, up.reserved, up.entry_id, up.created_at, up.expires_at`
	fromUploads = ` FROM tbl_upload up LEFT JOIN tbl_user_file p ON p.id = up.parent_id `
)

func scanUpload(row scanner) (u store.Upload, err error) {
	err = row.Scan(&u.ID, &u.User, digestCol(&u.Digest), &u.Layout.Size, &u.Layout.ChunkSize, optText(&u.Parent), &u.Name,
		timeCol{&u.Modified}, &u.State, &u.Reserved, &u.Entry, timeCol{&u.Created}, timeCol{&u.Expires})
	return u, err
}

// StartUpload implements store.Uploads.
func (db *DB) StartUpload(ctx context.Context, u store.Upload, l store.UploadLimits) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.mayStart(ctx, u, l); err != nil {
			return err
		}
		parent, err := t.visibleFolder(ctx, u.User, u.Parent)
		if err != nil {
			return err
		}
		if err := t.reserve(ctx, u.User, u.Layout.Size); err != nil {
			return err
		}
		if err := t.insertUpload(ctx, u, parent); err != nil {
			return err
		}
		return t.putTarget(ctx, u.ID, parent, store.UploadTarget{Name: u.Name, Path: u.Path, Modified: u.Modified})
	})
	if err != nil {
		return fmt.Errorf("start upload %s: %w", u.ID, err)
	}
	return nil
}

// mayStart applies the rules about the user's other uploads.
func (t tx) mayStart(ctx context.Context, u store.Upload, l store.UploadLimits) error {
	if u.Layout.Size < 0 || u.Layout.ChunkSize <= 0 {
		return fmt.Errorf("layout: %w", store.ErrInvalid)
	}
	if err := t.lockUser(ctx, u.User); err != nil {
		return err
	}
	other, err := t.has(ctx, `SELECT 1 FROM tbl_upload WHERE user_id = ? AND file_sha1 = ? AND is_open = 1`,
		u.User, optDigest(u.Digest))
	if err != nil {
		return err
	}
	if other {
		return store.ErrExists
	}
	if l.Open <= 0 {
		return nil
	}
	var open int
	err = t.get(ctx, `SELECT COUNT(*) FROM tbl_upload WHERE user_id = ? AND is_open = 1`, []any{u.User}, &open)
	if err == nil && open >= l.Open {
		return store.ErrTooMany
	}
	return err
}

func (t tx) insertUpload(ctx context.Context, u store.Upload, parent int64) error {
	_, err := t.exec(ctx, `INSERT INTO tbl_upload (upload_id, user_id, file_sha1, file_size, chunk_size, parent_id, file_name,
		modified_at, node, state, is_open, reserved, entry_id, created_at, expires_at, ended_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ?, '', ?, ?, NULL)`,
		string(u.ID), u.User, optDigest(u.Digest), u.Layout.Size, u.Layout.ChunkSize, parent, u.Name,
		optMicros(u.Modified), string(u.ID.Node()), u.Layout.Size, micros(u.Created), micros(u.Expires))
	if t.db.dialect.duplicate(err) {
		return store.ErrExists
	}
	return err
}

// Upload implements store.Uploads.
func (db *DB) Upload(ctx context.Context, user store.UserID, id store.UploadID) (store.Upload, error) {
	u, err := find(ctx, db, scanUpload, `SELECT `+uploadColumns+fromUploads+`WHERE up.upload_id = ? AND up.user_id = ?`,
		string(id), user)
	if err != nil {
		return u, fmt.Errorf("upload %s: %w", id, err)
	}
	return u, nil
}

// OpenUploads implements store.Uploads.
func (db *DB) OpenUploads(ctx context.Context, user store.UserID) ([]store.Upload, error) {
	us, err := list(ctx, db, scanUpload, `SELECT `+uploadColumns+fromUploads+`WHERE up.user_id = ? AND up.is_open = 1
		ORDER BY up.created_at DESC, up.id DESC`, user)
	if err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	return us, nil
}

// OpenUpload implements store.Uploads.
func (db *DB) OpenUpload(ctx context.Context, user store.UserID, d store.Digest) (store.Upload, error) {
	u, err := find(ctx, db, scanUpload, `SELECT `+uploadColumns+fromUploads+`
		WHERE up.user_id = ? AND up.file_sha1 = ? AND up.is_open = 1`, user, optDigest(d))
	if err != nil {
		return u, fmt.Errorf("open upload of %s: %w", d, err)
	}
	return u, nil
}

// BindUpload implements store.Uploads.
func (db *DB) BindUpload(ctx context.Context, user store.UserID, id store.UploadID, d store.Digest) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if d.IsZero() {
			return store.ErrInvalid
		}
		n, err := t.exec(ctx, `UPDATE tbl_upload SET file_sha1 = ?
			WHERE upload_id = ? AND user_id = ? AND is_open = 1 AND (file_sha1 IS NULL OR file_sha1 = ?)`,
			d.String(), string(id), user, d.String())
		if t.db.dialect.duplicate(err) {
			return store.ErrExists
		}
		if err != nil || n > 0 {
			return err
		}
		if _, err := t.upload(ctx, user, id); err != nil {
			return err
		}
		return store.ErrConflict
	})
	if err != nil {
		return fmt.Errorf("bind upload %s: %w", id, err)
	}
	return nil
}

// EndUpload implements store.Uploads.
func (db *DB) EndUpload(ctx context.Context, id store.UploadID) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		u, err := first(ctx, t, scanUpload, `SELECT `+uploadColumns+fromUploads+`WHERE up.upload_id = ?`, string(id))
		switch {
		case err != nil:
			return err
		case u.State == store.UploadDone:
			return store.ErrConflict
		case u.State == store.UploadCancelled:
			return nil
		}
		if err := t.lockUser(ctx, u.User); err != nil {
			return err
		}
		err = t.one(ctx, errAgain, `UPDATE tbl_upload SET state = 2, is_open = NULL, reserved = 0, ended_at = ?
			WHERE upload_id = ? AND is_open = 1`, micros(t.now()), string(id))
		if err != nil {
			return err
		}
		if err := t.settle(ctx, u.User, u.Reserved, 0); err != nil || u.Digest.IsZero() {
			return err
		}
		blob := store.LocalLocation(u.ID.Node(), store.NewBlobName(u.Digest, u.ID))
		return t.addGarbage(ctx, store.Garbage{Location: blob, Since: t.now()})
	})
	if err != nil {
		return fmt.Errorf("end upload %s: %w", id, err)
	}
	return nil
}

// upload reads and locks a user's upload. ErrNotFound.
func (t tx) upload(ctx context.Context, user store.UserID, id store.UploadID) (store.Upload, error) {
	u, err := first(ctx, t, scanUpload, `SELECT `+uploadColumns+fromUploads+`WHERE up.upload_id = ? AND up.user_id = ?`+
		t.db.dialect.forUpdate, string(id), user)
	if errors.Is(err, store.ErrNotFound) {
		return u, fmt.Errorf("upload %s: %w", id, err)
	}
	return u, err
}
