package rabbit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/mq/rabbit"
	"github.com/blinkdrive/blinkdrive/store"
)

// journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) count(s string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), s)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// mustFail asks for an error that means "later", and soon.
func mustFail(t *testing.T, within time.Duration, what string, do func() error) error {
	t.Helper()
	began := time.Now()
	err := do()
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%s = %v, want ErrUnavailable", what, err)
	}
	if d := time.Since(began); d > within {
		t.Errorf("%s took %v to fail", what, d)
	}
	return err
}

func TestABrokerThatIsDown(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := newProxy(t, b.url)
	p.refuse(true)
	var j journal
	o := b.options()
	o.Log = j.logger()
	q := open(t, p.url, o)
	got := make(chan mq.Message, 1)
	consume(t, q, 2, pass(got))
	for range 20 {
		err := mustFail(t, 4*time.Second, "Publish", func() error { return q.Publish(t.Context(), message(1)) })
		if strings.Contains(err.Error(), password(t, b.url)) {
			t.Errorf("the password is in %q", err)
		}
		mustFail(t, 4*time.Second, "Check", func() error { return q.Check(t.Context()) })
		time.Sleep(20 * time.Millisecond) // so that there are some attempts
	}
	if n := j.count("could not connect to the broker"); n != 2 { // by the publisher and by the consumer
		t.Errorf("%d attempts were logged, want the first of each", n)
	}
	p.refuse(false)
	eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(2)) })
	if m := receive(t, "the message", got); m != message(2) {
		t.Errorf("got %v, which was reported as failed", m)
	}
	if j.count(password(t, b.url)+"@") != 0 {
		t.Error("the password was logged")
	}
}

func password(t *testing.T, url string) string {
	t.Helper()
	u, err := amqp.ParseURI(url)
	if err != nil {
		t.Fatal(err)
	}
	return ":" + u.Password
}

func TestPublishingThroughCuts(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := newProxy(t, b.url)
	q := b.openAt(p.url, b.options())
	var mu sync.Mutex
	confirmed, seen := make(map[mq.Message]bool), make(map[mq.Message]bool)
	consume(t, q, 4, func(_ context.Context, m mq.Message) error {
		mu.Lock()
		defer mu.Unlock()
		seen[m] = true
		return nil
	})
	stop, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := g; stop.Err() == nil; i += 8 {
				err := q.Publish(t.Context(), message(i))
				if err != nil && !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("Publish = %v", err)
				}
				if err != nil {
					time.Sleep(5 * time.Millisecond)
					continue
				}
				mu.Lock()
				confirmed[message(i)] = true
				mu.Unlock()
			}
		})
	}
	for range 5 {
		time.Sleep(150 * time.Millisecond)
		p.cut()
	}
	eventually(t, "the broker", func() error { return q.Check(t.Context()) })
	cancel()
	wg.Wait()
	if len(confirmed) == 0 {
		t.Fatal("nothing was confirmed")
	}
	eventually(t, "all that was confirmed", func() error {
		mu.Lock()
		defer mu.Unlock()
		for m := range confirmed {
			if !seen[m] {
				return errors.New(m.FileHash + " is missing")
			}
		}
		return nil
	})
}

// A worker finishes after its connection was cut, while others have the new one.
func TestALateAckReachesNothing(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := newProxy(t, b.url)
	q := b.openAt(p.url, b.options())
	type work struct {
		m   mq.Message
		end chan error
	}
	began := make(chan work, 10)
	stop := consume(t, q, 2, func(ctx context.Context, m mq.Message) error {
		w := work{m, make(chan error)}
		began <- w
		select {
		case err := <-w.end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	publish(t, q, message(1))
	first := receive(t, "the first message", began)
	p.cut()
	again := receive(t, "the first message again", began)
	if again.m != message(1) {
		t.Fatalf("%v came again", again.m)
	}
	first.end <- nil // has the delivery tag that the other has, on another channel
	eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(2)) })
	second := receive(t, "the second message", began)
	stop() // gives both back
	_ = second
	got := make(chan mq.Message, 2)
	consume(t, q, 1, pass(got))
	if x, y := receive(t, "a message", got), receive(t, "a message", got); x == y {
		t.Errorf("%v came twice, and the other was acknowledged by nobody", x)
	}
}

func TestAStalledLine(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := newProxy(t, b.url)
	o := b.options()
	o.Timeout = time.Second
	q := b.openAt(p.url, o)
	got := make(chan mq.Message, 100)
	stop := consume(t, q, 2, pass(got))
	publish(t, q, message(1))
	receive(t, "the message", got)
	p.stall(true)
	mustFail(t, 10*time.Second, "Publish", func() error { return q.Publish(t.Context(), message(2)) })
	mustFail(t, 10*time.Second, "Check", func() error { return q.Check(t.Context()) })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := q.Publish(ctx, message(2)); err == nil {
		t.Error("Publish confirmed what cannot be known")
	}
	began := time.Now()
	stop()
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("the consumer took %v to end", d)
	}
	p.stall(false)
	consume(t, q, 2, pass(got))
	eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(3)) })
	for receive(t, "the message", got) != message(3) { // what failed may have come through
	}
}

// Without anything to send, only the heartbeat tells that nobody is there any more.
func TestASilentLine(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := newProxy(t, b.url)
	var j journal
	o := b.options()
	o.Heartbeat, o.Log = time.Second, j.logger()
	q := b.openAt(p.url, o)
	got := make(chan mq.Message, 10)
	consume(t, q, 1, pass(got))
	publish(t, q, message(1))
	receive(t, "the message", got)
	p.stall(true)
	eventually(t, "both to notice", func() error {
		if n := j.count("broker connection lost"); n < 2 {
			return errors.New("not yet")
		}
		return nil
	})
	p.stall(false)
	goesThrough(t, q, 2, got)
}

func TestAContextEndsAPublish(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	p := newProxy(t, b.url)
	q := b.openAt(p.url, b.options())
	p.stall(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := q.Publish(ctx, message(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Publish = %v", err)
	}
	p.stall(false)
	eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(2)) })
}

func TestThingsDeletedUnderUs(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*broker, rabbit.Options) error{
		"the queue": func(b *broker, o rabbit.Options) error {
			_, err := b.ch.QueueDelete(o.Queue, false, false, false)
			return err
		},
		"the exchange": func(b *broker, o rabbit.Options) error { return b.ch.ExchangeDelete(o.Exchange, false, false) },
		"the binding": func(b *broker, o rabbit.Options) error {
			return b.ch.QueueUnbind(o.Queue, o.RoutingKey, o.Exchange, nil)
		},
		"all": func(b *broker, o rabbit.Options) error {
			_, err := b.ch.QueueDelete(o.Queue, false, false, false)
			_, err2 := b.ch.QueueDelete(o.ErrorQueue, false, false, false)
			return errors.Join(err, err2, b.ch.ExchangeDelete(o.Exchange, false, false))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t)
			o := b.options()
			q := b.open(o)
			if name != "the queue" && name != "all" { // a consumer declares it again, perhaps before we publish
				if err := harm(b, o); err != nil {
					t.Fatal(err)
				}
				mustFail(t, 4*time.Second, "Publish", func() error { return q.Publish(t.Context(), message(1)) })
			}
			got := make(chan mq.Message, 10)
			consume(t, q, 3, pass(got))
			eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(2)) })
			receive(t, "a message", got)
			if err := harm(b, o); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a message that goes through", func() error {
				if err := q.Publish(t.Context(), message(3)); err != nil {
					return err
				}
				select {
				case <-got:
					return nil
				case <-time.After(time.Second):
					return errors.New("it did not come")
				}
			})
		})
	}
}

func TestAQueueOfAnotherKind(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := b.options()
	var j journal
	o.Log = j.logger()
	if _, err := b.ch.QueueDeclare(o.Queue, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	q := open(t, b.url, o)
	got := make(chan mq.Message, 1)
	consume(t, q, 2, pass(got))
	for range 3 {
		err := mustFail(t, 4*time.Second, "Publish", func() error { return q.Publish(t.Context(), message(1)) })
		if !strings.Contains(err.Error(), o.Queue) || !strings.Contains(err.Error(), "delete it") {
			t.Errorf("it does not help to say %q", err)
		}
		mustFail(t, 4*time.Second, "Check", func() error { return q.Check(t.Context()) })
		time.Sleep(100 * time.Millisecond)
	}
	if n := j.count("could not declare the queue"); n != 2 {
		t.Errorf("%d attempts were logged, want the first of the publisher's and of the consumer's", n)
	}
	if _, err := b.ch.QueueDelete(o.Queue, false, false, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the broker", func() error { return q.Publish(t.Context(), message(2)) })
	receive(t, "the message", got)
}

func TestOpenRefusesWhatIsNoURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "redis://127.0.0.1/", "amqp://app:s%zecret@h/", "amqp://app:secret@h:port/", "://secret"} {
		q, err := rabbit.Open(url, rabbit.Options{})
		if err == nil {
			_ = q.Close()
			t.Errorf("%q was taken", url)
		} else if strings.Contains(err.Error(), "ecret") {
			t.Errorf("the password is in %q", err)
		}
	}
}
