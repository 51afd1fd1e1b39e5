package service

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// However many a user asks for, another does not wait for them.
func TestLines(t *testing.T) {
	t.Parallel()
	var l lines
	greedy := func() (func(), error) { return l.enter(t.Context(), 1, 2) }
	first, err := greedy()
	if err != nil {
		t.Fatal(err)
	}
	second, err := greedy()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if leave, err := greedy(); err != nil {
				t.Error(err)
			} else {
				leave()
			}
		})
	}
	other, err := l.enter(t.Context(), 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.enter(gone, 1, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone away is told %v", err)
	}
	other()
	first()
	second()
	wg.Wait()
	if len(l.users) > 0 {
		t.Errorf("%d lines are left", len(l.users))
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	var n narrow
	var in, of [5]atomic.Int32
	var wg sync.WaitGroup
	for i := range 200 {
		user := i % 4
		wg.Go(func() {
			leave, err := n.enter(t.Context(), store.UserID(user), 2)
			if err != nil {
				t.Error(err)
				return
			}
			defer leave()
			if of[user].Add(1) > 1 || in[0].Add(1) > 2 {
				t.Error("too many are in")
			}
			in[0].Add(-1)
			of[user].Add(-1)
		})
	}
	wg.Wait()
	if len(n.lines.users) > 0 || len(n.all) > 0 {
		t.Error("somebody is left")
	}
}
