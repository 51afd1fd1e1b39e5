package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const contentColumns = `c.id, c.file_sha1, c.file_sha256, c.file_size, c.file_addr, c.status, c.ref_count,
	c.created_at, c.verified_at`

// contentDest also takes the NULLs of an entry without a content.
func contentDest(c *store.Content) []any {
	return []any{optInt[int64]{&c.ID}, digestCol(&c.Sums.Digest), sha256Col(&c.Sums.SHA256), optInt[int64]{&c.Sums.Size},
		locationCol(&c.Location), optInt[store.ContentStatus]{&c.Status}, optInt[int64]{&c.Refs},
		timeCol{&c.Created}, timeCol{&c.Verified}}
}

func scanContent(row scanner) (c store.Content, err error) {
	err = row.Scan(contentDest(&c)...)
	return c, err
}

// Content implements store.Contents.
func (db *DB) Content(ctx context.Context, d store.Digest) (store.Content, error) {
	c, err := find(ctx, db, scanContent, `SELECT `+contentColumns+` FROM tbl_file c WHERE c.file_sha1 = ?`, d.String())
	if err != nil {
		return c, fmt.Errorf("content %s: %w", d, err)
	}
	return c, nil
}

// ListContents implements store.Contents.
func (db *DB) ListContents(ctx context.Context, after int64, limit int) ([]store.Content, error) {
	cs, err := list(ctx, db, scanContent, `SELECT `+contentColumns+` FROM tbl_file c
		WHERE c.id > ? ORDER BY c.id LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list contents: %w", err)
	}
	return cs, nil
}

// MarkContent implements store.Contents.
func (db *DB) MarkContent(ctx context.Context, d store.Digest, from store.Location, s store.ContentStatus, when time.Time) error {
	var verified any // only right bytes count
	if s == store.ContentLive {
		verified = micros(when)
	}
	n, err := db.writeRows(ctx, `UPDATE tbl_file SET status = ?, verified_at = COALESCE(?, verified_at)
		WHERE file_sha1 = ? AND file_addr = ?`, int(s), verified, d.String(), from.String())
	if err == nil && n == 0 {
		err = store.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("mark content %s: %w", d, err)
	}
	return nil
}

// Possesses implements store.Contents.
func (db *DB) Possesses(ctx context.Context, user store.UserID, d store.Digest) (bool, error) {
	scan := func(row scanner) (n int, err error) { return n, row.Scan(&n) }
	_, err := find(ctx, db, scan, `SELECT 1 FROM tbl_user_file
		WHERE content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?) AND user_id = ? LIMIT 1`, d.String(), user)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("possession of %s: %w", d, err)
	}
	return true, nil
}

// BlobInUse implements store.Contents.
func (db *DB) BlobInUse(ctx context.Context, name store.BlobName) (bool, error) {
	var used bool
	err := db.read(ctx, func(ctx context.Context, t tx) (err error) {
		used, err = t.blobInUse(ctx, name)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("blob %s: %w", name, err)
	}
	return used, nil
}

// AnyContentIn implements store.Contents.
func (db *DB) AnyContentIn(ctx context.Context, k store.Kind) (bool, error) {
	var found bool
	err := db.read(ctx, func(ctx context.Context, t tx) (err error) {
		// What begins with KIND:// comes before KIND::, whose bytes are the next ones.
		found, err = t.has(ctx, `SELECT 1 FROM tbl_file WHERE file_addr >= ? AND file_addr < ? LIMIT 1`, string(k)+"://", string(k)+"::")
		return err
	})
	if err != nil {
		return false, fmt.Errorf("contents in %s: %w", k, err)
	}
	return found, nil
}

func (t tx) blobInUse(ctx context.Context, name store.BlobName) (bool, error) {
	for _, query := range []string{
		`SELECT 1 FROM tbl_file WHERE blob_name = ? LIMIT 1`,
		`SELECT 1 FROM tbl_garbage WHERE blob_name = ? LIMIT 1`,
		`SELECT 1 FROM tbl_transfer WHERE to_blob = ? LIMIT 1`,
		`SELECT 1 FROM tbl_spare WHERE blob_name = ? LIMIT 1`,
	} {
		if used, err := t.has(ctx, query, string(name)); used || err != nil {
			return used, err
		}
	}
	return t.has(ctx, `SELECT 1 FROM tbl_upload WHERE upload_id = ? AND is_open = 1`, string(name.Upload()))
}

// content reads and locks a content. ErrNotFound.
func (t tx) content(ctx context.Context, d store.Digest) (store.Content, error) {
	return first(ctx, t, scanContent, `SELECT `+contentColumns+` FROM tbl_file c
		WHERE c.file_sha1 = ?`+t.db.dialect.forUpdate, d.String())
}

// keepContent makes the verified bytes of c a content that has no reference yet, or finds the one that is there, and
// says whether c's blob is now the content's; if not, it is a spare. ErrCollision. ErrConflict: c's location is garbage
// already.
func (t tx) keepContent(ctx context.Context, c store.Completion) (store.Content, bool, error) {
	was, err := t.content(ctx, c.Sums.Digest)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return t.insertContent(ctx, c)
	case err != nil:
		return was, false, err
	case was.Sums != c.Sums:
		return was, false, store.ErrCollision
	case was.Status == store.ContentDamaged:
		return t.replaceContent(ctx, was, c)
	case was.Location != c.Location:
		return was, false, t.addSpare(ctx, was.ID, c)
	}
	return was, true, nil
}

func (t tx) insertContent(ctx context.Context, c store.Completion) (store.Content, bool, error) {
	id, err := t.insert(ctx, `INSERT INTO tbl_file
		(file_sha1, file_sha256, file_size, file_addr, blob_name, status, ref_count, created_at, verified_at)
		VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)`,
		c.Sums.Digest.String(), c.Sums.SHA256.String(), c.Sums.Size, c.Location.String(), string(c.Location.Name()),
		int(store.ContentLive), micros(c.When), micros(c.When))
	if t.db.dialect.duplicate(err) {
		return store.Content{}, false, errAgain // somebody was first; the next try finds it
	}
	if err != nil {
		return store.Content{}, false, err
	}
	if err := t.notGarbage(ctx, c.Location); err != nil {
		return store.Content{}, false, err
	}
	content := store.Content{ID: id, Sums: c.Sums, Location: c.Location, Status: store.ContentLive,
		Created: stored(c.When), Verified: stored(c.When)}
	return content, true, t.addTransfer(ctx, id, c)
}

// replaceContent puts the verified bytes of c in the place of damaged ones. The job begins anew;
// whoever was moving the damaged blob is refused from now on.
func (t tx) replaceContent(ctx context.Context, was store.Content, c store.Completion) (store.Content, bool, error) {
	if err := t.dropTransfer(ctx, was.ID, c.When); err != nil {
		return was, false, err
	}
	if was.Location != c.Location {
		if err := t.addGarbage(ctx, store.Garbage{Location: was.Location, Since: c.When}); err != nil {
			return was, false, err
		}
	}
	// c may be a spare: one that is promoted, or this upload's from a try whose commit was not answered.
	if _, err := t.exec(ctx, `DELETE FROM tbl_spare WHERE file_addr = ?`, c.Location.String()); err != nil {
		return was, false, err
	}
	_, err := t.exec(ctx, `UPDATE tbl_file SET file_addr = ?, blob_name = ?, status = ?, verified_at = ? WHERE id = ?`,
		c.Location.String(), string(c.Location.Name()), int(store.ContentLive), micros(c.When), was.ID)
	if err != nil {
		return was, false, err
	}
	if err := t.notGarbage(ctx, c.Location); err != nil {
		return was, false, err
	}
	now, err := t.content(ctx, c.Sums.Digest)
	if err != nil {
		return now, false, err
	}
	return now, true, t.addTransfer(ctx, was.ID, c)
}

// dropUnused removes those of the contents that no entry shows. Their blobs and spares become garbage, and those of the
// places that they were being moved to. The entries themselves are asked, not only their count.
func (t tx) dropUnused(ctx context.Context, ids []int64, now time.Time) error {
	var unused []int64
	var garbage []store.Garbage
	scan := func(s scanner) (struct{}, error) {
		var id int64
		at, to := store.Garbage{Since: now}, store.Garbage{Since: now}
		err := s.Scan(&id, locationCol(&at.Location), locationCol(&to.Location), optText(&to.S3Upload))
		unused, garbage = append(unused, id), append(garbage, at)
		if !to.Location.IsZero() {
			garbage = append(garbage, to)
		}
		return struct{}{}, err
	}
	list, args := in(ids)
	_, err := all(ctx, t, scan, `SELECT c.id, c.file_addr, j.to_addr, j.s3_upload
		FROM tbl_file c LEFT JOIN tbl_transfer j ON j.content_id = c.id
		WHERE c.id IN `+list+` AND c.ref_count = 0
		AND NOT EXISTS (SELECT 1 FROM tbl_user_file e WHERE e.content_id = c.id) ORDER BY c.id`, args...)
	if err != nil || len(unused) == 0 {
		return err
	}
	spares, err := t.sparesOf(ctx, unused...)
	if err != nil {
		return err
	}
	if err := t.dropSpares(ctx, spares, now); err != nil {
		return err
	}
	list, args = in(unused)
	if _, err := t.exec(ctx, `DELETE FROM tbl_transfer WHERE content_id IN `+list, args...); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM tbl_file WHERE id IN `+list, args...); err != nil {
		return err
	}
	return t.addGarbage(ctx, garbage...)
}
