package mqtest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
)

func usesWorkers(t *testing.T, h Harness) {
	const workers, messages = 3, 12
	var at, most atomic.Int32
	inside, leave, left := make(chan struct{}, messages), make(chan struct{}), make(chan struct{}, messages)
	consume(t, h.Queue, workers, func(ctx context.Context, _ mq.Message) error {
		n := at.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		inside <- struct{}{}
		select {
		case <-leave:
		case <-ctx.Done():
		}
		at.Add(-1)
		left <- struct{}{}
		return nil
	})
	for i := range messages {
		publish(t, h.Queue, message(i))
	}
	for range workers {
		receive(t, "a busy worker", inside)
	}
	time.Sleep(calm)
	close(leave)
	for range messages {
		receive(t, "a finished message", left)
	}
	if m := most.Load(); m != workers {
		t.Errorf("at most %d messages were at work at once, want %d", m, workers)
	}
}

// fair has one consumer busy with one message while another works on all the rest.
func fair(t *testing.T, h Harness) {
	const messages = 20
	begun, leave := make(chan struct{}, messages), make(chan struct{})
	consume(t, h.Queue, 1, func(ctx context.Context, _ mq.Message) error {
		begun <- struct{}{}
		select {
		case <-leave:
		case <-ctx.Done():
		}
		return nil
	})
	publish(t, h.Queue, message(0))
	receive(t, "a busy worker", begun)
	got := make(chan mq.Message, messages)
	for i := 1; i < messages; i++ { // before the other comes
		publish(t, h.Queue, message(i))
	}
	consume(t, h.Queue, 1, pass(got))
	for range messages - 1 {
		receive(t, "a message that waits for no busy worker", got)
	}
	close(leave)
}

func carriesABurst(t *testing.T, h Harness) {
	const messages, publishers = 5_000, 50
	var mu sync.Mutex
	seen := make(map[mq.Message]bool)
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(seen)
	}
	consume(t, h.Queue, 8, func(_ context.Context, m mq.Message) error {
		mu.Lock()
		defer mu.Unlock()
		seen[m] = true
		return nil
	})
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := p; i < messages; i += publishers {
				if err := h.Queue.Publish(t.Context(), message(i)); err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	for last := -1; count() < messages && count() != last; { // as long as it goes on
		last = count()
		for end := time.Now().Add(patience); count() == last && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
	}
	if n := count(); n != messages {
		t.Errorf("%d of %d messages came", n, messages)
	}
	if e := h.Errors(t); len(e) != 0 {
		t.Errorf("the error queue holds %v", e)
	}
}

func consumersShare(t *testing.T, h Harness) {
	got := make(chan mq.Message, 200)
	stop := consume(t, h.Queue, 2, pass(got))
	consume(t, h.Queue, 2, pass(got))
	want := make(map[mq.Message]bool)
	for i := range 100 {
		want[message(i)] = true
		publish(t, h.Queue, message(i))
		if i == 50 {
			stop()
		}
	}
	for len(want) > 0 {
		delete(want, receive(t, "a message", got))
	}
}
