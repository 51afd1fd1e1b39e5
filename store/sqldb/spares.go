package sqldb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const selectSpares = `SELECT c.file_sha1, c.file_sha256, c.file_size, s.file_addr, s.created_at, s.attempts, s.due_at,
	s.wanted FROM tbl_spare s JOIN tbl_file c ON c.id = s.content_id `

func scanSpare(row scanner) (s store.Spare, err error) {
	err = row.Scan(digestCol(&s.Sums.Digest), sha256Col(&s.Sums.SHA256), &s.Sums.Size, locationCol(&s.Location),
		timeCol{&s.Created}, &s.Attempts, timeCol{&s.Due}, &s.Wanted)
	return s, err
}

// DueSpares implements store.Spares.
func (db *DB) DueSpares(ctx context.Context, node store.NodeID, now time.Time, limit int) ([]store.Spare, error) {
	due, err := list(ctx, db, scanSpare, selectSpares+`WHERE s.node = ? AND s.due_at <= ? ORDER BY s.due_at, s.id LIMIT ?`,
		string(node), micros(now), limit)
	if err != nil {
		return nil, fmt.Errorf("due spares: %w", err)
	}
	return due, nil
}

// SparesOf implements store.Spares.
func (db *DB) SparesOf(ctx context.Context, d store.Digest) ([]store.Spare, error) {
	spares, err := list(ctx, db, scanSpare, selectSpares+`WHERE c.file_sha1 = ? ORDER BY s.id`, d.String())
	if err != nil {
		return nil, fmt.Errorf("spares of %s: %w", d, err)
	}
	return spares, nil
}

// ConfirmCopy implements store.Spares.
func (db *DB) ConfirmCopy(
	ctx context.Context, d store.Digest, good store.Location, spares []store.Location, when time.Time,
) ([]store.Location, error) {
	var dropped []store.Location
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		c, have, err := t.copies(ctx, d)
		if err != nil {
			return err
		}
		main := c.Location == good && c.Status == store.ContentLive
		if !main && !slices.Contains(have, good) {
			return store.ErrConflict
		}
		if main {
			if _, err := t.exec(ctx, `UPDATE tbl_file SET verified_at = ? WHERE id = ?`, micros(when), c.ID); err != nil {
				return err
			}
		}
		dropped = slices.DeleteFunc(have, func(l store.Location) bool { return l == good || !slices.Contains(spares, l) })
		return t.dropSpares(ctx, dropped, when)
	})
	if err != nil {
		return nil, fmt.Errorf("confirm %s at %s: %w", d, good, err)
	}
	return dropped, nil
}

// PromoteSpare implements store.Spares.
func (db *DB) PromoteSpare(
	ctx context.Context, s store.Spare, main store.Location, target store.Kind, when time.Time,
) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		c, have, err := t.copies(ctx, s.Sums.Digest)
		if err != nil {
			return err
		}
		if c.Location != main || c.Sums != s.Sums || !slices.Contains(have, s.Location) {
			return store.ErrConflict
		}
		_, _, err = t.replaceContent(ctx, c, store.Completion{Sums: s.Sums, Location: s.Location, Target: target, When: when})
		return err
	})
	if err != nil {
		return fmt.Errorf("promote spare %s: %w", s.Location, err)
	}
	return nil
}

// DropSpare implements store.Spares.
func (db *DB) DropSpare(ctx context.Context, s store.Location, when time.Time) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		_, have, err := t.copies(ctx, s.Name().Digest())
		if err != nil || !slices.Contains(have, s) {
			return err
		}
		return t.dropSpares(ctx, []store.Location{s}, when)
	})
	if err != nil {
		return fmt.Errorf("drop spare %s: %w", s, err)
	}
	return nil
}

// PostponeSpares implements store.Spares.
func (db *DB) PostponeSpares(ctx context.Context, d store.Digest, node store.NodeID, wanted bool, due time.Time) error {
	_, err := db.writeRows(ctx, `UPDATE tbl_spare SET attempts = attempts + 1, due_at = ?
		WHERE content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?) AND node = ? AND wanted = ?`,
		micros(due), d.String(), string(node), wanted)
	if err != nil {
		return fmt.Errorf("postpone spares of %s: %w", d, err)
	}
	return nil
}

// WantSpares implements store.Spares.
func (db *DB) WantSpares(ctx context.Context, d store.Digest, now time.Time) error {
	_, err := db.writeRows(ctx, `UPDATE tbl_spare SET wanted = 1, due_at = ?
		WHERE content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?) AND wanted = 0`, micros(now), d.String())
	if err != nil {
		return fmt.Errorf("want spares of %s: %w", d, err)
	}
	return nil
}

// copies reads and locks a content and returns where its spares are. Without such a content both are empty.
func (t tx) copies(ctx context.Context, d store.Digest) (store.Content, []store.Location, error) {
	cs, err := all(ctx, t, scanContent, `SELECT `+contentColumns+` FROM tbl_file c
		WHERE c.file_sha1 = ?`+t.db.dialect.forUpdate, d.String())
	if err != nil || len(cs) == 0 {
		return store.Content{}, nil, err
	}
	have, err := t.sparesOf(ctx, cs[0].ID)
	return cs[0], have, err
}

// sparesOf returns where the spares of contents are, which the caller has locked.
func (t tx) sparesOf(ctx context.Context, contents ...int64) ([]store.Location, error) {
	scan := func(row scanner) (l store.Location, err error) { return l, row.Scan(locationCol(&l)) }
	list, args := in(contents)
	return all(ctx, t, scan, `SELECT file_addr FROM tbl_spare WHERE content_id IN `+list, args...)
}

// addSpare records the blob of c as a spare of a content that the caller has locked. ErrConflict: it is garbage already.
func (t tx) addSpare(ctx context.Context, content int64, c store.Completion) error {
	_, err := t.exec(ctx, `INSERT INTO tbl_spare
		(content_id, file_addr, blob_name, node, created_at, attempts, due_at, wanted) VALUES (?, ?, ?, ?, ?, 0, ?, 0)`,
		content, c.Location.String(), string(c.Location.Name()), c.Location.In, micros(c.When), micros(c.When))
	if t.db.dialect.duplicate(err) {
		return nil // an earlier try of this upload has committed and could not say so
	}
	if err != nil {
		return err
	}
	return t.notGarbage(ctx, c.Location)
}

// dropSpares makes spares of contents that the caller has locked garbage.
func (t tx) dropSpares(ctx context.Context, spares []store.Location, when time.Time) error {
	var garbage []store.Garbage
	for _, l := range spares {
		if _, err := t.exec(ctx, `DELETE FROM tbl_spare WHERE file_addr = ?`, l.String()); err != nil {
			return err
		}
		garbage = append(garbage, store.Garbage{Location: l, Since: when})
	}
	return t.addGarbage(ctx, garbage...)
}
