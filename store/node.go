package store

import (
	"context"
	"time"
)

// A Node is a running upload service, as the others know it.
type Node struct {
	ID  NodeID
	URL string // where other processes of the drive reach it, as in http://10.0.0.5:8080
}

// Nodes is the registry of the nodes that are up. Nothing here is durable: a node announces itself again and again.
type Nodes interface {
	// Announce says that a node is up, for ttl. fresh reports that the registry did not know it: it is new, or its
	// record expired or was flushed; or that it may not have known it, an earlier call having failed.
	Announce(ctx context.Context, n Node, ttl time.Duration) (fresh bool, err error)
	// Node finds a node that is up. ErrNotFound.
	Node(ctx context.Context, id NodeID) (Node, error)
	// Withdraw removes a node. It is no error that there is none.
	Withdraw(ctx context.Context, id NodeID) error
}
