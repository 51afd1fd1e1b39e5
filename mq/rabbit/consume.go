package rabbit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
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
	c := &consumer{opts: q.opts, fn: fn, held: make(chan struct{}, maxHeld)}
	c.log = q.opts.Log.With("queue", q.opts.Queue)
	c.link = newLink(q.opts, "consuming", func(ctx context.Context) (*conn, struct{}, error) {
		c, err := q.opts.dial(ctx, q.url)
		return c, struct{}{}, err
	})

	var link, running sync.WaitGroup
	life, hangUp := context.WithCancel(context.Background()) // the connection outlives the work, to settle it
	link.Go(func() { c.link.run(life) })
	for range max(workers, 1) {
		running.Go(func() { c.work(work) })
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

// consumer is one call of Consume.
type consumer struct {
	link *link[struct{}]
	opts Options
	log  *slog.Logger
	fn   func(context.Context, mq.Message) error

	held    chan struct{} // as many as messages are held
	holding sync.WaitGroup
	broken  atomic.Bool // the broker is there, but gives us no messages
	turn    sync.Mutex  // to subscribe: not all workers at once declare a queue that is gone
}

// work is one worker. It outlives connections, so that work begun under an earlier one counts as well.
func (c *consumer) work(ctx context.Context) {
	wait := backoff{least: c.opts.MinBackoff, most: c.opts.MaxBackoff}
	for {
		conn, err := c.link.await(ctx)
		if err != nil {
			return
		}
		l, err := c.subscribe(conn)
		if err == nil {
			err = l.serve(ctx)
		}
		if l != nil && l.served {
			wait.reset()
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil || conn.IsClosed() {
			continue // a new channel, or a new connection, which has a pause of its own
		}
		if c.broken.CompareAndSwap(false, true) {
			c.log.Warn("broker gives no messages", "err", err)
		}
		if !wait.sleep(ctx) {
			return
		}
	}
}

// lane is a worker's channel with its subscription.
type lane struct {
	*consumer
	conn       *conn
	ch         *amqp.Channel
	closed     chan *amqp.Error
	deliveries <-chan amqp.Delivery
	served     bool // a message has come
}

// tag names the subscription within its channel.
const tag = "worker"

func (c *consumer) subscribe(conn *conn) (*lane, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	l := &lane{consumer: c, conn: conn}
	var err error
	l.ch, err = conn.channel("subscribing to the queue", func(ch *amqp.Channel) error {
		if err := c.opts.declare(ch); err != nil {
			return err
		}
		if err := ch.Qos(1, 0, false); err != nil {
			return err
		}
		l.closed = ch.NotifyClose(make(chan *amqp.Error, 1))
		var err error
		l.deliveries, err = ch.Consume(c.opts.Queue, tag, false, false, false, false, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.broken.CompareAndSwap(true, false) {
		c.log.Info("broker gives messages again")
	}
	return l, nil
}

// errCancelled: the server ended the subscription, as it does when the queue is deleted.
var errCancelled = errors.New("subscription cancelled by the broker")

// serve works until the subscription ends or is given up for a held message.
func (l *lane) serve(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			l.conn.drop(l.ch)
			return nil
		case d, ok := <-l.deliveries:
			if !ok {
				return l.end()
			}
			if ctx.Err() != nil {
				continue
			}
			l.served = true
			if l.handle(ctx, d) {
				return nil
			}
		}
	}
}

// end says why no more messages come.
func (l *lane) end() error {
	l.conn.drop(l.ch)
	if err := <-l.closed; err != nil {
		return l.conn.why(err)
	}
	return errCancelled
}

// handle has the message worked on and settles it. It returns true if the message is held, and the lane with it.
//
// An error in settling means that the channel is gone and the message with it, to be delivered again.
func (l *lane) handle(ctx context.Context, d amqp.Delivery) (held bool) {
	m, err := parse(d.Body)
	if err == nil {
		err = l.fn(ctx, m)
	}
	before := deliveriesBefore(d)
	switch {
	case err == nil:
		_ = d.Ack(false)
	case ctx.Err() != nil: // the consumer was stopped, which says nothing about the message
		_ = d.Nack(false, true)
	case errors.Is(err, mq.ErrReject):
		l.setAside(m, d, err)
		_ = d.Nack(false, false)
	case before+1 >= l.opts.Deliveries:
		l.setAside(m, d, err)
		_ = d.Nack(false, true) // the broker counts, and sets it aside
	default:
		return l.hold(ctx, d, l.opts.Delay<<min(2*before, 10))
	}
	return false
}

func (l *lane) setAside(m mq.Message, d amqp.Delivery, err error) {
	l.log.Warn("message set aside", "digest", m.FileHash, "bytes", len(d.Body), "err", err)
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
func (l *lane) hold(ctx context.Context, d amqp.Delivery, delay time.Duration) bool {
	select {
	case l.held <- struct{}{}:
	case <-ctx.Done():
		_ = d.Nack(false, true)
		return false
	}
	// An error: the channel is gone, and so will be the hold.
	_ = l.conn.within("ending a subscription", func() error { return l.ch.Cancel(tag, false) })
	l.holding.Go(func() {
		defer func() { <-l.held }()
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-l.closed:
		}
		_ = d.Nack(false, true)
		l.conn.drop(l.ch)
	})
	return true
}
