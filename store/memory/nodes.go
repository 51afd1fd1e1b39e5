package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Nodes is a store.Nodes among the callers in this process.
type Nodes struct {
	// Now tells the time. It is set before the first call.
	Now func() time.Time
	// Fault, where set, is asked before each operation, by the name of the method; an error is the result.
	Fault func(op string) error

	mu    sync.Mutex
	nodes map[store.NodeID]announced
}

type announced struct {
	node    store.Node
	expires time.Time
}

var _ store.Nodes = (*Nodes)(nil)

// NewNodes makes a registry that knows no node.
func NewNodes() *Nodes { return &Nodes{Now: time.Now, nodes: make(map[store.NodeID]announced)} }

// Announce implements store.Nodes.
func (n *Nodes) Announce(_ context.Context, node store.Node, ttl time.Duration) (fresh bool, err error) {
	err = n.do("Announce", func(now time.Time) error {
		_, known := n.nodes[node.ID]
		fresh = !known
		n.nodes[node.ID] = announced{node: node, expires: now.Add(ttl)}
		return nil
	})
	return fresh, err
}

// Node implements store.Nodes.
func (n *Nodes) Node(_ context.Context, id store.NodeID) (node store.Node, err error) {
	err = n.do("Node", func(time.Time) error {
		a, ok := n.nodes[id]
		if !ok {
			return fmt.Errorf("node %s: %w", id, store.ErrNotFound)
		}
		node = a.node
		return nil
	})
	return node, err
}

// Withdraw implements store.Nodes.
func (n *Nodes) Withdraw(_ context.Context, id store.NodeID) error {
	return n.do("Withdraw", func(time.Time) error {
		delete(n.nodes, id)
		return nil
	})
}

// Flush forgets every node, as a flushed server would.
func (n *Nodes) Flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.nodes)
}

// do forgets the nodes that have expired before anything else: there are few.
func (n *Nodes) do(op string, fn func(now time.Time) error) error {
	if n.Fault != nil {
		if err := n.Fault(op); err != nil {
			return fmt.Errorf("nodes: %w", err)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.Now()
	for id, a := range n.nodes {
		if !now.Before(a.expires) {
			delete(n.nodes, id)
		}
	}
	return fn(now)
}
