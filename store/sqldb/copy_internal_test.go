package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/store"
)

// lived is a SQLite drive that has something in every table, gaps in its row numbers, and hard names.
func lived(t *testing.T) (*DB, Source, store.User) {
	t.Helper()
	db, path := openInternal(t)
	ctx, now := t.Context(), time.Now()
	u := benchUser(t, db)
	ok(t, db.write(ctx, func(ctx context.Context, tx tx) error {
		for range 2*copyRows + 1 {
			if err := tx.addGarbage(ctx, store.Garbage{Location: someLocation(), Since: now}); err != nil {
				return err
			}
		}
		return nil
	}))
	folder, err := db.MakeFolder(ctx, u.ID, store.Path{"\u00c9 '\\ 😀", "x "}, now)
	ok(t, err)
	var cs []store.Completion
	for i := range 30 {
		c := benchCompletion(u, i)
		c.Parent = folder
		cs = append(cs, c)
	}
	done, err := db.CompleteUploads(ctx, cs)
	ok(t, err)
	_, err = db.CompleteUploads(ctx, []store.Completion{benchCompletion(u, 2)}) // a spare
	ok(t, err)
	for _, d := range done[20:] { // the highest numbers are never used again
		ok(t, db.Trash(ctx, u.ID, d.Entry.ID, 0, now))
		ok(t, db.Purge(ctx, u.ID, d.Entry.ID, now))
	}
	ok(t, db.Trash(ctx, u.ID, done[0].Entry.ID, 0, now))
	ok(t, db.AddToken(ctx, store.Token{Hash: store.TokenHash{7}, User: u.ID, Scope: "all", Device: "\xff\x00", Created: now, Expires: now.Add(time.Hour)}, u.PasswordHash))
	ok(t, db.StartUpload(ctx, store.Upload{
		ID: store.NewUploadID("n1"), User: u.ID, Layout: store.Layout{Size: 3, ChunkSize: 7}, Created: now, Expires: now.Add(time.Hour),
	}, store.UploadLimits{}))
	job, err := db.LeaseTransfer(ctx, done[1].Entry.Content.Sums.Digest, now.Add(time.Hour), now.Add(2*time.Hour), nil)
	ok(t, err)
	job.LastError, job.NextAttempt = strings.Repeat("long ", 100000), now
	ok(t, db.ReleaseTransfer(ctx, job))
	return db, SQLite(path), u
}

func listAll(t *testing.T, db *DB, u store.User) []store.Entry {
	t.Helper()
	es, _, err := db.List(t.Context(), store.Query{User: u.ID, Files: true, Sort: store.ByName, Limit: 1000})
	ok(t, err)
	return es
}

func TestCopy(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	from, src, u := lived(t)
	to := s.source(t, s.take(t, t))
	told := map[string]int64{}
	ok(t, Copy(t.Context(), src, to, func(table string, rows int64) { told[table] = rows }))
	for _, table := range tables() {
		if told[table] == 0 {
			t.Errorf("told %v", told)
		}
	}
	db, err := Open(t.Context(), Options{Source: to})
	ok(t, err)
	defer db.Close()
	if diff := cmp.Diff(listAll(t, from, u), listAll(t, db, u)); diff != "" {
		t.Error(diff)
	}
	was, err := from.User(t.Context(), u.ID)
	ok(t, err)
	got, err := db.User(t.Context(), u.ID)
	ok(t, err)
	if was != got {
		t.Errorf("user is %+v, was %+v", got, was)
	}
	if wrong, err := db.CountRefs(t.Context(), false, 10); err != nil || len(wrong) > 0 {
		t.Errorf("wrong counts: %+v, %v", wrong, err)
	}
	// Both go on alike.
	for _, db := range []*DB{from, db} {
		_, err := db.CompleteUploads(t.Context(), []store.Completion{benchCompletion(u, 500)})
		ok(t, err)
	}
	ids := func(db *DB) (file, entry int64) {
		ok(t, db.r.QueryRow(`SELECT MAX(id) FROM tbl_file`).Scan(&file))
		ok(t, db.r.QueryRow(`SELECT MAX(id) FROM tbl_user_file`).Scan(&entry))
		return file, entry
	}
	file, entry := ids(from)
	if f, e := ids(db); f != file || e != entry {
		t.Errorf("the next content is %d, the next entry %d, want %d and %d", f, e, file, entry)
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	_, src, _ := lived(t)
	to := s.source(t, s.take(t, t))
	bare := s.source(t, s.create(t))
	refused := func(from, to Source, want string) {
		t.Helper()
		err := Copy(t.Context(), from, to, func(string, int64) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	refused(src, bare, "run blinkdrive migrate up")
	refused(SQLite(filepath.Join(t.TempDir(), "none.db")), to, "run blinkdrive migrate up")
	refused(to, src, "from SQLite to MySQL")
	refused(src, src, "from SQLite to MySQL")
	ok(t, Copy(t.Context(), src, to, func(string, int64) {}))
	refused(src, to, "is not empty")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Copy(ctx, src, to, func(string, int64) {}); err == nil {
		t.Error("no error when told to stop")
	}
}

// A table that a migration adds must be copied too, or be MySQL's alone.
func TestCopyKnowsEveryTable(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(slices.Values(tables()))
	db, _ := openInternal(t)
	scan := func(s scanner) (name string, err error) {
		err = s.Scan(&name)
		return name, err
	}
	got, err := all(t.Context(), db.r, scan, `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'tbl_%' ORDER BY name`)
	ok(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s := newMySQLServer(t)
	got, err = all(t.Context(), s.root, scan, `SELECT table_name FROM information_schema.tables
		WHERE table_schema = ? AND table_name LIKE 'tbl_%' AND table_name <> 'tbl_beat' ORDER BY table_name`, s.take(t, t))
	ok(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The sum tells tables apart that differ in anything but the order of their rows.
func TestTableSum(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	sum := func(rows string) tableSum {
		t.Helper()
		s, err := eachRow(t.Context(), db.r, rows, func([]sql.RawBytes) error { return nil })
		ok(t, err)
		return s
	}
	same := sum(`SELECT 1, 'a', NULL UNION ALL SELECT 2, 'b', ''`)
	if got := sum(`SELECT 2, 'b', '' UNION ALL SELECT 1, 'a', NULL`); got != same {
		t.Error("the order matters")
	}
	for i, other := range []string{
		`SELECT 1, 'a', NULL`,
		`SELECT 1, 'a', '' UNION ALL SELECT 2, 'b', ''`,
		`SELECT 1, 'a', NULL UNION ALL SELECT 2, 'b ', ''`,
		`SELECT 1, 'a', NULL UNION ALL SELECT 2, '', 'b'`,
		`SELECT 1, 'a', NULL UNION ALL SELECT 2, 'b', '' UNION ALL SELECT 2, 'b', ''`,
		`SELECT 1, 'b', NULL UNION ALL SELECT 2, 'a', ''`,
	} {
		if sum(other) == same {
			t.Error(fmt.Sprint(i), "is taken for the same")
		}
	}
}
