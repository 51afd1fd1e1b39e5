package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redsync/redsync/v4"
	lock "github.com/go-redsync/redsync/v4/redis"
	"github.com/gomodule/redigo/redis"

	"github.com/blinkdrive/blinkdrive/store"
)

// mutex is the leader's lock in the name of a node. Its value is the node, for there is one process to a node: nothing
// has to be remembered here, and a process that was restarted goes on leading.
func (db *DB) mutex(node store.NodeID, ttl time.Duration) *redsync.Mutex {
	return redsync.New(lockPool{db}).NewMutex(db.key("LEADER", ""),
		redsync.WithValue(string(node)), redsync.WithExpiry(ttl),
		redsync.WithSetNXOnExtend()) // so that Extend takes a lock that is free, in one step
}

// Lead implements store.Leader.
func (db *DB) Lead(ctx context.Context, node store.NodeID, ttl time.Duration) (bool, error) {
	led, err := db.mutex(node, ttl).ExtendContext(ctx)
	if taken(err) || errors.Is(err, redsync.ErrExtendFailed) { // another's; or it took so long that it has run out
		return false, db.endLasting(ctx, ttl)
	}
	if err != nil {
		return false, fmt.Errorf("leader: %w", err)
	}
	return led, nil
}

// endLasting gives a lock that would last for ever an end. None of ours does, but where somebody put one there, by SET or by
// PERSIST, nobody would ever lead again.
func (db *DB) endLasting(ctx context.Context, ttl time.Duration) error {
	ended, err := redis.Bool(db.eval(ctx, endLasting, db.key("LEADER", ""), millis(ttl)))
	if err != nil {
		return fmt.Errorf("leader: %w", err)
	}
	if ended {
		db.options.Log.Warn("leader lock without expiry; expiry set", "ttl", ttl)
	}
	return nil
}

var endLasting = redis.NewScript(1, `return redis.call('PTTL', KEYS[1]) == -1 and redis.call('PEXPIRE', KEYS[1], ARGV[1]) or 0`)

// Resign implements store.Leader.
func (db *DB) Resign(ctx context.Context, node store.NodeID) error {
	_, err := db.mutex(node, time.Second).UnlockContext(ctx)
	if err != nil && !taken(err) && !errors.Is(err, redsync.ErrLockAlreadyExpired) {
		return fmt.Errorf("leader: %w", err)
	}
	return nil
}

func taken(err error) bool {
	var t *redsync.ErrTaken
	return errors.As(err, &t)
}

// lockPool lets redsync work on a DB: with its timeouts, and on a cluster.
type lockPool struct{ db *DB }

func (p lockPool) Get(ctx context.Context) (lock.Conn, error) { return lockConn{p.db, ctx}, nil }

type lockConn struct {
	db  *DB
	ctx context.Context
}

func (c lockConn) Get(name string) (string, error) {
	s, err := redis.String(c.db.do(c.ctx, name, "GET", name))
	if errors.Is(err, redis.ErrNil) {
		return "", nil
	}
	return s, err
}

func (c lockConn) Set(name, value string) (bool, error) { return c.set(name, value) }

func (c lockConn) SetNX(name, value string, ttl time.Duration) (bool, error) {
	return c.set(name, value, "NX", "PX", millis(ttl))
}

func (c lockConn) set(name, value string, how ...any) (bool, error) {
	answer, err := redis.String(c.db.do(c.ctx, name, "SET", append([]any{name, value}, how...)...))
	if errors.Is(err, redis.ErrNil) {
		return false, nil
	}
	return answer == "OK", err
}

func (c lockConn) PTTL(name string) (time.Duration, error) {
	ms, err := redis.Int64(c.db.do(c.ctx, name, "PTTL", name))
	return time.Duration(ms) * time.Millisecond, err
}

// Eval runs a script of redsync's. They have one key.
func (c lockConn) Eval(s *lock.Script, keysAndArgs ...any) (any, error) {
	return c.db.eval(c.ctx, redis.NewScript(1, s.Src), keysAndArgs[0].(string), keysAndArgs[1:]...)
}

// ScriptLoad does nothing: Eval sends the source where it is not known.
func (c lockConn) ScriptLoad(*lock.Script) error { return nil }

func (c lockConn) Close() error { return nil }
