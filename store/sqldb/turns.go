package sqldb

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// A commit is shared by at most maxShared writes, and by those that come within shareFor.
	maxShared = 64
	shareFor  = 10 * time.Millisecond
)

// Turns let writes share commits where there is one writer: to make a commit durable takes longer than most of what is
// committed. Whoever finds nobody at work leads: he runs his own write, then those of the others that wait by then, each in
// a savepoint of its own, commits, and gives the lead to the first who still waits. The zero value is ready.
type turns struct {
	mu      sync.Mutex
	led     bool
	waiting []*turn

	open func(begun time.Time) bool // whether a commit takes one more; nil: for as long as shareFor. Tests choose
}

// takesMore reports whether a transaction that has begun then takes one more write.
func (q *turns) takesMore(begun time.Time) bool {
	if q.open != nil {
		return q.open(begun)
	}
	return time.Since(begun) < shareFor
}

// A turn is a write that waits, runs or is over.
type turn struct {
	ctx  context.Context
	fn   func(context.Context, tx) error
	lead chan struct{} // sent to: run yourself, and lead
	done chan struct{} // closed: another ran it

	// What became of it, once it is over.
	err      error
	panicked any
}

// writeShared runs fn in a transaction, perhaps together with others, and returns when it is durable.
func (db *DB) writeShared(ctx context.Context, fn func(context.Context, tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &turn{ctx: ctx, fn: fn, lead: make(chan struct{}, 1), done: make(chan struct{})}
	if leads, err := db.turns.wait(t); err != nil {
		return err
	} else if leads {
		db.leadTurns(t)
	}
	if t.panicked != nil {
		panic(t.panicked)
	}
	return t.err
}

// wait returns when t has been run, or when it is to lead.
func (q *turns) wait(t *turn) (leads bool, err error) {
	q.mu.Lock()
	if !q.led {
		q.led = true
		q.mu.Unlock()
		return true, nil
	}
	q.waiting = append(q.waiting, t)
	q.mu.Unlock()
	select {
	case <-t.lead:
		return true, nil
	case <-t.done:
		return false, nil
	case <-t.ctx.Done():
		if q.leave(t) {
			return false, t.ctx.Err()
		}
	}
	select { // it has begun already
	case <-t.lead:
		return true, nil
	case <-t.done:
		return false, nil
	}
}

// leave takes back a turn that has not begun, and reports whether it could.
func (q *turns) leave(t *turn) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, t)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// next takes the first turn that waits, nil where there is none.
func (q *turns) next() *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	t := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	return t
}

// pass gives the lead to the first who waits.
func (q *turns) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.led = false
		return
	}
	q.waiting[0].lead <- struct{}{}
	q.waiting = slices.Delete(q.waiting, 0, 1)
}

// leadTurns runs mine and what waits. What became of them is told only when it is durable, or undone.
func (db *DB) leadTurns(mine *turn) {
	defer db.turns.pass()
	shared := []*turn{mine}
	err := errUnfinished
	defer func() {
		for i, t := range shared {
			if err != nil {
				t.err = err
			}
			if i > 0 {
				close(t.done)
			}
		}
	}()
	err = db.share(mine, &shared)
}

// errUnfinished is what is told where the goroutine of the leader ended in the middle.
var errUnfinished = errors.New("transaction not finished")

// share is a transaction of mine and of others, which it adds to shared. An error is one of all of them: what one was
// told, be it that something is there already, may rest on what another did, and nobody did anything.
func (db *DB) share(mine *turn, shared *[]*turn) error {
	whole := context.WithoutCancel(mine.ctx)
	conn, err := db.w.Conn(whole)
	if err != nil {
		return err
	}
	defer conn.Close()
	begun := time.Now()
	sqlTx, err := conn.BeginTx(whole, nil)
	if err != nil {
		return err
	}
	defer sqlTx.Rollback() // does nothing after the commit
	t := tx{sqlTx, db, nil}
	if mine.run(t); mine.failed() {
		return nil
	}
	for len(*shared) < maxShared && db.turns.takesMore(begun) {
		other := db.turns.next()
		if other == nil {
			break
		}
		*shared = append(*shared, other)
		if err := t.within(whole, other); err != nil {
			return err
		}
	}
	return sqlTx.Commit()
}

// within runs a turn so that its failure undoes nothing but its own. An error is one of the whole transaction: some
// failures, such as a full disk, make SQLite undo all of it, savepoints too.
func (t tx) within(ctx context.Context, other *turn) error {
	if _, err := t.ExecContext(ctx, `SAVEPOINT turn`); err != nil {
		return err
	}
	other.run(t)
	if other.failed() {
		if _, err := t.ExecContext(ctx, `ROLLBACK TO turn`); err != nil {
			return errors.Join(other.engineError(t.db), err)
		}
	}
	_, err := t.ExecContext(ctx, `RELEASE turn`)
	return err
}

// run runs the write, unless its caller has given up. Its panic is kept for him.
func (t *turn) run(in tx) {
	if t.err = t.ctx.Err(); t.err != nil {
		return
	}
	defer func() { t.panicked = recover() }()
	t.err = t.fn(context.WithoutCancel(t.ctx), in)
}

func (t *turn) failed() bool { return t.err != nil || t.panicked != nil }

// engineError is the turn's error where it tells the others why there is no transaction any more.
func (t *turn) engineError(db *DB) error {
	if db.dialect.full(t.err) {
		return t.err
	}
	return nil
}
