package sqldb

import (
	"context"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A count is a kept number that can be counted anew.
type count struct {
	what    string
	compare string // selects row number, name, kept, counted where the two differ, up to a limit
	set     string
}

func counts() []count {
	return []count{
		{"refs", `SELECT c.id, c.file_sha1, c.ref_count, COUNT(e.id) FROM tbl_file c
			LEFT JOIN tbl_user_file e ON e.content_id = c.id
			GROUP BY c.id, c.file_sha1, c.ref_count HAVING c.ref_count <> COUNT(e.id) LIMIT ?`,
			`UPDATE tbl_file SET ref_count = ? WHERE id = ?`},
		{"used", `SELECT u.id, u.user_name, u.used, COALESCE(SUM(e.file_size), 0) FROM tbl_user u
			LEFT JOIN tbl_user_file e ON e.user_id = u.id
			GROUP BY u.id, u.user_name, u.used HAVING u.used <> COALESCE(SUM(e.file_size), 0) LIMIT ?`,
			`UPDATE tbl_user SET used = ? WHERE id = ?`},
		{"reserved", `SELECT u.id, u.user_name, u.reserved, COALESCE(SUM(up.reserved), 0) FROM tbl_user u
			LEFT JOIN tbl_upload up ON up.user_id = u.id AND up.is_open = 1
			GROUP BY u.id, u.user_name, u.reserved HAVING u.reserved <> COALESCE(SUM(up.reserved), 0) LIMIT ?`,
			`UPDATE tbl_user SET reserved = ? WHERE id = ?`},
	}
}

// difference is a CountError and the row that it is about.
type difference struct {
	store.CountError
	id int64
}

// CountRefs implements store.Contents. A content that turns out to have no references is removed with the repair.
func (db *DB) CountRefs(ctx context.Context, repair bool, limit int) ([]store.CountError, error) {
	run := db.read
	if repair {
		run = db.write
	}
	var found []store.CountError
	err := run(ctx, func(ctx context.Context, t tx) error {
		found = []store.CountError{}
		for _, c := range counts() {
			ds, err := t.differences(ctx, c, limit-len(found))
			if err != nil {
				return err
			}
			for _, d := range ds {
				found = append(found, d.CountError)
			}
			if !repair {
				continue
			}
			if err := t.setCounts(ctx, c, ds); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count references: %w", err)
	}
	return found, nil
}

func (t tx) differences(ctx context.Context, c count, limit int) ([]difference, error) {
	scan := func(s scanner) (d difference, err error) {
		d.What = c.what
		err = s.Scan(&d.id, &d.Of, &d.Have, &d.Got)
		return d, err
	}
	return all(ctx, t, scan, c.compare, limit)
}

func (t tx) setCounts(ctx context.Context, c count, ds []difference) error {
	for _, d := range ds {
		if _, err := t.exec(ctx, c.set, d.Got, d.id); err != nil {
			return err
		}
		if c.what != "refs" || d.Got > 0 {
			continue
		}
		if err := t.dropUnused(ctx, []int64{d.id}, t.now()); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) now() time.Time { return t.db.now() }
