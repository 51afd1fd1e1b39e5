package redis

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/blinkdrive/blinkdrive/store"
)

// DB is a store.Progress, store.Challenges, store.Leader, store.Nodes and store.Expiries in Redis.
type DB struct {
	options Options
	dialer  *dialer
	servers servers
	pace    pace
	unsure  sync.Map // store.NodeID: an Announce of it failed, and may have made the key all the same

	mu     sync.RWMutex // held for reading while a call is added
	closed bool
	calls  sync.WaitGroup
}

var (
	_ store.Progress   = (*DB)(nil)
	_ store.Challenges = (*DB)(nil)
	_ store.Leader     = (*DB)(nil)
	_ store.Nodes      = (*DB)(nil)
	_ store.Expiries   = (*DB)(nil)
)

// servers are where the keys lie: on one server, or on those of a cluster.
type servers interface {
	// conn returns a connection to the server of a key, or to any server for the empty key.
	conn(ctx context.Context, key string) (redis.Conn, error)
	// ready asks a server whether keys can be used.
	ready(c redis.Conn) error
	// failed is told of each call that no server answered.
	failed(run func(func()))
	// masters returns the addresses of all servers that own keys.
	masters() ([]string, error)
	close() error
}

// Open connects to Redis. It fails where that is not possible now: ErrUnavailable, or ErrInvalid for a URL that cannot
// be. Once open, a DB mends its connections by itself for ever. Close it after the last call, and after Watch.
func Open(ctx context.Context, o Options) (*DB, error) {
	a, err := parseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	db := &DB{options: o, dialer: newDialer(a, o), pace: defaultPace}
	if err = db.connect(ctx, a); err == nil {
		err = db.Ping(ctx)
	}
	if err != nil {
		_ = db.Close() // the error that counts is the other one
		return nil, err
	}
	return db, nil
}

// connect finds out whether a is a cluster.
func (db *DB) connect(ctx context.Context, a address) error {
	if len(a.hosts) == 1 {
		db.servers = newSingle(db.dialer, a.hosts[0])
		// A server that forbids the question is taken for a single one; a node of a cluster will say so at each key.
		info, err := redis.String(db.do(ctx, "", "INFO", "cluster"))
		if errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		if !strings.Contains(info, "cluster_enabled:1") {
			return nil
		}
		if err := db.servers.close(); err != nil {
			return err
		}
	}
	db.servers = newCluster(db.dialer, a.hosts)
	return nil
}

// Ping reports whether keys can be used now: ErrUnavailable.
func (db *DB) Ping(ctx context.Context) error {
	_, err := db.call(ctx, "", func(c redis.Conn) (any, error) { return nil, db.servers.ready(c) })
	return err
}

// Close closes all connections, after the calls that were given up have ended, which takes a few seconds at most.
func (db *DB) Close() error {
	db.mu.Lock()
	db.closed = true
	db.mu.Unlock()
	err := db.servers.close()
	db.calls.Wait()
	return err
}

// do runs one command on the server of key, or on any for the empty key.
func (db *DB) do(ctx context.Context, key, cmd string, args ...any) (any, error) {
	return db.call(ctx, key, func(c redis.Conn) (any, error) { return c.Do(cmd, args...) })
}

// eval runs a script that touches key and nothing else.
func (db *DB) eval(ctx context.Context, s *redis.Script, key string, args ...any) (any, error) {
	args = append([]any{key}, args...)
	return db.call(ctx, key, func(c redis.Conn) (any, error) { return s.Do(c, args...) })
}

// call runs fn with a connection to the server of key, and waits for it no longer than ctx or the timeout. So fn may go
// on when call has returned, and what it uses must be its own.
func (db *DB) call(ctx context.Context, key string, fn func(redis.Conn) (any, error)) (any, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, db.options.Timeout, errNoAnswer)
	defer cancel()
	type answer struct {
		value any
		err   error
	}
	answered := make(chan answer, 1)
	if !db.run(func() {
		v, err := db.try(ctx, key, fn)
		answered <- answer{v, err}
	}) {
		return nil, explain(ctx, errClosed)
	}
	select {
	case a := <-answered:
		return a.value, explain(ctx, a.err)
	case <-ctx.Done():
		return nil, explain(ctx, ctx.Err())
	}
}

// run runs fn in the background, unless the DB is closed. Close waits for it.
func (db *DB) run(fn func()) bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if !db.closed {
		db.calls.Go(fn)
	}
	return !db.closed
}

// try is one attempt, and a second one where the first had a connection that was dead: every call may be repeated.
func (db *DB) try(ctx context.Context, key string, fn func(redis.Conn) (any, error)) (any, error) {
	v, err := db.once(ctx, key, fn)
	if cut(err) && ctx.Err() == nil {
		db.dialer.doubt()
		v, err = db.once(ctx, key, fn)
	}
	if unavailable(err) {
		db.servers.failed(func(fn func()) { db.run(fn) })
	}
	return v, err
}

func (db *DB) once(ctx context.Context, key string, fn func(redis.Conn) (any, error)) (any, error) {
	c, err := db.servers.conn(ctx, key)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return fn(c)
}

func (db *DB) key(kind, name string) string { return db.options.Prefix + kind + name }

// millis is a time to live as Redis takes it: at least one, for none would remove the key.
func millis(ttl time.Duration) int64 { return max(1, ttl.Milliseconds()) }
