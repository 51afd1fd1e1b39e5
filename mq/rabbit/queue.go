package rabbit

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/store"
)

// Queue is an mq.Queue.
type Queue struct {
	url     string
	opts    Options
	publish *link[*publisher]

	life    context.Context // until Close
	stop    context.CancelFunc
	mu      sync.Mutex
	running sync.WaitGroup
}

var _ mq.Queue = (*Queue)(nil)

// errURL says nothing of what was wrong: the URL has a password in it.
var errURL = errors.New("rabbit: invalid AMQP URL; use amqp://USER:PASSWORD@HOST:PORT/VHOST")

// Open makes a queue on the broker at url. It does not wait for the broker, which may be down; only what can never work
// is an error. The queue must be closed.
func Open(url string, opts Options) (*Queue, error) {
	if _, err := amqp.ParseURI(url); err != nil {
		return nil, errURL
	}
	q := &Queue{url: url, opts: opts.withDefaults()}
	q.life, q.stop = context.WithCancel(context.Background())
	q.publish = newLink(q.opts, "publishing", q.openPublisher)
	q.running.Go(func() { q.publish.run(q.life) })
	return q, nil
}

// begin counts a goroutine that Close must wait for, unless the queue is closed.
func (q *Queue) begin() (end func(), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.life.Err() != nil {
		return nil, mq.ErrClosed
	}
	q.running.Add(1)
	return q.running.Done, nil
}

// Close implements mq.Queue. It takes leave of the broker, except for the running calls of Consume, which do that.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.stop()
	q.mu.Unlock()
	q.running.Wait()
	return nil
}

// Check implements mq.Queue. It asks the broker.
func (q *Queue) Check(ctx context.Context) error {
	end, err := q.begin()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, q.opts.Timeout)
	defer cancel()
	c, p, err := q.publish.verdict(ctx)
	if err == nil {
		err = p.alarm()
	}
	if err != nil {
		end()
		return unavailable("check", err)
	}
	answer := make(chan error, 1)
	go func() { // the library cannot be told to stop waiting, but c gives up in time
		defer end()
		answer <- q.ask(c)
	}()
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return unavailable("check", err)
	}
	return nil
}

// ask has the broker confirm that what we publish to is there. If it is not, a new connection will make it.
func (q *Queue) ask(c *conn) error {
	ch, err := c.channel("check queue", func(ch *amqp.Channel) error {
		if err := ch.ExchangeDeclarePassive(q.opts.Exchange, amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
			return err
		}
		_, err := ch.QueueDeclarePassive(q.opts.Queue, true, false, false, false, nil)
		return err
	})
	if err != nil {
		c.abort(err)
		return err
	}
	c.drop(ch)
	return nil
}

// unavailable is the error of all that may go better later.
func unavailable(what string, err error) error {
	return fmt.Errorf("rabbit: %s: %w: %w", what, store.ErrUnavailable, err)
}
