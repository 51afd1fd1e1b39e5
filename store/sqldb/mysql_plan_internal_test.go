package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// crowdRows is how many rows of each kind there are. A scan or a sort reads them all.
const crowdRows = 900

// crowded fills every table, so that the server has to choose, and returns the user who owns all of it.
func crowded(t *testing.T, db *DB) store.User {
	t.Helper()
	u, err := db.CreateUser(t.Context(), store.User{Name: "u", Role: store.RoleUser, Quota: 1 << 40})
	ok(t, err)
	const rows = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT %s FROM n`
	blob := `CONCAT(LPAD(HEX(i), 40, '0'), '-n1-', LPAD(HEX(i), 32, '0'))`
	addr := `CONCAT('local://n1/', LOWER(` + blob + `))`
	for _, c := range []struct{ into, values string }{
		{`tbl_file (id, file_sha1, file_sha256, file_size, file_addr, blob_name, status, ref_count, created_at)`,
			`i, LPAD(LOWER(HEX(i)), 40, '0'), LPAD(LOWER(HEX(i)), 64, '0'), i, ` + addr + `, LOWER(` + blob + `), 0, 3, i`},
		// In the root: files, and folders of which the first holds as many files again.
		{entryInsert, fmt.Sprintf(`i, CONCAT('a', i), %d, 0, CONCAT('a', i), 1, i, i, 0, 1, i, i, i, 1, i, NULL, NULL`, u.ID)},
		{entryInsert, fmt.Sprintf(`10000 + i, CONCAT('b', i), %d, 0, CONCAT('b', i), 0, NULL, 0, 0, 1, i, i, i, 1, i, NULL, NULL`, u.ID)},
		{entryInsert, fmt.Sprintf(`20000 + i, CONCAT('c', i), %d, 10001, CONCAT('c', i), 1, i, i, 0, 1, i, i, i, 1, i, NULL, NULL`, u.ID)},
		{entryInsert, fmt.Sprintf(`30000 + i, CONCAT('d', i), %d, 0, CONCAT('d', i), 0, NULL, 0, 1, NULL, i, i, i, 1, i, i, 30000 + i`, u.ID)},
		// One of the trashed folders holds files.
		{entryInsert, fmt.Sprintf(`40000 + i, CONCAT('e', i), %d, 30450, CONCAT('e', i), 1, i, i, 1, NULL, i, i, i, 1, i, NULL, 30450`, u.ID)},
		{`tbl_transfer (content_id, from_addr, target, to_addr, to_blob, state, attempts, next_attempt, lease_until, due_at, fence,
			last_error, s3_upload, created_at)`, `i, ` + addr + `, 'disk', '', LOWER(` + blob + `), 0, 0, i, 0, i, 0, '', '', i`},
		{`tbl_garbage (file_addr, blob_name, kind, node, s3_upload, since)`, addr + `, LOWER(` + blob + `), 'local', 'n1', '', i`},
		{`tbl_upload (upload_id, user_id, file_size, chunk_size, parent_id, file_name, node, state, is_open, reserved, entry_id,
			created_at, expires_at)`, fmt.Sprintf(`CONCAT('n1-', LPAD(LOWER(HEX(i)), 32, '0')), %d, 1, 1, 0, 'x', 'n1', 0, 1, 0, '', i, i`, u.ID)},
	} {
		if _, err := db.w.Exec(`INSERT INTO ` + c.into + ` ` + fmt.Sprintf(rows, crowdRows, c.values)); err != nil {
			t.Fatalf("%s: %v", c.into, err)
		}
	}
	_, err = db.w.Exec(`ANALYZE TABLE tbl_file, tbl_user_file, tbl_transfer, tbl_garbage, tbl_upload`)
	ok(t, err)
	return u
}

const entryInsert = `tbl_user_file (id, entry_id, user_id, parent_id, file_name, kind, content_id, file_size, status, alive, created_at,
	updated_at, seq, revision, change_seq, deleted_at, trash_root)`

// rowsRead returns how many rows the server has looked at for a connection.
func rowsRead(t *testing.T, pool *sql.DB) int {
	t.Helper()
	rows, err := pool.Query(`SHOW SESSION STATUS WHERE variable_name LIKE 'Handler_read%'`)
	ok(t, err)
	defer rows.Close()
	sum := 0
	for rows.Next() {
		var name string
		var n int
		ok(t, rows.Scan(&name, &n))
		if name != "Handler_read_rnd_deleted" && name != "Handler_read_rnd_next" {
			sum += n
		}
		if name == "Handler_read_rnd_next" { // a scan; the status itself is one, of some dozen rows
			sum += max(0, n-100)
		}
	}
	ok(t, rows.Err())
	return sum
}

// A page of a listing, and the next one, cost what is on them, whatever there is besides; so do the sweeper's lists.
func TestMySQLReadsFewRows(t *testing.T) {
	t.Parallel()
	db := newMySQLServer(t).open(t, t)
	u := crowded(t, db)
	type call struct {
		name string
		run  func(context.Context) error
	}
	ignore := func(_ any, err error) error { return err }
	far := time.UnixMicro(1 << 40)
	digest := store.Digest{19: 7}
	calls := []call{
		{"due transfers", func(ctx context.Context) error { return ignore(db.DueTransfers(ctx, far, 5)) }},
		{"transfers", func(ctx context.Context) error { return ignore(db.ListTransfers(ctx, store.TransferPending, 5)) }},
		{"due garbage", func(ctx context.Context) error { return ignore(db.DueGarbage(ctx, store.Local, "n1", far, 5)) }},
		{"expired uploads", func(ctx context.Context) error { return ignore(db.ExpiredUploads(ctx, far, 5)) }},
		{"trashed before", func(ctx context.Context) error { return ignore(db.TrashedBefore(ctx, far, 5)) }},
		{"contents", func(ctx context.Context) error { return ignore(db.ListContents(ctx, 400, 5)) }},
		{"content", func(ctx context.Context) error { return ignore(db.Content(ctx, digest)) }},
		{"possession", func(ctx context.Context) error { return ignore(db.Possesses(ctx, u.ID, digest)) }},
		{"entry by digest", func(ctx context.Context) error { return ignore(db.EntryByDigest(ctx, u.ID, digest)) }},
		{"entry at a path", func(ctx context.Context) error { return ignore(db.EntryAt(ctx, u.ID, store.Path{"b1", "c7"})) }},
		{"depth", func(ctx context.Context) error {
			return db.read(ctx, func(ctx context.Context, t tx) error { return ignore(t.height(ctx, u.ID, 10_001)) })
		}},
		{"path", func(ctx context.Context) error { return ignore(db.PathOf(ctx, u.ID, "c7")) }},
		{"paths", func(ctx context.Context) error {
			return ignore(db.PathsOf(ctx, u.ID, []store.EntryID{"c7", "e8", "d450"}))
		}},
		{"trashed by digest", func(ctx context.Context) error { return ignore(db.TrashedByDigest(ctx, u.ID, digest)) }},
		{"in a trashed folder", func(ctx context.Context) error {
			_, next, err := db.List(ctx, store.Query{User: u.ID, Trash: true, Parent: "d450", Limit: 5})
			if err == nil {
				_, _, err = db.List(ctx, store.Query{User: u.ID, Trash: true, Parent: "d450", Limit: 5, Cursor: next})
			}
			return err
		}},
		{"blob", func(ctx context.Context) error { return ignore(db.BlobInUse(ctx, someLocation().Name())) }},
		{"multipart", func(ctx context.Context) error { return ignore(db.MultipartInUse(ctx, someLocation().Name(), "x")) }},
	}
	for _, q := range []store.Query{{Trash: true}, {Files: true}, {}, {Parent: "b1"},
		{Trash: true, Back: true}, {Files: true, Back: true}, {Back: true}, {Parent: "b1", Back: true}} {
		for _, s := range []store.Sort{store.ByName, store.BySize, store.ByTime, store.Newest} {
			q.User, q.Sort, q.Limit = u.ID, s, 5
			calls = append(calls, call{fmt.Sprintf("listing %+v", q), func(ctx context.Context) error {
				for range 3 {
					_, next, err := db.List(ctx, q)
					if err != nil || next == "" {
						return fmt.Errorf("no next page: %w", err)
					}
					q.Cursor = next
				}
				return nil
			}})
		}
	}
	db.r.SetMaxOpenConns(1)
	most := func(name string) int {
		if strings.Contains(name, "Trash:true") {
			return 240 // each folder is looked into, to add up its size
		}
		return 80
	}
	for _, c := range calls {
		before := rowsRead(t, db.r)
		if err := c.run(t.Context()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := rowsRead(t, db.r) - before; n > most(c.name) {
			t.Errorf("%s: %d rows are read", c.name, n)
		}
	}
}
