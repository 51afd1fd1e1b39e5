package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

func TestPragmas(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	for name, pools := range map[string][2]string{
		"journal_mode": {"wal", "wal"},
		"synchronous":  {"2", "2"}, // full
		"foreign_keys": {"1", "1"},
		"busy_timeout": {"5000", "5000"},
		"query_only":   {"0", "1"},
	} {
		for i, pool := range []*sql.DB{db.w, db.r} {
			var got string
			if err := pool.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != pools[i] {
				t.Errorf("%s is %q, %v, want %q", name, got, err, pools[i])
			}
		}
	}
	if n := db.w.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d writers", n)
	}
}

// A transaction that has begun is finished, whoever gave up meanwhile; one that waits for its turn is not begun.
func TestCancellation(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	ctx, cancel := context.WithCancel(t.Context())
	insert := `INSERT INTO tbl_garbage (file_addr, blob_name, kind, node, s3_upload, since) VALUES (?, '', '', '', '', 0)`
	begun, waited := make(chan struct{}), make(chan error, 1)
	go func() {
		<-begun
		waited <- db.write(ctx, func(ctx context.Context, tx tx) error {
			_, err := tx.exec(ctx, insert, "never")
			return err
		})
	}()
	err := db.write(ctx, func(ctx context.Context, tx tx) error {
		if _, err := tx.exec(ctx, insert, "first"); err != nil {
			return err
		}
		close(begun)
		cancel()
		if err := <-waited; !errors.Is(err, context.Canceled) {
			t.Errorf("the second is told %v", err)
		}
		_, err := tx.exec(ctx, insert, "second")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.r.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM tbl_garbage`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d rows, %v, want 2", n, err)
	}
	if _, err := db.User(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("reading with a context that has ended: %v", err)
	}
}

func TestFailedTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	fault := errors.New("fault")
	for _, panics := range []bool{false, true} {
		func() {
			defer func() { _ = recover() }()
			err := db.write(t.Context(), func(ctx context.Context, tx tx) error {
				if err := tx.addGarbage(ctx, store.Garbage{Location: someLocation(), Since: time.Now()}); err != nil {
					return err
				}
				if panics {
					panic("fault")
				}
				return fault
			})
			if !errors.Is(err, fault) {
				t.Errorf("error is %v", err)
			}
		}()
	}
	if _, n, err := db.Backlog(t.Context()); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
	if err := db.AddGarbage(t.Context(), store.Garbage{Location: someLocation(), Since: time.Now()}); err != nil {
		t.Errorf("the writer is stuck: %v", err)
	}
}

func someLocation() store.Location {
	return store.LocalLocation("n1", store.NewBlobName(store.EmptyDigest, store.NewUploadID("n1")))
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	for _, c := range []struct{ fail, runs int }{{0, 1}, {1, 2}, {tries - 1, tries}, {tries, tries}} {
		runs := 0
		err := db.write(t.Context(), func(context.Context, tx) error {
			if runs++; runs <= c.fail {
				return errAgain
			}
			return nil
		})
		if runs != c.runs || errors.Is(err, store.ErrUnavailable) != (c.fail == tries) {
			t.Errorf("failing %d times: %d runs, %v", c.fail, runs, err)
		}
	}
}

// Another process has the database for a while.
func TestBusyDatabase(t *testing.T) {
	t.Parallel()
	db, path := openInternal(t)
	other, err := openPool(t.Context(), writerDSN(path), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	held, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- db.AddGarbage(t.Context(), store.Garbage{Location: someLocation(), Since: time.Now()}) }()
	if _, _, err := db.Backlog(t.Context()); err != nil {
		t.Errorf("readers must not wait: %v", err)
	}
	if err := held.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What was counted wrong is found, and set right on demand; a content that nothing shows any more goes.
func TestCountRefsRepairs(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	ctx := t.Context()
	u, err := db.CreateUser(ctx, store.User{Name: "u", Role: store.RoleUser, Quota: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var sums [3]store.Sums
	for i := range sums {
		sums[i] = store.Sums{Digest: store.Digest{byte(i + 1)}, SHA256: store.SHA256{byte(i + 1)}, Size: 10}
		id := store.NewUploadID("n1")
		_, err := db.CompleteUploads(ctx, []store.Completion{{
			Upload: id, User: u.ID, Sums: sums[i], Location: store.LocalLocation("n1", store.NewBlobName(sums[i].Digest, id)),
			Target: store.Disk, Name: fmt.Sprint(i), When: time.Now(),
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []string{
		`UPDATE tbl_user SET used = 77, reserved = 5`,
		`UPDATE tbl_file SET ref_count = 9 WHERE id = 1`,
		`DELETE FROM tbl_user_file WHERE content_id = 3`,
	} {
		if _, err := db.w.ExecContext(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	want := []store.CountError{
		{What: "refs", Of: sums[0].Digest.String(), Have: 9, Got: 1}, {What: "refs", Of: sums[2].Digest.String(), Have: 1, Got: 0},
		{What: "used", Of: "u", Have: 77, Got: 20}, {What: "reserved", Of: "u", Have: 5, Got: 0},
	}
	for _, c := range []struct {
		repair bool
		limit  int
		want   []store.CountError
	}{{false, 10, want}, {false, 3, want[:3]}, {true, 1, want[:1]}, {true, 10, want[1:]}, {true, 10, nil}} {
		got, err := db.CountRefs(ctx, c.repair, c.limit)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("found %v, %v, want %v", got, err, c.want)
		}
	}
	if _, err := db.Content(ctx, sums[2].Digest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a content without entries: %v", err)
	}
	if _, n, err := db.Backlog(ctx); err != nil || n != 1 {
		t.Errorf("%d garbage, %v", n, err)
	}
}

// Counts that are wrong must not keep anybody from deleting, nor let anything be deleted that is in use.
func TestPurgeWithWrongCounts(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	ctx := t.Context()
	u, err := db.CreateUser(ctx, store.User{Name: "u", Role: store.RoleUser, Quota: 1000})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Sums{Digest: store.Digest{1}, Size: 10}
	var entries []store.Entry
	for i := range 2 {
		id := store.NewUploadID("n1")
		done, err := db.CompleteUploads(ctx, []store.Completion{{
			Upload: id, User: u.ID, Sums: s, Location: store.LocalLocation("n1", store.NewBlobName(s.Digest, id)),
			Name: fmt.Sprint(i), When: time.Now(),
		}})
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, done[0].Entry)
	}
	for _, s := range []string{`UPDATE tbl_user SET used = 3`, `UPDATE tbl_file SET ref_count = 0`} {
		if _, err := db.w.ExecContext(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range entries {
		if err := errors.Join(db.Trash(ctx, u.ID, e.ID, 0, time.Now()), db.Purge(ctx, u.ID, e.ID, time.Now())); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Content(ctx, s.Digest); errors.Is(err, store.ErrNotFound) != (i == 1) {
			t.Errorf("after %d purges the content: %v", i+1, err)
		}
	}
	if u, err := db.User(ctx, u.ID); err != nil || u.Used != 0 {
		t.Errorf("user is %+v, %v", u, err)
	}
}
