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

func rejectsSome(t *testing.T, h Harness) {
	const messages = 20
	var settled atomic.Int32
	consume(t, h.Queue, 3, func(_ context.Context, m mq.Message) error {
		if m.FileHash[39]%2 == 0 {
			return fmt.Errorf("no such content: %w", mq.ErrReject)
		}
		settled.Add(1)
		return nil
	})
	want := make(map[mq.Message]bool)
	for i := range messages {
		m := message(i)
		publish(t, h.Queue, m)
		if m.FileHash[39]%2 == 0 {
			want[m] = true
		}
	}
	await(t, "all messages to be settled", func() bool {
		return len(h.Errors(t)) == len(want) && int(settled.Load()) == messages-len(want)
	})
	for _, m := range h.Errors(t) {
		if !want[m] {
			t.Errorf("%v was set aside, or twice", m)
		}
		delete(want, m)
	}
}

// finishedWork stops a consumer while it works and has the work succeed nevertheless.
func finishedWork(t *testing.T, h Harness) {
	publish(t, h.Queue, message(1))
	begun := make(chan struct{}, 1)
	stop := consume(t, h.Queue, 1, func(ctx context.Context, _ mq.Message) error {
		begun <- struct{}{}
		<-ctx.Done()
		return nil
	})
	receive(t, "the delivery", begun)
	stop()
	got := make(chan mq.Message, 2)
	consume(t, h.Queue, 1, pass(got))
	publish(t, h.Queue, message(2))
	if m := receive(t, "the next message", got); m != message(2) {
		t.Errorf("%v was settled, and came again", m)
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
