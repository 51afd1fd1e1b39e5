package memory

import (
	"context"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Leader is a store.Leader among the callers in this process.
type Leader struct {
	// Now tells the time. It is set before the first call.
	Now func() time.Time

	mu    sync.Mutex
	node  store.NodeID
	until time.Time
}

var _ store.Leader = (*Leader)(nil)

// NewLeader makes a Leader that nobody leads yet.
func NewLeader() *Leader { return &Leader{Now: time.Now} }

// Lead implements store.Leader.
func (l *Leader) Lead(_ context.Context, node store.NodeID, ttl time.Duration) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Now()
	if l.node != node && now.Before(l.until) {
		return false, nil
	}
	l.node, l.until = node, now.Add(ttl)
	return true, nil
}

// Resign implements store.Leader.
func (l *Leader) Resign(_ context.Context, node store.NodeID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.node == node {
		l.node, l.until = "", time.Time{}
	}
	return nil
}
