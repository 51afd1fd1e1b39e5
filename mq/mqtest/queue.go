package mqtest

import (
	"context"
	"errors"
	"fmt"
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
		"RejectsSome":                 rejectsSome,
		"UsesItsWorkers":              usesWorkers,
		"NoneWaitsBehindABusyWorker":  fair,
		"CarriesABurst":               carriesABurst,
		"StoppedWorkIsDeliveredAgain": stoppedWork,
		"ConsumersShareTheWork":       consumersShare,
		"FinishedWorkIsSettled":       finishedWork,
		"ConsumeEndsWithItsContext":   consumeEnds,
		"EndedContexts":               endedContexts,
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

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func awaitError(t *testing.T, h Harness, want mq.Message) {
	t.Helper()
	await(t, fmt.Sprintf("%v in the error queue", want), func() bool {
		e := h.Errors(t)
		return len(e) == 1 && e[0] == want
	})
}

// endedContexts calls with a context that has ended already.
func endedContexts(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	publish(t, h.Queue, message(1))
	err := h.Queue.Consume(ctx, 2, func(context.Context, mq.Message) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Consume = %v", err)
	}
	got := make(chan mq.Message, 1)
	consume(t, h.Queue, 1, pass(got))
	receive(t, "the message", got)
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
