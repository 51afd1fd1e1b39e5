package rabbit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/blinkdrive/blinkdrive/mq"
)

// maxHeld is how many messages of one consumer may wait for their next delivery; with more, workers wait with them.
const maxHeld = 500

// Consume implements mq.Queue.
func (q *Queue) Consume(ctx context.Context, workers int, fn func(context.Context, mq.Message) error) error {
	if q.life.Err() != nil {
		return mq.ErrClosed
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(q.life, stop)()
	c := &consumer{opts: q.opts, url: q.url, fn: fn, held: make(chan struct{}, maxHeld)}
	l := newLink(q.opts, "consuming", c.open)

	var link, running sync.WaitGroup
	life, hangUp := context.WithCancel(context.Background()) // the connection outlives the work, to settle it
	link.Go(func() { l.run(life) })
	for range max(workers, 1) {
		running.Go(func() {
			for s, err := l.await(work); err == nil; s, err = l.await(work) {
				s.serve(work)
			}
		})
	}
	running.Wait()
	c.holding.Wait()
	hangUp()
	link.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return mq.ErrClosed
}

// consumer is one call of Consume. Its workers outlive connections, so that work begun under an earlier one counts.
type consumer struct {
	opts    Options
	url     string
	fn      func(context.Context, mq.Message) error
	held    chan struct{} // as many as messages are held
	holding sync.WaitGroup
}

func (c *consumer) open(ctx context.Context) (*conn, *session, error) {
	conn, err := c.opts.dial(ctx, c.url)
	if err != nil {
		return nil, nil, err
	}
	s := &session{consumer: c, conn: conn, tags: make(map[string]bool)}
	s.ch, err = conn.channel("declare queue", func(ch *amqp.Channel) error {
		if err := c.opts.declare(ch); err != nil {
			return err
		}
		return ch.Qos(1, 0, false) // for each subscription
	})
	if err != nil {
		conn.end()
		return nil, nil, err
	}
	s.ended = conn.watch(s.ch)
	return conn, s, nil
}

// session is a consumer's time with one connection. All its subscriptions share one channel: with several the broker
// would hand what it takes back from the first to the next, which is about to end too, and count a delivery each time.
type session struct {
	*consumer
	conn  *conn
	ch    *amqp.Channel
	ended <-chan struct{} // when the channel has, and conn knows why

	mu    sync.Mutex // the channel takes one question at a time
	last  int
	tags  map[string]bool // subscriptions
	quiet bool            // there shall be no more
}

// errCancelled: the server ended a subscription, as it does when the queue is deleted.
var errCancelled = errors.New("subscription cancelled by the broker")

// serve works for one subscription, until it ends or is given up for a held message.
func (s *session) serve(ctx context.Context) {
	tag, deliveries, err := s.subscribe()
	if err != nil {
		s.fail(err)
		return
	}
	for {
		select {
		case <-ctx.Done():
			s.hush()
			return
		case d, ok := <-deliveries:
			if !ok {
				s.fail(errCancelled)
				return
			}
			if ctx.Err() == nil && s.handle(ctx, tag, d) {
				return
			}
		}
	}
}

func (s *session) subscribe() (tag string, deliveries <-chan amqp.Delivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet {
		return "", nil, errCancelled
	}
	s.last++
	tag = fmt.Sprintf("worker-%d", s.last)
	err = s.conn.within("subscribe", func() (err error) {
		deliveries, err = s.ch.Consume(s.opts.Queue, tag, false, false, false, false, nil)
		return err
	})
	if err == nil {
		s.tags[tag] = true
	}
	return tag, deliveries, err
}

// unsubscribe ends a subscription; what was delivered to it stays to be settled.
func (s *session) unsubscribe(tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel(tag)
}

func (s *session) cancel(tag string) {
	if s.tags[tag] {
		delete(s.tags, tag)
		// An error: the channel is gone, and all subscriptions with it.
		_ = s.conn.within("cancel subscription", func() error { return s.ch.Cancel(tag, false) })
	}
}

// hush ends all subscriptions, for a consumer that stops. Only then may it give messages back, or they would come to
// its other workers.
func (s *session) hush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = true
	for tag := range s.tags {
		s.cancel(tag)
	}
}

// fail ends the session, unless it was hushed or has ended for a better reason.
func (s *session) fail(err error) {
	if s.ch.IsClosed() {
		<-s.ended
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.quiet {
		s.conn.abort(err)
	}
}

// handle has the message worked on and settles it. It returns true if the message is held and the subscription over.
//
// A message that failed is rejected and one that was not tried to the end is given back by a nack: since RabbitMQ 4.3 only
// the first counts towards the delivery limit, before that both did. An error in settling means that the channel is
// gone and the message with it, to be delivered again.
func (s *session) handle(ctx context.Context, tag string, d amqp.Delivery) (held bool) {
	m, err := parse(d.Body)
	if err == nil {
		err = s.fn(ctx, m)
	}
	if ctx.Err() != nil {
		s.hush()
	}
	before := deliveriesBefore(d)
	switch {
	case err == nil:
		_ = d.Ack(false)
	case ctx.Err() != nil: // the consumer was stopped, which says nothing about the message
		_ = d.Nack(false, true)
	case errors.Is(err, mq.ErrReject):
		s.setAside(m, d, err)
		_ = d.Reject(false)
	case before+1 >= s.opts.Deliveries:
		s.setAside(m, d, err)
		_ = d.Reject(true) // the broker counts, and sets it aside
	default:
		return s.hold(ctx, tag, d, s.opts.Delay<<min(2*before, 10))
	}
	return false
}

func (s *session) setAside(m mq.Message, d amqp.Delivery, err error) {
	s.opts.Log.Warn("message moved to the error queue", "queue", s.opts.Queue, "digest", fmt.Sprintf("%.40s", m.FileHash), "bytes", len(d.Body), "err", err)
}

// parse reads a message from whoever sent it: only the body counts.
func parse(body []byte) (mq.Message, error) {
	m, err := mq.ParseMessage(body)
	if err != nil {
		return m, fmt.Errorf("%w: %w", mq.ErrReject, err)
	}
	if m.FileHash == "" {
		return m, fmt.Errorf("%w: no FileHash", mq.ErrReject)
	}
	return m, nil
}

// deliveriesBefore is the broker's count.
func deliveriesBefore(d amqp.Delivery) int {
	n, _ := d.Headers["x-delivery-count"].(int64) // none the first time
	return int(max(0, min(n, 1_000)))
}

// hold keeps a message unsettled for a while, aside from the worker.
func (s *session) hold(ctx context.Context, tag string, d amqp.Delivery, delay time.Duration) bool {
	select {
	case s.held <- struct{}{}:
	case <-s.ended:
		return true
	case <-ctx.Done():
		s.hush()
		_ = d.Nack(false, true)
		return false
	}
	s.unsubscribe(tag)
	s.holding.Go(func() {
		defer func() { <-s.held }()
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			_ = d.Reject(true)
		case <-s.ended:
		case <-ctx.Done():
			s.hush()
			_ = d.Nack(false, true)
		}
	})
	return true
}
