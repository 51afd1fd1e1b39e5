package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// replicaWait is how long a read waits for the replica before it goes to the primary.
const replicaWait = 2 * time.Second

// A replica is a copy of the primary that may be behind. Nothing but a user's listing is read there, and that only
//   - while the replica is known to be no more than maxLag behind, by a counter that this process moves on the primary and
//     finds again on the replica, so that no clocks are compared; and
//   - where it has every change that this process has made to that user's tree, by the user's change_seq in the same
//     transaction: what one has just uploaded is listed.
//
// Where that is not so, or the replica fails, or is slow, or does not find what is asked for, the primary is asked.
type replica struct {
	pool   *sql.DB
	log    *slog.Logger
	maxLag time.Duration
	good   atomic.Int64 // when it was last found to be near enough, in nanoseconds since begin; 0: it is not
	begin  time.Time
	served atomic.Int64 // listings
	stop   context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	seqs map[store.UserID]change // the newest that this process has made
}

// A change is the number of a change of a user's tree.
type change struct {
	seq int64
	at  time.Time
}

func (db *DB) openReplica(o Options) error {
	if o.Replica.IsZero() {
		return nil
	}
	if !o.Replica.IsMySQL() {
		return fmt.Errorf("open database: replica %s must be a MySQL server", o.Replica)
	}
	if o.MaxLag <= 0 {
		o.MaxLag = 5 * time.Second
	}
	pool, err := reading.pool(o.Replica, o.Timeouts, o.Pool)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	db.replica = &replica{
		pool: pool, log: o.Log.With("replica", o.Replica.String()), maxLag: o.MaxLag, begin: time.Now(), stop: cancel,
		done: make(chan struct{}), seqs: map[store.UserID]change{},
	}
	go db.watchReplica(ctx)
	return nil
}

func (r *replica) close() error {
	r.stop()
	<-r.done
	return r.pool.Close()
}

// usable reports whether the replica was near enough a moment ago.
func (r *replica) usable() bool {
	good := r.good.Load()
	return good > 0 && time.Since(r.begin)-time.Duration(good) < r.maxLag/2
}

// A beat is a value of the counter and when the primary had it.
type beat struct {
	n  int64
	at time.Time
}

// watchReplica finds out again and again how far behind the replica is.
func (db *DB) watchReplica(ctx context.Context) {
	r := db.replica
	defer close(r.done)
	tick := time.NewTicker(min(time.Second, max(20*time.Millisecond, r.maxLag/8)))
	defer tick.Stop()
	var beats []beat
	for {
		if b, err := db.beat(ctx); err == nil {
			beats = append(beats, b)
		}
		beats = recent(beats, time.Now().Add(-r.maxLag/2))
		r.judge(ctx, beats)
		r.forget(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// recent drops all beats that were before a time, but for the last of them: what a replica must have.
func recent(beats []beat, before time.Time) []beat {
	for len(beats) > 1 && beats[1].at.Before(before) {
		beats = beats[1:]
	}
	return beats
}

// beat moves the primary's counter.
func (db *DB) beat(ctx context.Context) (beat, error) {
	ctx, cancel := context.WithTimeout(ctx, replicaWait)
	defer cancel()
	if _, err := db.w.ExecContext(ctx, `UPDATE tbl_beat SET beat = beat + 1 WHERE id = 1`); err != nil {
		return beat{}, err
	}
	b := beat{at: time.Now()}
	err := db.r.QueryRowContext(ctx, `SELECT beat FROM tbl_beat WHERE id = 1`).Scan(&b.n)
	return b, err
}

// judge looks whether the replica has the oldest of the beats.
func (r *replica) judge(ctx context.Context, beats []beat) {
	was := r.usable()
	ctx, cancel := context.WithTimeout(ctx, replicaWait)
	defer cancel()
	at := time.Since(r.begin)
	var n int64
	err := r.pool.QueryRowContext(ctx, `SELECT beat FROM tbl_beat WHERE id = 1`).Scan(&n)
	if err != nil || len(beats) == 0 || n < beats[0].n {
		r.leave(was, err)
		return
	}
	r.good.Store(int64(at))
	if !was {
		r.log.Info("reading from the replica resumed")
	}
}

// leave sends readers to the primary until the replica has been found well again.
func (r *replica) leave(was bool, err error) {
	r.good.Store(0)
	if !was {
		return
	}
	if err == nil {
		err = fmt.Errorf("replication lag above %v", r.maxLag/2)
	}
	r.log.Warn("could not use the replica; reading from the primary", "err", err)
}

// changed notes the changes that a committed transaction has made. There may be no replica.
func (r *replica) changed(seqs map[store.UserID]int64) {
	if r == nil || len(seqs) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for user, seq := range seqs {
		if seq > r.seqs[user].seq {
			r.seqs[user] = change{seq, time.Now()}
		}
	}
}

// forget drops the changes that a replica which may be read is sure to have.
func (r *replica) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for user, c := range r.seqs {
		if now.Sub(c.at) > 4*r.maxLag {
			delete(r.seqs, user)
		}
	}
}

func (r *replica) newest(user store.UserID) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seqs[user].seq
}

// readTree is read for what may come from the replica: the tree of one user. fn may run more than once.
func (db *DB) readTree(ctx context.Context, user store.UserID, fn func(context.Context, tx) error) error {
	if r := db.replica; r != nil && r.usable() && db.readReplica(ctx, user, fn) {
		return nil
	}
	return db.read(ctx, fn)
}

// readReplica reports whether the replica could serve.
func (db *DB) readReplica(ctx context.Context, user store.UserID, fn func(context.Context, tx) error) bool {
	short, cancel := context.WithTimeout(ctx, replicaWait)
	defer cancel()
	t, err := db.replica.pool.BeginTx(short, db.dialect.readOnly())
	if err == nil {
		defer t.Rollback()
		var seq int64
		err = t.QueryRowContext(short, `SELECT change_seq FROM tbl_user WHERE id = ?`, user).Scan(&seq)
		if err == nil && seq < db.replica.newest(user) {
			return false
		}
		if err == nil {
			err = fn(short, tx{t, db, nil})
		}
	}
	if ctx.Err() == nil && (db.dialect.down(err) || short.Err() != nil) {
		db.replica.leave(true, err)
	}
	if err != nil {
		return false
	}
	db.replica.served.Add(1)
	return true
}
