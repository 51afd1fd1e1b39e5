package sqldb

import (
	"context"
	"crypto/sha1"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/blinkdrive/blinkdrive/store"
)

// behind opens a database behind a proxy.
func behind(t *testing.T, o Options) (*DB, *proxy) {
	t.Helper()
	s := newMySQLServer(t)
	name := s.take(t, t)
	p := newProxy(t, s)
	o.Source = p.source(name)
	db, err := Open(t.Context(), o)
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	return db, p
}

// garbageRows returns how many rows there are.
func garbageRows(t *testing.T, db *DB) int64 {
	t.Helper()
	_, n, err := db.Backlog(t.Context())
	ok(t, err)
	return n
}

// eventually fails unless fn succeeds within half a minute.
func eventually(t *testing.T, fn func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = fn(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// wantUnavailable fails unless the error says so, and came in time.
func wantUnavailable(t *testing.T, begun time.Time, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A connection that is lost before the commit costs nothing but a second try.
func TestMySQLCutInTransaction(t *testing.T) {
	t.Parallel()
	db, p := behind(t, Options{})
	runs := 0
	err := db.write(t.Context(), func(ctx context.Context, tx tx) error {
		runs++
		if err := insert(ctx, tx, "a"); err != nil {
			return err
		}
		if runs == 1 {
			p.cut()
		}
		return insert(ctx, tx, "b")
	})
	if n := garbageRows(t, db); err != nil || runs != 2 || n != 2 {
		t.Errorf("%d runs, %d rows, %v", runs, n, err)
	}
}

func someCompletion(t *testing.T, db *DB) (store.User, store.Completion) {
	t.Helper()
	u, err := db.CreateUser(t.Context(), store.User{Name: "u", Role: store.RoleUser, Quota: 1 << 30})
	ok(t, err)
	id := store.NewUploadID("n1")
	s := store.Sums{Digest: sha1.Sum([]byte("a")), Size: 10}
	now := time.Now()
	ok(t, db.StartUpload(t.Context(), store.Upload{
		ID: id, User: u.ID, Digest: s.Digest, Layout: store.Layout{Size: 10, ChunkSize: 10}, Name: "a", Created: now, Expires: now.Add(time.Hour),
	}, store.UploadLimits{}))
	return u, store.Completion{
		Upload: id, User: u.ID, Row: true, Sums: s, Location: store.LocalLocation("n1", store.NewBlobName(s.Digest, id)),
		Target: store.Disk, Name: "a", When: now,
	}
}

// Nobody can know what became of a commit whose answer was lost. It is told as an error and not tried again by us; the
// caller's repeat finds it done, or does it.
func TestMySQLCutInCommit(t *testing.T) {
	t.Parallel()
	for _, f := range []fate{neverComes, noAnswer} {
		db, p := behind(t, Options{})
		u, c := someCompletion(t, db)
		p.next(f)
		_, err := db.CompleteUploads(t.Context(), []store.Completion{c})
		wantUnavailable(t, time.Now(), err)
		if _, unknown := errors.AsType[unknownError](err); !unknown {
			t.Errorf("error is %v", err)
		}
		if f == noAnswer { // the server may still be at it
			eventually(t, func() error { _, err := db.EntryByDigest(t.Context(), u.ID, c.Sums.Digest); return err })
		}
		done, err := db.CompleteUploads(t.Context(), []store.Completion{c})
		ok(t, err)
		es, _, err := db.List(t.Context(), store.Query{User: u.ID, Sort: store.ByName, Limit: 10})
		ok(t, err)
		got, err := db.User(t.Context(), u.ID)
		ok(t, err)
		if len(es) != 1 || es[0].ID != done[0].Entry.ID || !done[0].Stored || got.Used != 10 || got.Reserved != 0 {
			t.Errorf("entries %+v, completed %+v, user %+v", es, done, got)
		}
	}
}

// Whether a commit was done is not asked of the server where it says itself that it was not.
func TestMySQLWriteIsRepeatedByHand(t *testing.T) {
	t.Parallel()
	db, p := behind(t, Options{})
	p.next(noAnswer)
	runs := 0
	begun := time.Now()
	err := db.write(t.Context(), func(ctx context.Context, tx tx) error {
		runs++
		return insert(ctx, tx, "a")
	})
	wantUnavailable(t, begun, err)
	if runs != 1 {
		t.Errorf("%d runs", runs)
	}
}

func TestMySQLStalls(t *testing.T) {
	t.Parallel()
	db, p := behind(t, Options{Timeouts: Timeouts{Dial: 500 * time.Millisecond, Read: 500 * time.Millisecond, Write: 500 * time.Millisecond}})
	p.stall()
	for range 3 { // on a connection that is there, and on new ones
		begun := time.Now()
		_, err := db.UserByName(t.Context(), "u")
		wantUnavailable(t, begun, err)
		begun = time.Now()
		wantUnavailable(t, begun, db.AddGarbage(t.Context(), store.Garbage{Location: someLocation(), Since: begun}))
		begun = time.Now()
		wantUnavailable(t, begun, db.Ping(t.Context()))
	}
	p.resume()
	eventually(t, func() error {
		return db.AddGarbage(t.Context(), store.Garbage{Location: someLocation(), Since: time.Now()})
	})
	eventually(t, func() error { return db.Ping(t.Context()) })
}

// A server that goes away is told at once, and found again when it is back.
func TestMySQLAwayAndBack(t *testing.T) {
	t.Parallel()
	db, p := behind(t, Options{})
	for range 3 {
		p.down()
		for range 3 {
			begun := time.Now()
			_, err := db.UserByName(t.Context(), "u")
			wantUnavailable(t, begun, err)
			wantUnavailable(t, begun, db.AddGarbage(t.Context(), store.Garbage{Location: someLocation(), Since: begun}))
			_, _, err = db.Backlog(t.Context())
			wantUnavailable(t, begun, err)
		}
		p.up()
		ok(t, db.AddGarbage(t.Context(), store.Garbage{Location: someLocation(), Since: time.Now()}))
		_, err := db.UserByName(t.Context(), "u")
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error is %v", err)
		}
	}
	if n := garbageRows(t, db); n != 3 {
		t.Errorf("%d rows", n)
	}
}

// Connections that have died while nobody used them, as in the night, are not noticed by anybody.
func TestMySQLCutWhileIdle(t *testing.T) {
	t.Parallel()
	db, p := behind(t, Options{Pool: Pool{Conns: 8}})
	for i := range 3 {
		results := make(chan error)
		for j := range 8 {
			go func() {
				_, err := db.UserByName(t.Context(), fmt.Sprint(j))
				if !errors.Is(err, store.ErrNotFound) {
					results <- fmt.Errorf("read: %w", err)
					return
				}
				results <- db.write(t.Context(), func(ctx context.Context, tx tx) error { return insert(ctx, tx, fmt.Sprint(i, j)) })
			}()
		}
		for range 8 {
			ok(t, <-results)
		}
		p.cut()
	}
}

// Two transactions lock each other's rows. The server ends one of them, and it is run again.
func TestMySQLDeadlock(t *testing.T) {
	t.Parallel()
	db := newMySQLServer(t).open(t, t)
	ok(t, db.write(t.Context(), func(ctx context.Context, tx tx) error {
		return errors.Join(insert(ctx, tx, "a"), insert(ctx, tx, "b"))
	}))
	lock := func(ctx context.Context, tx tx, name string) error {
		_, err := tx.exec(ctx, `UPDATE tbl_garbage SET since = since + 1 WHERE file_addr = ?`, name)
		return err
	}
	both := make(chan struct{})
	runs := make(chan int, 2)
	results := make(chan error)
	for _, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		go func() {
			n := 0
			err := db.write(t.Context(), func(ctx context.Context, tx tx) error {
				n++
				if err := lock(ctx, tx, order[0]); err != nil {
					return err
				}
				if n == 1 { // wait until the other one has its first row
					select {
					case both <- struct{}{}:
					case <-both:
					}
				}
				err := lock(ctx, tx, order[1])
				if e, is := errors.AsType[*mysql.MySQLError](err); is && e.Number != 1213 {
					t.Errorf("error is %v", err)
				}
				return err
			})
			runs <- n
			results <- err
		}()
	}
	ok(t, <-results)
	ok(t, <-results)
	if n := <-runs + <-runs; n != 3 {
		t.Errorf("%d runs", n)
	}
}

// A row that is locked for long is waited for, and asked for again.
func TestMySQLLockWait(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	db := s.open(t, t)
	ok(t, db.write(t.Context(), func(ctx context.Context, tx tx) error { return insert(ctx, tx, "a") }))
	other, err := db.w.BeginTx(t.Context(), nil)
	ok(t, err)
	defer other.Rollback()
	_, err = other.Exec(`UPDATE tbl_garbage SET since = 1 WHERE file_addr = 'a'`)
	ok(t, err)
	runs := 0
	change := func(ctx context.Context, tx tx) error {
		if runs++; runs == 2 {
			ok(t, other.Commit())
		}
		if _, err := tx.exec(ctx, `SET SESSION innodb_lock_wait_timeout = 1`); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `UPDATE tbl_garbage SET since = since + 1 WHERE file_addr = 'a'`)
		return err
	}
	ok(t, db.write(t.Context(), change))
	var since int
	ok(t, db.r.QueryRow(`SELECT since FROM tbl_garbage`).Scan(&since))
	if runs != 2 || since != 2 {
		t.Errorf("%d runs, since is %d", runs, since)
	}
}

// A process that stands still in the middle of a transaction keeps its rows only until the server has waited long enough. When
// it goes on, it finds that nothing was done, and does it again.
func TestMySQLStandsStill(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	name := s.take(t, t)
	open := func() *DB {
		db, err := Open(t.Context(), Options{Source: s.source(t, name)})
		ok(t, err)
		t.Cleanup(func() { db.Close() })
		return db
	}
	still, other := open(), open()
	ok(t, other.write(t.Context(), func(ctx context.Context, tx tx) error { return insert(ctx, tx, "a") }))
	add := func(ctx context.Context, tx tx) error {
		return tx.one(ctx, store.ErrNotFound, `UPDATE tbl_garbage SET since = since * 10 + 1 WHERE file_addr = 'a'`)
	}
	runs := 0
	ok(t, still.write(t.Context(), func(ctx context.Context, tx tx) error {
		if runs++; runs > 1 {
			return add(ctx, tx)
		}
		if _, err := tx.exec(ctx, `SET SESSION wait_timeout = 1`); err != nil { // as quiet, but sooner
			return err
		}
		if err := add(ctx, tx); err != nil {
			return err
		}
		ok(t, other.write(t.Context(), add))
		return add(ctx, tx)
	}))
	var since int
	ok(t, other.r.QueryRow(`SELECT since FROM tbl_garbage`).Scan(&since))
	if runs != 2 || since != 11 {
		t.Errorf("%d runs, since is %d", runs, since)
	}
}

// A caller who gives up while all connections are in use has changed nothing; one whose transaction has begun, everything.
func TestMySQLCancellation(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	name := s.take(t, t)
	db, err := Open(t.Context(), Options{Source: s.source(t, name), Pool: Pool{Conns: 2}})
	ok(t, err)
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	err = db.write(ctx, func(ctx context.Context, first tx) error {
		waits, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer leave()
		err := db.write(waits, func(ctx context.Context, tx tx) error { return insert(ctx, tx, "never") })
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("the second is told %v", err)
		}
		cancel()
		return insert(ctx, first, "first")
	})
	ok(t, err)
	if n := garbageRows(t, db); n != 1 {
		t.Errorf("%d rows", n)
	}
	if _, err := db.User(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("reading with a context that has ended: %v", err)
	}
	ok(t, db.Ping(t.Context()))
}

func TestMySQLErrors(t *testing.T) {
	t.Parallel()
	code := func(n uint16, text string) error {
		return fmt.Errorf("x: %w", &mysql.MySQLError{Number: n, Message: text})
	}
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		err                  error
		again, undone, dupes bool
		want                 error // a sentinel, or none
	}{
		{err: code(1062, "dup"), undone: true, dupes: true},
		{err: code(1213, "deadlock"), again: true, undone: true, want: store.ErrUnavailable},
		{err: code(1205, "lock wait"), again: true, undone: true, want: store.ErrUnavailable},
		{err: code(1021, "disk full"), undone: true, want: store.ErrNoSpace},
		{err: code(1114, "table is full"), undone: true, want: store.ErrNoSpace},
		{err: code(1030, `Got error 28 "No space left on device" from storage engine InnoDB`), undone: true, want: store.ErrNoSpace},
		{err: code(1030, `Got error 122 from storage engine`), undone: true},
		{err: code(1040, "too many connections"), undone: true, want: store.ErrUnavailable},
		{err: code(1290, "read-only"), undone: true, want: store.ErrUnavailable},
		{err: code(1836, "read-only"), undone: true, want: store.ErrUnavailable},
		{err: code(1053, "shutdown"), again: true, undone: true, want: store.ErrUnavailable},
		{err: code(1064, "syntax"), undone: true},
		{err: code(1406, "too long"), undone: true},
		{err: code(1452, "foreign key"), undone: true},
		{err: driver.ErrBadConn, again: true, undone: true, want: store.ErrUnavailable},
		{err: mysql.ErrInvalidConn, again: true, want: store.ErrUnavailable},
		{err: io.ErrUnexpectedEOF, again: true, want: store.ErrUnavailable},
		{err: unknownError{mysql.ErrInvalidConn}, want: store.ErrUnavailable},
		{err: dial, want: store.ErrUnavailable},
		{err: context.DeadlineExceeded},
		{err: context.Canceled},
		{err: store.ErrQuota, want: store.ErrQuota},
	} {
		d := mysqlDialect()
		if d.again(c.err) != c.again || d.undone(c.err) != c.undone || d.duplicate(c.err) != c.dupes {
			t.Errorf("%v: again %v, undone %v, duplicate %v", c.err, d.again(c.err), d.undone(c.err), d.duplicate(c.err))
		}
		got := d.explain(c.err)
		for _, sentinel := range []error{store.ErrUnavailable, store.ErrNoSpace, store.ErrQuota} {
			if errors.Is(got, sentinel) != (sentinel == c.want) {
				t.Errorf("%v is told as %v, want %v", c.err, got, c.want)
			}
		}
	}
}
