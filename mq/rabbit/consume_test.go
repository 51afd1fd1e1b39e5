package rabbit_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/mq/rabbit"
)

// send publishes as a program that is not ours.
func (b *broker) send(o rabbit.Options, p amqp.Publishing) {
	b.Helper()
	if err := b.ch.PublishWithContext(b.Context(), o.Exchange, o.RoutingKey, false, false, p); err != nil {
		b.Fatal(err)
	}
}

const hash = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

func TestForeignMessages(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := b.options()
	q := b.open(o)
	got := make(chan mq.Message, 1)
	consume(t, q, 1, pass(got))
	for name, p := range map[string]amqp.Publishing{
		// As the original sends them: no delivery mode, text/plain.
		"the original's": {ContentType: "text/plain", Body: []byte(
			`{"FileHash":"` + hash + `","CurLocation":"/tmp/a","DestLocation":"oss/images/a","DestStoreType":3}`)},
		"spaces and an order of its own": {Body: []byte(
			"\n{ \"DestStoreType\" : 3,\r\n\t\"FileHash\" : \"" + hash + "\", \"DestLocation\": \"oss/images/a\", \"CurLocation\": \"/tmp/a\" }\n")},
		"more than we know, and persistent": {DeliveryMode: amqp.Persistent, Priority: 9, Headers: amqp.Table{"x": "y"}, Body: []byte(
			`{"FileHash":"` + hash + `","CurLocation":"/tmp/a","DestLocation":"oss/images/a","DestStoreType":3,"More":[1]}`)},
	} {
		b.send(o, p)
		want := mq.Message{FileHash: hash, CurLocation: "/tmp/a", DestLocation: "oss/images/a", DestStoreType: mq.StoreOSS}
		if m := receive(t, name, got); m != want {
			t.Errorf("%s: got %+v", name, m)
		}
	}
}

func TestNonsenseGoesToTheErrorQueue(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := b.options()
	var j journal
	o.Log = j.logger()
	q := b.open(o)
	got := make(chan mq.Message, 10)
	consume(t, q, 2, pass(got))
	bodies := []string{"", "hello", "[]", "{}", `{"FileHash":1}`, `{"FileHash":""}`, "\xff\x00", "null", strings.Repeat("x", 300_000)}
	for i, body := range bodies {
		b.send(o, amqp.Publishing{Body: []byte(body)})
		d := b.mustGet(o.ErrorQueue)
		if string(d.Body) != body {
			t.Errorf("%.20q was set aside for %.20q", d.Body, body)
		}
		if n := j.count("message moved to the error queue"); n != i+1 {
			t.Errorf("%.20q: %d lines of log for %d messages", body, n, i+1)
		}
	}
	publish(t, q, message(1))
	if m := receive(t, "a message", got); m != message(1) {
		t.Errorf("nonsense was delivered: %+v", m)
	}
}

// A held message keeps no worker, and is not lost where its consumer ends.
func TestAHeldMessageHoldsUpNothing(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := b.options()
	o.Delay = time.Hour
	q := b.open(o)
	const failing = 5
	var failed atomic.Int32
	got := make(chan mq.Message, 10)
	stop := consume(t, q, 1, func(_ context.Context, m mq.Message) error {
		if m.FileHash < message(failing).FileHash {
			failed.Add(1)
			return errors.New("not now")
		}
		got <- m
		return nil
	})
	for i := range failing + 1 {
		publish(t, q, message(i))
	}
	receive(t, "the message behind those that failed", got)
	if n := failed.Load(); n != failing {
		t.Errorf("%d messages failed, want %d", n, failing)
	}
	stop()
	consume(t, q, 1, pass(got))
	for range failing {
		receive(t, "a message that was held", got)
	}
}

func TestHeldMessagesComeAgainInTheirTime(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := b.options()
	o.Delay = 300 * time.Millisecond
	q := b.open(o)
	at := make(chan time.Time, 4)
	consume(t, q, 2, func(context.Context, mq.Message) error {
		at <- time.Now()
		return errors.New("no")
	})
	publish(t, q, message(1))
	before := receive(t, "the first delivery", at)
	for _, least := range []time.Duration{o.Delay, 4 * o.Delay, 16 * o.Delay} {
		now := receive(t, "the next delivery", at)
		if d := now.Sub(before); d < least-50*time.Millisecond {
			t.Errorf("it came after %v, want %v", d, least)
		}
		before = now
	}
	d := b.mustGet(o.ErrorQueue)
	if reason := deathReason(d); reason != "delivery_limit" {
		t.Errorf("set aside because of %q", reason)
	}
}

func deathReason(d amqp.Delivery) string {
	deaths, _ := d.Headers["x-death"].([]any)
	if len(deaths) == 0 {
		return ""
	}
	first, _ := deaths[0].(amqp.Table)
	reason, _ := first["reason"].(string)
	return reason
}

// A message that takes its consumer with it each time is set aside by the broker.
func TestAMessageThatKillsItsConsumers(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := newProxy(t, b.url)
	o := b.options()
	o.Deliveries = 3
	q := b.openAt(p.url, o)
	var deliveries atomic.Int32
	consume(t, q, 1, func(context.Context, mq.Message) error {
		deliveries.Add(1)
		p.cut()
		return nil // too late: the line is gone
	})
	eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(1)) })
	d := b.mustGet(o.ErrorQueue)
	if n := deliveries.Load(); n != 3 {
		t.Errorf("delivered %d times", n)
	}
	if reason := deathReason(d); reason != "delivery_limit" {
		t.Errorf("set aside because of %q", reason)
	}
}

func TestTheErrorQueueIsBounded(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := b.options()
	o.MaxErrors = 3
	q := b.open(o)
	var worked atomic.Int32
	stop := consume(t, q, 1, func(context.Context, mq.Message) error {
		worked.Add(1)
		return mq.ErrReject
	})
	for i := range 10 {
		publish(t, q, message(i))
	}
	eventually(t, "the end of the work", func() error {
		if worked.Load() < 10 {
			return errors.New("more to do")
		}
		return nil
	})
	stop()
	look := b.errors(o)
	eventually(t, "the newest in the error queue", func() error {
		e := look(t)
		if len(e) > 0 && e[len(e)-1] == message(9) {
			return nil
		}
		return errors.New("not yet")
	})
	if e := look(t); len(e) > 6 { // we took some out, perhaps, while more came
		t.Errorf("it held %d messages", len(e))
	}
}

func TestCloseEndsWorkAtHand(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := b.options()
	q := b.open(o)
	publish(t, q, message(1))
	err := q.Consume(t.Context(), 1, func(ctx context.Context, _ mq.Message) error {
		_ = q.Close()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, mq.ErrClosed) {
		t.Errorf("Consume = %v", err)
	}
	_ = q.Close()
	if _, ok := b.get(o.Queue); !ok {
		t.Error("the message was not given back")
	}
}
