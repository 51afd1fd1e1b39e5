package service_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// expiries tells of what the test sends, to whoever watches.
type expiries struct {
	events   chan store.UploadID
	watching atomic.Int64
}

func (x *expiries) Watch(ctx context.Context, fn func(store.UploadID)) error {
	x.watching.Add(1)
	defer x.watching.Add(-1)
	for {
		select {
		case id := <-x.events:
			fn(id)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// An upload ends as soon as its record expires, if its row says so too.
func TestExpiryIsPrompt(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	x := &expiries{events: make(chan store.UploadID)}
	s := d.sweeper()
	s.Expiries = x
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, time.Hour) }()
	await(t, "the watch", func() bool { return x.watching.Load() == 1 })
	short, long := d.begin(1000, time.Hour), d.begin(2000, 100*time.Hour)
	d.clock.Advance(2 * time.Hour)
	for _, id := range []store.UploadID{short.ID, long.ID, short.ID, store.NewUploadID("n2"), short.ID} {
		x.events <- id
	}
	x.events <- long.ID // all before it have been handled
	if d.account().Reserved != 2000 {
		t.Errorf("%+v", d.account())
	}
	if ids := d.staged(); len(ids) != 1 || ids[0] != long.ID {
		t.Errorf("staged: %v", ids)
	}
	cancel()
	d.ok(<-ended)
	if x.watching.Load() != 0 {
		t.Error("it goes on watching")
	}
}

// Only the leader watches, and only for as long as it is one.
func TestLeaderAloneWatches(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	x := &expiries{events: make(chan store.UploadID)}
	s := d.sweeper()
	s.Expiries = x
	if led, err := s.Leader.Lead(t.Context(), "n2", time.Hour); !led || err != nil {
		t.Fatal(led, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, 5*time.Millisecond) }()
	time.Sleep(50 * time.Millisecond)
	if x.watching.Load() != 0 {
		t.Error("it watches, and does not lead")
	}
	d.clock.Advance(2 * time.Hour)
	await(t, "the watch", func() bool { return x.watching.Load() == 1 })
	d.ok(s.Leader.Resign(t.Context(), depotNode))
	for led := false; !led; { // it may have been faster
		d.ok(s.Leader.Resign(t.Context(), depotNode))
		var err error
		led, err = s.Leader.Lead(t.Context(), "n2", time.Hour)
		d.ok(err)
	}
	await(t, "the end of the watch", func() bool { return x.watching.Load() == 0 })
	cancel()
	d.ok(<-ended)
}
