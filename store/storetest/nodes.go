package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// Nodes tests that a driver keeps the contract of store.Nodes. open returns a registry that knows no node.
func Nodes(t *testing.T, open func(*testing.T) (store.Nodes, Wait)) {
	for name, test := range map[string]func(*testing.T, store.Nodes, Wait){
		"AnnounceThenNode":  nodesAnnounce,
		"Unknown":           nodesUnknown,
		"AnotherURL":        nodesAnotherURL,
		"Withdraw":          nodesWithdraw,
		"ExpireUnlessAgain": nodesExpire,
		"OneIsFreshOfMany":  nodesOneIsFresh,
		"NodesAreApart":     nodesApart,
		"NoURL":             nodesNoURL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, wait := open(t)
			test(t, n, wait)
		})
	}
}

func node(id store.NodeID) store.Node {
	return store.Node{ID: id, URL: "http://" + string(id) + ".example:8080/a%20b?c=d"}
}

func announce(t *testing.T, n store.Nodes, node store.Node, fresh bool) {
	t.Helper()
	if got, err := n.Announce(t.Context(), node, life); got != fresh || err != nil {
		t.Errorf("Announce of %s = %v, %v; want %v", node.ID, got, err, fresh)
	}
}

func wantNode(t *testing.T, n store.Nodes, want store.Node) {
	t.Helper()
	if got, err := n.Node(t.Context(), want.ID); got != want || err != nil {
		t.Errorf("Node = %+v, %v; want %+v", got, err, want)
	}
}

func wantNoNode(t *testing.T, n store.Nodes, id store.NodeID) {
	t.Helper()
	_, err := n.Node(t.Context(), id)
	wantNotFound(t, "Node", err)
}

func nodesAnnounce(t *testing.T, n store.Nodes, _ Wait) {
	announce(t, n, node("a"), true)
	announce(t, n, node("a"), false)
	wantNode(t, n, node("a"))
}

func nodesUnknown(t *testing.T, n store.Nodes, _ Wait) {
	wantNoNode(t, n, "a")
	if err := n.Withdraw(t.Context(), "a"); err != nil {
		t.Errorf("Withdraw of nothing: %v", err)
	}
}

func nodesAnotherURL(t *testing.T, n store.Nodes, _ Wait) {
	announce(t, n, node("a"), true)
	moved := store.Node{ID: "a", URL: "https://elsewhere"}
	announce(t, n, moved, false)
	wantNode(t, n, moved)
}

func nodesWithdraw(t *testing.T, n store.Nodes, _ Wait) {
	announce(t, n, node("a"), true)
	for range 2 {
		if err := n.Withdraw(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	wantNoNode(t, n, "a")
	announce(t, n, node("a"), true)
}

func nodesExpire(t *testing.T, n store.Nodes, wait Wait) {
	announce(t, n, node("again"), true)
	announce(t, n, node("once"), true)
	wait(life / 2)
	announce(t, n, node("again"), false)
	wait(life/2 + life/8)
	wantNode(t, n, node("again"))
	wantNoNode(t, n, "once")
	announce(t, n, node("once"), true)
}

func nodesOneIsFresh(t *testing.T, n store.Nodes, _ Wait) {
	ctx := context.WithoutCancel(t.Context())
	var wg sync.WaitGroup
	var fresh atomic.Int32
	for range 16 {
		wg.Go(func() {
			if f, err := n.Announce(ctx, node("a"), life); err != nil {
				t.Errorf("Announce: %v", err)
			} else if f {
				fresh.Add(1)
			}
		})
	}
	if wg.Wait(); fresh.Load() != 1 {
		t.Errorf("%d of 16 were told that the node is new", fresh.Load())
	}
}

func nodesApart(t *testing.T, n store.Nodes, _ Wait) {
	announce(t, n, node("a"), true)
	announce(t, n, node("b"), true)
	if err := n.Withdraw(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantNoNode(t, n, "a")
	wantNode(t, n, node("b"))
}

func nodesNoURL(t *testing.T, n store.Nodes, _ Wait) {
	announce(t, n, store.Node{ID: "a"}, true)
	wantNode(t, n, store.Node{ID: "a"})
}
