package rabbit_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/mq/rabbit"
)

// TestABrokerInTrouble does to a broker what ours must get over without a hand.
func TestABrokerInTrouble(t *testing.T) {
	t.Parallel()
	s := startServer(t, "-rabbit consumer_timeout 2000 -rabbit channel_tick_interval 500")
	opts := rabbit.Options{MaxBackoff: 2 * time.Second}
	t.Run("Alarm", func(t *testing.T) { alarm(t, s, opts) })
	t.Run("ChannelClosed", func(t *testing.T) { channelClosed(t, s, opts) })
	t.Run("ChannelCrashed", func(t *testing.T) { channelCrashed(t, s, opts) })
	t.Run("Killed", func(t *testing.T) { killed(t, s, opts) })
}

// opened waits until the queue can be used.
func opened(t *testing.T, s *server, o rabbit.Options) *rabbit.Queue {
	t.Helper()
	q := open(t, s.url, o)
	eventually(t, "a queue that can be used", func() error { return q.Check(t.Context()) })
	return q
}

// goesThrough waits until a message comes all the way.
func goesThrough(t *testing.T, q *rabbit.Queue, i int, got <-chan mq.Message) {
	t.Helper()
	eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(i)) })
	for receive(t, "the message", got) != message(i) {
	}
}

func alarm(t *testing.T, s *server, o rabbit.Options) {
	q := opened(t, s, o)
	got := make(chan mq.Message, 100)
	consume(t, q, 2, pass(got))
	goesThrough(t, q, 1, got)
	s.ctl("set_vm_memory_high_watermark", "absolute", "1")
	for range 3 {
		mustFail(t, 3*time.Second, "Publish", func() error { return q.Publish(t.Context(), message(2)) })
	}
	mustFail(t, time.Second, "Check", func() error { return q.Check(t.Context()) })
	s.ctl("set_vm_memory_high_watermark", "0.8")
	eventually(t, "the end of the alarm", func() error { return q.Check(t.Context()) })
	goesThrough(t, q, 3, got)
}

// channelClosed keeps a message for longer than the broker allows.
func channelClosed(t *testing.T, s *server, o rabbit.Options) {
	var j journal
	o.Log = j.logger()
	q := opened(t, s, o)
	got := make(chan mq.Message, 100)
	var slow atomic.Bool
	consume(t, q, 2, func(ctx context.Context, m mq.Message) error {
		if m == message(1) && slow.CompareAndSwap(false, true) {
			<-ctx.Done()
			return ctx.Err()
		}
		got <- m
		return nil
	})
	publish(t, q, message(1))
	if m := receive(t, "the message again", got); m != message(1) {
		t.Errorf("got %v", m)
	}
	if j.count("PRECONDITION_FAILED") != 1 {
		t.Errorf("the log does not tell why:\n%s", j.text.String())
	}
	goesThrough(t, q, 2, got) // by the other worker
}

func channelCrashed(t *testing.T, s *server, o rabbit.Options) {
	q := opened(t, s, o)
	got := make(chan mq.Message, 100)
	consume(t, q, 2, pass(got))
	goesThrough(t, q, 1, got)
	s.ctl("eval", "[exit(P, kill) || P <- rabbit_channel:list()].")
	goesThrough(t, q, 2, got)
}

func killed(t *testing.T, s *server, o rabbit.Options) {
	const kept = 20
	q := opened(t, s, o)
	for i := range kept {
		publish(t, q, message(i))
	}
	working := opened(t, s, o)
	s.crash()
	mustFail(t, 3*time.Second, "Publish", func() error { return q.Publish(t.Context(), message(kept)) })
	mustFail(t, 3*time.Second, "Check", func() error { return q.Check(t.Context()) })
	got := make(chan mq.Message, 100)
	consume(t, working, 2, pass(got)) // while it is down
	s.boot()
	want := make(map[mq.Message]bool)
	for i := range kept {
		want[message(i)] = true
	}
	for len(want) > 0 {
		delete(want, receive(t, "a message that was confirmed before the crash", got))
	}
	goesThrough(t, q, kept+1, got)
	s.crash() // once more, while the consumer has its connection
	s.boot()
	goesThrough(t, q, kept+2, got)
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if err := q.Check(t.Context()); !errors.Is(err, mq.ErrClosed) {
		t.Errorf("Check of a closed queue: %v", err)
	}
}
