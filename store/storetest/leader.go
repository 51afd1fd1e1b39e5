package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// Leader tests that a driver keeps the contract of store.Leader. open returns one that nobody leads.
func Leader(t *testing.T, open func(*testing.T) (store.Leader, Wait)) {
	for name, test := range map[string]func(*testing.T, store.Leader, Wait){
		"OneLeads":     leaderOneLeads,
		"OneOfMany":    leaderOneOfMany,
		"Resign":       leaderResign,
		"LeaseRunsOut": leaderRunsOut,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, wait := open(t)
			test(t, l, wait)
		})
	}
}

func wantLead(t *testing.T, l store.Leader, node store.NodeID, want bool) {
	t.Helper()
	if got, err := l.Lead(t.Context(), node, life); got != want || err != nil {
		t.Errorf("Lead of %s = %v, %v; want %v", node, got, err, want)
	}
}

func leaderOneLeads(t *testing.T, l store.Leader, _ Wait) {
	wantLead(t, l, "a", true)
	wantLead(t, l, "b", false)
	wantLead(t, l, "a", true)
}

func leaderOneOfMany(t *testing.T, l store.Leader, _ Wait) {
	var wg sync.WaitGroup
	var leaders atomic.Int32
	for i := range 16 {
		wg.Go(func() {
			if ok, err := l.Lead(t.Context(), store.NodeID(fmt.Sprintf("n%d", i)), life); ok && err == nil {
				leaders.Add(1)
			}
		})
	}
	if wg.Wait(); leaders.Load() != 1 {
		t.Errorf("%d nodes lead at once", leaders.Load())
	}
}

func leaderResign(t *testing.T, l store.Leader, _ Wait) {
	resign := func(node store.NodeID) {
		t.Helper()
		if err := l.Resign(t.Context(), node); err != nil {
			t.Errorf("Resign of %s: %v", node, err)
		}
	}
	resign("a") // of nothing
	wantLead(t, l, "a", true)
	resign("b") // of another's
	wantLead(t, l, "b", false)
	resign("a")
	wantLead(t, l, "b", true)
}

func leaderRunsOut(t *testing.T, l store.Leader, wait Wait) {
	wantLead(t, l, "a", true)
	wait(life / 2)
	wantLead(t, l, "a", true) // renewed
	wait(life/2 + life/8)
	wantLead(t, l, "b", false)
	wait(life / 2)
	wantLead(t, l, "b", true)
}
