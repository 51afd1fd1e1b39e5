package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// The entries that fill brings lie in so many folders, whose names begin alike.
const (
	fullFolders = 10
	fullFolder  = "full"
)

// fill puts many contents and their entries straight into the database: nobody is going to read their bytes. Its indexes are
// made anew once all rows are there, which takes a fraction of the time.
func (d *drive) fill(ctx context.Context, n int) error {
	path := filepath.Join(d.proc.dir, "data", "blinkdrive.db")
	if err := makeFolders(ctx, path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(60000)&_pragma=cache_size(-262144)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	if err := fillRows(ctx, tx, n); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

func makeFolders(ctx context.Context, path string) error {
	db, err := sqldb.Open(ctx, sqldb.Options{Source: sqldb.SQLite(path)})
	if err != nil {
		return err
	}
	defer db.Close()
	u, err := db.UserByName(ctx, userName)
	for i := 0; i < fullFolders && err == nil; i++ {
		_, err = db.MakeFolder(ctx, u.ID, store.Path{fmt.Sprint(fullFolder, i)}, time.Now())
	}
	return err
}

func fillRows(ctx context.Context, tx *sql.Tx, n int) error {
	const tables = ` FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('tbl_file', 'tbl_user_file')`
	var drops, makes string
	if err := tx.QueryRowContext(ctx, `SELECT group_concat('DROP INDEX ' || name, ';'), group_concat(sql, ';')`+tables).
		Scan(&drops, &makes); err != nil {
		return err
	}
	const numbers = `WITH RECURSIVE k (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM k WHERE n + 1 < ?1) `
	now := time.Now().UnixMicro()
	var errs []error
	exec := func(query string, args ...any) {
		if len(errs) > 0 {
			return
		}
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			errs = append(errs, fmt.Errorf("fill: %.60s: %w", strings.TrimPrefix(query, numbers), err))
		}
	}
	exec(drops)
	exec(`CREATE TEMP TABLE filled AS `+numbers+`SELECT n, lower(hex(randomblob(20))) AS d FROM k`, n)
	exec(`INSERT INTO tbl_file (id, file_sha1, file_sha256, file_size, file_addr, blob_name, status, ref_count, created_at, verified_at)
		SELECT 1000000 + n, d, lower(hex(randomblob(32))), n % 1000, 'local://phantom/' || d || '-phantom-' || printf('%032x', n), d || '-phantom-' || printf('%032x', n), 0, 1, ?1, ?1
		FROM filled`, now)
	exec(`INSERT INTO tbl_user_file (entry_id, user_id, parent_id, file_name, kind, content_id, file_size, status, alive,
			created_at, updated_at, seq, revision, change_seq)
		SELECT lower(hex(randomblob(16))), u.id, f.id, 'file ' || n || '.txt', 1, 1000000 + n, n % 1000, 0, 1,
			?1 + n, ?1 + n, u.change_seq + n + 1, 1, u.change_seq + n + 1
		FROM filled, tbl_user u CROSS JOIN tbl_user_file f
		WHERE u.user_name = ?2 AND f.user_id = u.id AND f.parent_id = 0 AND f.kind = 0 AND f.file_name = ?3 || (n % ?4)`,
		now, userName, fullFolder, fullFolders)
	exec(`UPDATE tbl_user SET change_seq = change_seq + ?1 WHERE user_name = ?2`, n, userName)
	exec(makes)
	return errors.Join(errs...)
}
