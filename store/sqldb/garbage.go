package sqldb

import (
	"context"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const garbageColumns = `g.file_addr, g.s3_upload, g.since`

func scanGarbage(row scanner) (g store.Garbage, err error) {
	err = row.Scan(locationCol(&g.Location), &g.S3Upload, timeCol{&g.Since})
	return g, err
}

// AddGarbage implements store.GarbageList.
func (db *DB) AddGarbage(ctx context.Context, g store.Garbage) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		used, err := t.placeUsed(ctx, g.Location)
		if err != nil {
			return err
		}
		if used {
			return store.ErrConflict
		}
		return t.addGarbage(ctx, g)
	})
	if err != nil {
		return fmt.Errorf("add garbage %s: %w", g.Location, err)
	}
	return nil
}

// DueGarbage implements store.GarbageList.
func (db *DB) DueGarbage(ctx context.Context, k store.Kind, in string, before time.Time, limit int) ([]store.Garbage, error) {
	if k != store.Local {
		in = ""
	}
	gs, err := list(ctx, db, scanGarbage, `SELECT `+garbageColumns+` FROM tbl_garbage g
		WHERE g.kind = ? AND g.node = ? AND g.since < ? ORDER BY g.since, g.id LIMIT ?`,
		string(k), in, micros(before), limit)
	if err != nil {
		return nil, fmt.Errorf("due garbage: %w", err)
	}
	return gs, nil
}

// DropGarbage implements store.GarbageList.
func (db *DB) DropGarbage(ctx context.Context, l store.Location) error {
	if _, err := db.writeRows(ctx, `DELETE FROM tbl_garbage WHERE file_addr = ?`, l.String()); err != nil {
		return fmt.Errorf("drop garbage %s: %w", l, err)
	}
	return nil
}

// MultipartInUse implements store.GarbageList.
func (db *DB) MultipartInUse(ctx context.Context, name store.BlobName, upload string) (bool, error) {
	var used bool
	err := db.read(ctx, func(ctx context.Context, t tx) (err error) {
		used, err = t.has(ctx, `SELECT 1 FROM tbl_transfer WHERE to_blob = ? AND s3_upload = ? LIMIT 1`, string(name), upload)
		if used || err != nil {
			return err
		}
		used, err = t.has(ctx, `SELECT 1 FROM tbl_garbage WHERE blob_name = ? AND s3_upload = ? LIMIT 1`, string(name), upload)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("multipart of %s: %w", name, err)
	}
	return used, nil
}

// Backlog implements store.GarbageList.
func (db *DB) Backlog(ctx context.Context) (store.TransferStats, int64, error) {
	var s store.TransferStats
	var garbage int64
	err := db.read(ctx, func(ctx context.Context, t tx) error {
		return t.get(ctx, `SELECT (SELECT COUNT(*) FROM tbl_transfer WHERE state = 0),
			(SELECT COUNT(*) FROM tbl_transfer WHERE state = 1),
			(SELECT MIN(created_at) FROM tbl_transfer WHERE state = 0),
			(SELECT COUNT(*) FROM tbl_garbage)`, nil,
			&s.Pending, &s.Failed, timeCol{&s.Oldest}, &garbage)
	})
	if err != nil {
		return store.TransferStats{}, 0, fmt.Errorf("backlog: %w", err)
	}
	return s, garbage, nil
}

// addGarbage lists blobs. What is listed keeps its time, and gets the multipart upload if it had none.
func (t tx) addGarbage(ctx context.Context, gs ...store.Garbage) error {
	insert, err := t.PrepareContext(ctx, `INSERT INTO tbl_garbage (file_addr, blob_name, kind, node, s3_upload, since)
		VALUES (?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, g := range gs {
		l := g.Location
		node := ""
		if l.Kind == store.Local {
			node = l.In
		}
		_, err := insert.ExecContext(ctx, l.String(), string(l.Name()), string(l.Kind), node, g.S3Upload, micros(g.Since))
		if t.db.dialect.duplicate(err) {
			err = t.mergeGarbage(ctx, g)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t tx) mergeGarbage(ctx context.Context, g store.Garbage) error {
	if g.S3Upload == "" {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE tbl_garbage SET s3_upload = ? WHERE file_addr = ? AND s3_upload = ''`,
		g.S3Upload, g.Location.String())
	return err
}

// contentAt reports whether a content is at a place.
func (t tx) contentAt(ctx context.Context, l store.Location) (bool, error) {
	return t.has(ctx, `SELECT 1 FROM tbl_file WHERE blob_name = ? AND file_addr = ? LIMIT 1`,
		string(l.Name()), l.String())
}

// notGarbage refuses, with ErrConflict, a place whose blob waits for removal or may be gone any moment.
func (t tx) notGarbage(ctx context.Context, l store.Location) error {
	listed, err := t.has(ctx, `SELECT 1 FROM tbl_garbage WHERE file_addr = ?`, l.String())
	if err == nil && listed {
		return fmt.Errorf("%s is garbage: %w", l, store.ErrConflict)
	}
	return err
}
