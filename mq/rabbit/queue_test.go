package rabbit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/mq/mqtest"
	"github.com/blinkdrive/blinkdrive/mq/rabbit"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

func TestQueue(t *testing.T) {
	t.Parallel()
	mqtest.Queue(t, func(t *testing.T) mqtest.Harness {
		b := newBroker(t)
		o := b.options()
		o.Delay = 20 * time.Millisecond
		return mqtest.Harness{Queue: b.open(o), Errors: b.errors(o)}
	})
}

// broker is the shared server as one test sees it, with names of its own.
type broker struct {
	*testing.T
	url string
	ch  *amqp.Channel // of the test's own
}

func newBroker(t *testing.T) *broker {
	return brokerAt(t, storetest.Server(t, "BLINKDRIVE_TEST_AMQP_URL"))
}

func brokerAt(t *testing.T, url string) *broker {
	t.Helper()
	c, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{T: t, url: url}
	if b.ch, err = c.Channel(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return b
}

// options names a topology of the test's own, and removes it at the end.
func (b *broker) options() rabbit.Options {
	name := fmt.Sprintf("test.%016x", rand.Uint64())
	o := rabbit.Options{
		Exchange: name, RoutingKey: "oss", Queue: name + ".oss", ErrorQueue: name + ".oss.err",
		MinBackoff: 10 * time.Millisecond, MaxBackoff: 200 * time.Millisecond,
	}
	b.Cleanup(func() {
		for _, q := range []string{o.Queue, o.ErrorQueue} {
			if _, err := b.ch.QueueDelete(q, false, false, false); err != nil {
				b.Errorf("deleting %s: %v", q, err)
			}
		}
		if err := b.ch.ExchangeDelete(o.Exchange, false, false); err != nil {
			b.Errorf("deleting %s: %v", o.Exchange, err)
		}
	})
	return o
}

// open opens a queue at the server and waits until it is there.
func (b *broker) open(o rabbit.Options) *rabbit.Queue { return b.openAt(b.url, o) }

func (b *broker) openAt(url string, o rabbit.Options) *rabbit.Queue {
	b.Helper()
	q := open(b.T, url, o)
	eventually(b.T, "a queue that can be used", func() error { return q.Check(b.Context()) })
	return q
}

func open(t *testing.T, url string, o rabbit.Options) *rabbit.Queue {
	t.Helper()
	q, err := rabbit.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// errors returns a look into the error queue. It takes out what it finds, and remembers it.
func (b *broker) errors(o rabbit.Options) func(*testing.T) []mq.Message {
	var mu sync.Mutex
	var found []mq.Message
	return func(t *testing.T) []mq.Message {
		mu.Lock()
		defer mu.Unlock()
		for d, ok := b.get(o.ErrorQueue); ok; d, ok = b.get(o.ErrorQueue) {
			var m mq.Message
			if err := json.Unmarshal(d.Body, &m); err != nil {
				t.Errorf("in the error queue: %v", err)
			}
			found = append(found, m)
		}
		return append([]mq.Message(nil), found...)
	}
}

// get takes a message out of a queue.
func (b *broker) get(queue string) (amqp.Delivery, bool) {
	b.Helper()
	d, ok, err := b.ch.Get(queue, true)
	if err != nil {
		b.Fatal(err)
	}
	return d, ok
}

// mustGet waits for a message and takes it out of a queue.
func (b *broker) mustGet(queue string) amqp.Delivery {
	b.Helper()
	var d amqp.Delivery
	eventually(b.T, "a message in "+queue, func() error {
		var ok bool
		if d, ok = b.get(queue); !ok {
			return errors.New("it is empty")
		}
		return nil
	})
	return d
}

// eventually waits until ok returns nil.
func eventually(t *testing.T, what string, ok func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

func message(i int) mq.Message {
	return mq.Message{FileHash: fmt.Sprintf("%040x", i), CurLocation: "local://n1/x", DestLocation: "oss://b/x", DestStoreType: mq.StoreOSS}
}

func publish(t *testing.T, q *rabbit.Queue, ms ...mq.Message) {
	t.Helper()
	for _, m := range ms {
		if err := q.Publish(t.Context(), m); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
}

// consume runs a consumer until the test ends, or until stop is called, and returns stop.
func consume(t *testing.T, q *rabbit.Queue, workers int, fn func(context.Context, mq.Message) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := q.Consume(ctx, workers, fn); !errors.Is(err, context.Canceled) && !errors.Is(err, mq.ErrClosed) {
			t.Errorf("Consume: %v", err)
		}
	})
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

// pass is a consumer's function that hands on what it gets and settles it.
func pass(to chan<- mq.Message) func(context.Context, mq.Message) error {
	return func(_ context.Context, m mq.Message) error {
		to <- m
		return nil
	}
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
