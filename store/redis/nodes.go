package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/blinkdrive/blinkdrive/store"
)

// announceScript: the time to live, the URL. The answer is whether the key was gone.
var announceScript = redis.NewScript(1, `
	local gone = 1 - redis.call('EXISTS', KEYS[1])
	redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
	return gone`)

func (db *DB) nodeKey(id store.NodeID) string { return db.key("NODE_", string(id)) }

// Announce implements store.Nodes.
func (db *DB) Announce(ctx context.Context, n store.Node, ttl time.Duration) (bool, error) {
	fresh, err := redis.Bool(db.eval(ctx, announceScript, db.nodeKey(n.ID), millis(ttl), n.URL))
	if err != nil {
		db.unsure.Store(n.ID, true)
		return false, fmt.Errorf("announce node %s: %w", n.ID, err)
	}
	_, unsure := db.unsure.LoadAndDelete(n.ID)
	return fresh || unsure, nil
}

// Node implements store.Nodes.
func (db *DB) Node(ctx context.Context, id store.NodeID) (store.Node, error) {
	url, err := redis.String(db.do(ctx, db.nodeKey(id), "GET", db.nodeKey(id)))
	if errors.Is(err, redis.ErrNil) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Node{}, fmt.Errorf("node %s: %w", id, err)
	}
	return store.Node{ID: id, URL: url}, nil
}

// Withdraw implements store.Nodes.
func (db *DB) Withdraw(ctx context.Context, id store.NodeID) error {
	if _, err := db.do(ctx, db.nodeKey(id), "DEL", db.nodeKey(id)); err != nil {
		return fmt.Errorf("withdraw node %s: %w", id, err)
	}
	return nil
}
