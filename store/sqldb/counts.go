package sqldb

import (
	"context"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// countedRows is how many rows one statement compares with what they count: each has to answer before it is given up.
const countedRows = 10000

// A count is a kept number that can be counted anew.
type count struct {
	what    string
	table   string // whose rows keep it
	compare string // selects row number, name, kept, counted where the two differ, between two row numbers, up to a limit
	recount string // counts for one row
	set     string
}

func counts() []count {
	return []count{
		{"refs", "tbl_file", `SELECT c.id, c.file_sha1, c.ref_count, COUNT(e.id) FROM tbl_file c
			LEFT JOIN tbl_user_file e ON e.content_id = c.id WHERE c.id > ? AND c.id <= ?
			GROUP BY c.id, c.file_sha1, c.ref_count HAVING c.ref_count <> COUNT(e.id) LIMIT ?`,
			`SELECT COUNT(*) FROM tbl_user_file WHERE content_id = ?`,
			`UPDATE tbl_file SET ref_count = ? WHERE id = ?`},
		{"used", "tbl_user", `SELECT u.id, u.user_name, u.used, COALESCE(SUM(e.file_size), 0) FROM tbl_user u
			LEFT JOIN tbl_user_file e ON e.user_id = u.id WHERE u.id > ? AND u.id <= ?
			GROUP BY u.id, u.user_name, u.used HAVING u.used <> COALESCE(SUM(e.file_size), 0) LIMIT ?`,
			`SELECT COALESCE(SUM(file_size), 0) FROM tbl_user_file WHERE user_id = ?`,
			`UPDATE tbl_user SET used = ? WHERE id = ?`},
		{"reserved", "tbl_user", `SELECT u.id, u.user_name, u.reserved, COALESCE(SUM(up.reserved), 0) FROM tbl_user u
			LEFT JOIN tbl_upload up ON up.user_id = u.id AND up.is_open = 1 WHERE u.id > ? AND u.id <= ?
			GROUP BY u.id, u.user_name, u.reserved HAVING u.reserved <> COALESCE(SUM(up.reserved), 0) LIMIT ?`,
			`SELECT COALESCE(SUM(reserved), 0) FROM tbl_upload WHERE user_id = ? AND is_open = 1`,
			`UPDATE tbl_user SET reserved = ? WHERE id = ?`},
	}
}

// difference is a CountError and the row that it is about.
type difference struct {
	store.CountError
	count
	id int64
}

// CountRefs implements store.Contents. All is compared in one transaction; each repair is one, and counts once more, for
// others may be at work. A content that turns out to have no references is removed with the repair.
func (db *DB) CountRefs(ctx context.Context, repair bool, limit int) ([]store.CountError, error) {
	var ds []difference
	err := db.read(ctx, func(ctx context.Context, t tx) (err error) {
		ds, err = t.differences(ctx, limit)
		return err
	})
	found := []store.CountError{}
	for _, d := range ds {
		found = append(found, d.CountError)
		if repair && err == nil {
			err = db.write(ctx, func(ctx context.Context, t tx) error { return t.mend(ctx, d) })
		}
	}
	if err != nil {
		return nil, fmt.Errorf("count references: %w", err)
	}
	return found, nil
}

func (t tx) differences(ctx context.Context, limit int) (found []difference, err error) {
	for _, c := range counts() {
		var last int64
		if err := t.get(ctx, `SELECT COALESCE(MAX(id), 0) FROM `+c.table, nil, &last); err != nil {
			return nil, err
		}
		scan := func(s scanner) (difference, error) {
			d := difference{count: c}
			d.What = c.what
			return d, s.Scan(&d.id, &d.Of, &d.Have, &d.Got)
		}
		for at := int64(0); at < last && len(found) < limit; at += countedRows {
			ds, err := all(ctx, t, scan, c.compare, at, at+countedRows, limit-len(found))
			if err != nil {
				return nil, err
			}
			found = append(found, ds...)
		}
	}
	return found, nil
}

// mend sets a count right. Who changes what is counted has the counting row locked.
func (t tx) mend(ctx context.Context, d difference) error {
	there, err := t.has(ctx, `SELECT 1 FROM `+d.table+` WHERE id = ?`+t.db.dialect.forUpdate, d.id)
	if err != nil || !there {
		return err
	}
	var n int64
	if err := t.get(ctx, d.recount, []any{d.id}, &n); err != nil {
		return err
	}
	if _, err := t.exec(ctx, d.set, n, d.id); err != nil {
		return err
	}
	if d.what != "refs" || n > 0 {
		return nil
	}
	return t.dropUnused(ctx, []int64{d.id}, t.now())
}

func (t tx) now() time.Time { return t.db.now() }
