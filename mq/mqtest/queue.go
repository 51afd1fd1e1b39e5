package mqtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
)

// patience is how long a test waits for what must come, and calm how long it watches for what must not.
const (
	patience = 20 * time.Second
	calm     = 50 * time.Millisecond
)

// A Harness is a fresh, empty queue whose redeliveries come within a few seconds, and a look into its error queue.
type Harness struct {
	Queue  mq.Queue
	Errors func(*testing.T) []mq.Message
}

// Queue tests that a driver keeps the contract of mq.Queue.
func Queue(t *testing.T, open func(*testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"DeliversEach":                deliversEach,
		"KeepsForALaterConsumer":      keepsForLater,
		"PublishWaitsForNobody":       publishWaitsForNobody,
		"RedeliversAfterAnError":      redelivers,
		"GivesUpAfterAFew":            givesUp,
		"RejectsAtOnce":               rejects,
		"UsesItsWorkers":              usesWorkers,
		"StoppedWorkIsDeliveredAgain": stoppedWork,
		"ConsumersShareTheWork":       consumersShare,
		"ConsumeEndsWithItsContext":   consumeEnds,
		"Close":                       closes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			t.Cleanup(func() { _ = h.Queue.Close() })
			test(t, h)
		})
	}
}

func message(i int) mq.Message {
	return mq.Message{
		FileHash:      fmt.Sprintf("%040x", i),
		CurLocation:   fmt.Sprintf("local://n1/%d", i),
		DestLocation:  "disk://x",
		DestStoreType: mq.StoreLocal,
	}
}

func publish(t *testing.T, q mq.Queue, ms ...mq.Message) {
	t.Helper()
	for _, m := range ms {
		if err := q.Publish(t.Context(), m); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
}

// consume runs a consumer until the test ends, or until stop is called, and returns stop.
func consume(t *testing.T, q mq.Queue, workers int, fn func(context.Context, mq.Message) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := q.Consume(ctx, workers, fn); !errors.Is(err, context.Canceled) && !errors.Is(err, mq.ErrClosed) {
			t.Errorf("Consume: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func receive[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// pass is a consumer's function that hands on what it gets and settles it.
func pass(to chan<- mq.Message) func(context.Context, mq.Message) error {
	return func(_ context.Context, m mq.Message) error {
		to <- m
		return nil
	}
}

func deliversEach(t *testing.T, h Harness) {
	got := make(chan mq.Message, 100)
	consume(t, h.Queue, 3, pass(got))
	want := make(map[mq.Message]bool)
	for i := range 50 {
		want[message(i)] = true
		publish(t, h.Queue, message(i))
	}
	for len(want) > 0 {
		delete(want, receive(t, "a message", got))
	}
}

func keepsForLater(t *testing.T, h Harness) {
	publish(t, h.Queue, message(1))
	got := make(chan mq.Message, 1)
	consume(t, h.Queue, 1, pass(got))
	if m := receive(t, "the message", got); m != message(1) {
		t.Errorf("got %+v", m)
	}
}

func publishWaitsForNobody(t *testing.T, h Harness) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 500 {
			if err := h.Queue.Publish(context.Background(), message(i)); err != nil {
				t.Errorf("Publish: %v", err)
				return
			}
		}
	}()
	receive(t, "the end of publishing", done)
}

func redelivers(t *testing.T, h Harness) {
	publish(t, h.Queue, message(1))
	var tries atomic.Int32
	settled := make(chan mq.Message, 10)
	consume(t, h.Queue, 2, func(_ context.Context, m mq.Message) error {
		if tries.Add(1) < 3 {
			return errors.New("not now")
		}
		settled <- m
		return nil
	})
	if m := receive(t, "the third delivery", settled); m != message(1) {
		t.Errorf("got %+v", m)
	}
	time.Sleep(calm)
	if n := tries.Load(); n != 3 {
		t.Errorf("a settled message was delivered again: %d deliveries", n)
	}
	if e := h.Errors(t); len(e) != 0 {
		t.Errorf("the error queue holds %v", e)
	}
}

func awaitError(t *testing.T, h Harness, want mq.Message) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if e := h.Errors(t); len(e) == 1 && e[0] == want {
			return
		}
	}
	t.Fatalf("the error queue holds %v, want %v", h.Errors(t), want)
}

func givesUp(t *testing.T, h Harness) {
	publish(t, h.Queue, message(1))
	var tries atomic.Int32
	consume(t, h.Queue, 1, func(context.Context, mq.Message) error {
		tries.Add(1)
		return errors.New("never")
	})
	awaitError(t, h, message(1))
	if n := tries.Load(); n < 2 || n > 20 {
		t.Errorf("given up after %d deliveries, want a few", n)
	}
}

func rejects(t *testing.T, h Harness) {
	publish(t, h.Queue, message(1))
	var tries atomic.Int32
	consume(t, h.Queue, 1, func(context.Context, mq.Message) error {
		tries.Add(1)
		return fmt.Errorf("no such content: %w", mq.ErrReject)
	})
	awaitError(t, h, message(1))
	if n := tries.Load(); n != 1 {
		t.Errorf("a rejected message was delivered %d times", n)
	}
}

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

func stoppedWork(t *testing.T, h Harness) {
	publish(t, h.Queue, message(1))
	begun := make(chan struct{}, 1)
	stop := consume(t, h.Queue, 1, func(ctx context.Context, _ mq.Message) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	receive(t, "the first delivery", begun)
	stop()
	got := make(chan mq.Message, 1)
	consume(t, h.Queue, 1, pass(got))
	receive(t, "the second delivery", got)
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

func consumeEnds(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- h.Queue.Consume(ctx, 2, func(context.Context, mq.Message) error { return nil })
	}()
	cancel()
	if err := receive(t, "the end of Consume", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Consume = %v", err)
	}
	if err := h.Queue.Check(t.Context()); err != nil {
		t.Errorf("Check after a consumer left: %v", err)
	}
}

func closes(t *testing.T, h Harness) {
	ended := make(chan error, 1)
	go func() {
		ended <- h.Queue.Consume(context.Background(), 2, func(context.Context, mq.Message) error { return nil })
	}()
	if err := h.Queue.Check(t.Context()); err != nil {
		t.Errorf("Check of an open queue: %v", err)
	}
	if err := h.Queue.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := receive(t, "the end of Consume", ended); err == nil {
		t.Error("Consume of a closed queue returned nil")
	}
	if err := h.Queue.Publish(t.Context(), message(1)); !errors.Is(err, mq.ErrClosed) {
		t.Errorf("Publish after Close = %v, want ErrClosed", err)
	}
	if err := h.Queue.Check(t.Context()); err == nil {
		t.Error("Check of a closed queue returned nil")
	}
}
