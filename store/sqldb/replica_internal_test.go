package sqldb

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A tree is a user's, in a database that has a replica.
type tree struct {
	t    *testing.T
	db   *DB
	user store.User
	n    int
}

func newTree(t *testing.T, o Options) *tree {
	t.Helper()
	db, err := Open(t.Context(), o)
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	return &tree{t: t, db: db, user: benchUser(t, db)}
}

// add brings a file.
func (w *tree) add() {
	w.t.Helper()
	w.n++
	_, err := w.db.CompleteUploads(w.t.Context(), []store.Completion{benchCompletion(w.user, w.n)})
	ok(w.t, err)
}

func (w *tree) query() store.Query {
	return store.Query{User: w.user.ID, Files: true, Sort: store.Newest, Limit: 1000}
}

// complete fails unless the listing has every file, and comes in time.
func (w *tree) complete() {
	w.t.Helper()
	begun := time.Now()
	es, _, err := w.db.List(w.t.Context(), w.query())
	ok(w.t, err)
	if len(es) != w.n {
		w.t.Errorf("%d of %d files are listed", len(es), w.n)
	}
	if took := time.Since(begun); took > 3*replicaWait {
		w.t.Errorf("it took %v", took)
	}
}

// read waits until the replica is, and fails if it is not.
func (w *tree) read() {
	w.t.Helper()
	before := w.db.replica.served.Load()
	eventually(w.t, func() error {
		w.complete()
		if w.db.replica.served.Load() == before {
			return errors.New("the replica is not read")
		}
		return nil
	})
}

// notRead fails if the replica is read within a while.
func (w *tree) notRead(d time.Duration) {
	w.t.Helper()
	before := w.db.replica.served.Load()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		w.complete()
	}
	if n := w.db.replica.served.Load() - before; n > 0 {
		w.t.Errorf("the replica was read %d times", n)
	}
}

// A real replica is read, and everybody sees what he has just done.
func TestReplicaOwnWrites(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	c, err := mysql.ParseDSN(storetest.Server(t, "BLINKDRIVE_TEST_MYSQL_REPLICA_DSN"))
	ok(t, err)
	name := s.take(t, t)
	w := newTree(t, Options{Source: s.source(t, name), Replica: (&mysqlServer{config: c}).source(t, name)})
	w.read()
	for range 100 {
		w.add()
		w.complete()
	}
	w.read()
	e, err := w.db.MakeFolder(t.Context(), w.user.ID, store.Path{"new"}, time.Now())
	ok(t, err)
	_, _, err = w.db.List(t.Context(), store.Query{User: w.user.ID, Parent: e, Sort: store.ByName, Limit: 1})
	ok(t, err)
}

// What stands for a replica here is another database, in which the test writes what would have been copied by then.
type twin struct {
	*tree
	s        *mysqlServer
	from, to string
}

func newTwin(t *testing.T, lag time.Duration) *twin {
	t.Helper()
	s := newMySQLServer(t)
	c := &twin{s: s, from: s.take(t, t), to: s.take(t, t)}
	c.tree = newTree(t, Options{Source: s.source(t, c.from), Replica: s.source(t, c.to), MaxLag: lag})
	return c
}

// copy brings some tables over.
func (c *twin) copy(tables ...string) {
	c.t.Helper()
	for _, table := range tables {
		c.s.exec(c.t, fmt.Sprintf(`SET foreign_key_checks = 0; REPLACE INTO %s.%s SELECT * FROM %s.%s`, c.to, table, c.from, table))
	}
}

// beating copies the beats until the test or the returned function ends.
func (c *twin) beating() (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond):
				_, _ = c.s.root.Exec(fmt.Sprintf(`REPLACE INTO %s.tbl_beat SELECT * FROM %s.tbl_beat`, c.to, c.from))
			}
		}
	}()
	return func() {
		close(end)
		<-done
	}
}

// A replica that has nothing, or stops copying, is not read.
func TestReplicaLags(t *testing.T) {
	t.Parallel()
	c := newTwin(t, 400*time.Millisecond)
	c.add()
	c.notRead(600 * time.Millisecond)
	stop := c.beating()
	c.copy("tbl_user", "tbl_file", "tbl_user_file")
	c.read()
	stop()
	time.Sleep(600 * time.Millisecond)
	c.notRead(300 * time.Millisecond)
	defer c.beating()()
	c.read()
}

// A replica may be near enough and still not have what its reader has just done, or what another process has.
func TestReplicaMissesOne(t *testing.T) {
	t.Parallel()
	c := newTwin(t, time.Minute)
	defer c.beating()()
	c.copy("tbl_user", "tbl_file", "tbl_user_file")
	c.read()
	c.add()
	c.notRead(100 * time.Millisecond)
	c.copy("tbl_user", "tbl_file", "tbl_user_file")
	c.read()
	other, err := Open(t.Context(), Options{Source: c.s.source(t, c.from)})
	ok(t, err)
	defer other.Close()
	id, err := other.MakeFolder(t.Context(), c.user.ID, store.Path{"elsewhere"}, time.Now())
	ok(t, err)
	_, _, err = c.db.List(t.Context(), store.Query{User: c.user.ID, Parent: id, Sort: store.ByName, Limit: 1})
	ok(t, err) // the primary has it
	c.read()
}

// Without its replica a drive goes on, and takes it up again when it is back.
func TestReplicaGone(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	name := s.take(t, t)
	p := newProxy(t, s)
	w := newTree(t, Options{Source: s.source(t, name), Replica: p.source(name), MaxLag: 2 * time.Second})
	w.add()
	w.read()
	p.down()
	w.add()
	w.notRead(time.Second)
	p.up()
	w.read()
	p.stall()
	w.add()
	w.complete()
	w.complete()
	p.resume()
	w.read()
}

// It is no fault if the replica is not there when the drive starts.
func TestReplicaNotThereYet(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	name := s.take(t, t)
	p := newProxy(t, s)
	p.down()
	w := newTree(t, Options{Source: s.source(t, name), Replica: p.source(name), MaxLag: time.Second})
	w.add()
	w.notRead(200 * time.Millisecond)
	p.up()
	w.read()
}

func TestReplicaOfSQLite(t *testing.T) {
	t.Parallel()
	_, path := openInternal(t)
	src, err := MySQL("app@tcp(127.0.0.1)/drive")
	ok(t, err)
	if db, err := Open(t.Context(), Options{Source: SQLite(path), Replica: src}); err == nil {
		db.Close()
		t.Error("SQLite has a replica")
	}
}
