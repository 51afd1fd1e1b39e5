package sqldb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const garbageColumns = `g.file_addr, g.s3_upload, g.since`

func scanGarbage(row scanner) (g store.Garbage, err error) {
	err = row.Scan(locationCol(&g.Location), &g.S3Upload, timeCol{&g.Since})
	return g, err
}

// A place is either in use or garbage, also where two transactions are about to make it one and the other: each writes
// first, and then looks for what the other may have written with a read that waits for it.

// AddGarbage implements store.GarbageList.
func (db *DB) AddGarbage(ctx context.Context, g store.Garbage) error {
	if err := db.listUnused(ctx, g); err != nil {
		return fmt.Errorf("add garbage %s: %w", g.Location, err)
	}
	return nil
}

// listUnused lists a blob. ErrConflict: a content or a spare is there, or is being moved there.
func (db *DB) listUnused(ctx context.Context, g store.Garbage) error {
	return db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.addGarbage(ctx, g); err != nil {
			return err
		}
		used, err := t.placeUsed(ctx, g.Location)
		if err == nil && used {
			return store.ErrConflict
		}
		return err
	})
}

// DueGarbage implements store.GarbageList.
func (db *DB) DueGarbage(ctx context.Context, k store.Kind, in string, before time.Time, limit int) ([]store.Garbage, error) {
	node, below := "", in
	if k == store.Local {
		node, below = in, ""
	}
	gs, err := list(ctx, db, scanGarbage, `SELECT `+garbageColumns+` FROM tbl_garbage g
		WHERE g.kind = ? AND g.node = ? AND g.since < ? AND g.file_addr >= ? AND g.file_addr < ?
		ORDER BY g.since, g.id LIMIT ?`,
		string(k), node, micros(before), below, below+"\x7f", limit)
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
			(SELECT COUNT(*) FROM tbl_garbage), (SELECT COUNT(*) FROM tbl_spare)`, nil,
			&s.Pending, &s.Failed, timeCol{&s.Oldest}, &garbage, &s.Spares)
	})
	if err != nil {
		return store.TransferStats{}, 0, fmt.Errorf("backlog: %w", err)
	}
	return s, garbage, nil
}

// addGarbage lists blobs. What is listed keeps its time, and gets the multipart upload if it had none.
func (t tx) addGarbage(ctx context.Context, gs ...store.Garbage) error {
	size := 50 // in one round trip
	if t.db.dialect.oneWriter {
		size = 1
	}
	for some := range slices.Chunk(gs, size) {
		err := t.insertGarbage(ctx, some)
		if t.db.dialect.duplicate(err) && len(some) > 1 {
			err = t.eachGarbage(ctx, some)
		} else if t.db.dialect.duplicate(err) {
			err = t.mergeGarbage(ctx, some[0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t tx) eachGarbage(ctx context.Context, gs []store.Garbage) error {
	for _, g := range gs {
		if err := t.addGarbage(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) insertGarbage(ctx context.Context, gs []store.Garbage) error {
	var args []any
	for _, g := range gs {
		node := ""
		if g.Location.Kind == store.Local {
			node = g.Location.In
		}
		args = append(args, g.Location.String(), string(g.Location.Name()), string(g.Location.Kind), node, g.S3Upload, micros(g.Since))
	}
	_, err := t.exec(ctx, `INSERT INTO tbl_garbage (file_addr, blob_name, kind, node, s3_upload, since)
		VALUES (?, ?, ?, ?, ?, ?)`+strings.Repeat(`, (?, ?, ?, ?, ?, ?)`, len(gs)-1), args...)
	return err
}

func (t tx) mergeGarbage(ctx context.Context, g store.Garbage) error {
	if g.S3Upload == "" {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE tbl_garbage SET s3_upload = ? WHERE file_addr = ? AND s3_upload = ''`,
		g.S3Upload, g.Location.String())
	return err
}

// placeUsed reports whether a content or a spare is at a place or a job is moving one there. It locks the content whose blob would be
// there, by the key that is unique: not every engine lets a search for other things wait for a row that is being inserted.
func (t tx) placeUsed(ctx context.Context, l store.Location) (bool, error) {
	name, at, lock := string(l.Name()), l.String(), t.db.dialect.forUpdate
	if lock != "" {
		if _, err := t.has(ctx, `SELECT 1 FROM tbl_file WHERE file_sha1 = ?`+lock, l.Name().Digest().String()); err != nil {
			return false, err
		}
	}
	used, err := t.has(ctx, `SELECT 1 FROM tbl_file WHERE blob_name = ? AND file_addr = ? LIMIT 1`+lock, name, at)
	if used || err != nil {
		return used, err
	}
	used, err = t.has(ctx, `SELECT 1 FROM tbl_transfer WHERE to_blob = ? AND to_addr = ? LIMIT 1`+lock, name, at)
	if used || err != nil {
		return used, err
	}
	return t.has(ctx, `SELECT 1 FROM tbl_spare WHERE file_addr = ? LIMIT 1`+lock, at)
}

// notGarbage refuses, with ErrConflict, a place whose blob waits for removal or may be gone any moment. The row that is to
// use the place has been written.
func (t tx) notGarbage(ctx context.Context, l store.Location) error {
	listed, err := t.has(ctx, `SELECT 1 FROM tbl_garbage WHERE file_addr = ?`+t.db.dialect.forUpdate, l.String())
	if err == nil && listed {
		return fmt.Errorf("%s is garbage: %w", l, store.ErrConflict)
	}
	return err
}
