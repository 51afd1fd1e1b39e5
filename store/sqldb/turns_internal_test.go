package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A crowd is some writes that wait for their turn behind one that is held up and shares its commit with none of them. The
// others share one, however long they take.
type crowd struct {
	t    *testing.T
	db   *DB
	free chan struct{}
	done []chan error
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	db, _ := openInternal(t)
	c := &crowd{t: t, db: db, free: make(chan struct{})}
	first := true
	db.turns.open = func(time.Time) bool { // who leads asks, one at a time
		alone := first
		first = false
		return !alone
	}
	begun := make(chan struct{})
	c.write(t.Context(), func(ctx context.Context, tx tx) error {
		close(begun)
		<-c.free
		return nil
	})
	<-begun
	return c
}

// write begins a write and returns when it has its place in the queue.
func (c *crowd) write(ctx context.Context, fn func(context.Context, tx) error) {
	done := make(chan error, 1)
	c.done = append(c.done, done)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v", p)
			}
		}()
		done <- c.db.write(ctx, fn)
	}()
	for c.waiting() < len(c.done)-1 {
		time.Sleep(time.Millisecond)
	}
}

func (c *crowd) waiting() int {
	c.db.turns.mu.Lock()
	defer c.db.turns.mu.Unlock()
	return len(c.db.turns.waiting)
}

// insert adds a row of this name.
func insert(ctx context.Context, tx tx, name string) error {
	_, err := tx.exec(ctx, `INSERT INTO tbl_garbage (file_addr, blob_name, kind, node, s3_upload, since)
		VALUES (?, '', '', '', '', 0)`, name)
	return err
}

// end lets all go on, and returns what each but the first was told, and which rows there are.
func (c *crowd) end() (told []string, rows []string) {
	c.t.Helper()
	close(c.free)
	for i, done := range c.done {
		err := <-done
		if i == 0 && err != nil {
			c.t.Error(err)
		} else if i > 0 {
			told = append(told, fmt.Sprint(err))
		}
	}
	rs, err := c.db.r.Query(`SELECT file_addr FROM tbl_garbage ORDER BY file_addr`)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rs.Close()
	for rs.Next() {
		var name string
		if err := rs.Scan(&name); err != nil {
			c.t.Fatal(err)
		}
		rows = append(rows, name)
	}
	return told, rows
}

// Writes that share a commit fail, and panic, each for itself.
func TestSharedCommit(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	txs := map[any]bool{}
	for i := range 5 {
		c.write(t.Context(), func(ctx context.Context, tx tx) error {
			txs[tx.Tx] = true
			if err := insert(ctx, tx, fmt.Sprint(i)); err != nil {
				return err
			}
			switch i {
			case 1:
				return errors.New("fault")
			case 3:
				panic("at the disco")
			}
			return nil
		})
	}
	told, rows := c.end()
	if want := "[<nil> fault <nil> panic: at the disco <nil>]"; fmt.Sprint(told) != want {
		t.Errorf("told %v, want %v", told, want)
	}
	if fmt.Sprint(rows) != "[0 2 4]" {
		t.Errorf("rows are %v", rows)
	}
	if len(txs) != 1 {
		t.Errorf("%d transactions", len(txs))
	}
}

// The one who leads fails: the next has a transaction of his own.
func TestSharedCommitWithoutItsLeader(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for i := range 3 {
		c.write(t.Context(), func(ctx context.Context, tx tx) error {
			if err := insert(ctx, tx, fmt.Sprint(i)); err != nil || i > 0 {
				return err
			}
			return errors.New("fault")
		})
	}
	told, rows := c.end()
	if fmt.Sprint(told) != "[fault <nil> <nil>]" || fmt.Sprint(rows) != "[1 2]" {
		t.Errorf("told %v, rows are %v", told, rows)
	}
}

// A commit that fails is told to all who share it, whatever they would have been told else, and nothing of it stays.
func TestSharedCommitFails(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for i := range 4 {
		c.write(t.Context(), func(ctx context.Context, tx tx) error {
			if i == 1 {
				return errors.New("fault")
			}
			if i == 2 { // a broken promise that only the commit looks at
				if _, err := tx.exec(ctx, `PRAGMA defer_foreign_keys = ON`); err != nil {
					return err
				}
				if _, err := tx.exec(ctx, `INSERT INTO tbl_user_token (token_hash, user_id, scope, device, created_at, expires_at)
					VALUES ('x', 77, '', '', 0, 0)`); err != nil {
					return err
				}
			}
			return insert(ctx, tx, fmt.Sprint(i))
		})
	}
	told, rows := c.end()
	for i, s := range told {
		if !strings.Contains(s, "FOREIGN KEY") {
			t.Errorf("%d is told %v", i, s)
		}
	}
	if len(rows) > 0 {
		t.Errorf("rows are %v", rows)
	}
}

// The disk is full for one of many: whoever is told that it went well finds his row, and nobody else does.
func TestSharedCommitOnFullDisk(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for i := range 4 {
		c.write(t.Context(), func(ctx context.Context, tx tx) error {
			if i == 2 {
				var pages int
				if err := tx.get(ctx, `PRAGMA page_count`, nil, &pages); err != nil {
					return err
				}
				if _, err := tx.exec(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
					return err
				}
				return insert(ctx, tx, strings.Repeat("x", 1<<20))
			}
			return insert(ctx, tx, fmt.Sprint(i))
		})
	}
	told, rows := c.end()
	for i, s := range told {
		if there := slices.Contains(rows, fmt.Sprint(i)); there != (s == "<nil>") {
			t.Errorf("%d is told %v, and is there: %v", i, s, there)
		}
	}
	if told[2] == "<nil>" {
		t.Error("the disk was not full")
	}
}

// Whoever gives up while waiting is not run; the others are.
func TestLeavingTheQueue(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 3 {
		who := t.Context()
		if i == 1 {
			who = ctx
		}
		c.write(who, func(ctx context.Context, tx tx) error { return insert(ctx, tx, fmt.Sprint(i)) })
	}
	cancel()
	for c.waiting() > 2 {
		time.Sleep(time.Millisecond)
	}
	told, rows := c.end()
	if fmt.Sprint(told) != "[<nil> context canceled <nil>]" || fmt.Sprint(rows) != "[0 2]" {
		t.Errorf("told %v, rows are %v", told, rows)
	}
}
