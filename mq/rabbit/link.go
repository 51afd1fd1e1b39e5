package rabbit

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// link keeps one connection to the broker up, for ever.
type link[T any] struct {
	open func(context.Context) (*conn, T, error) // dials and prepares
	opts Options
	log  *slog.Logger

	mu      sync.Mutex
	conn    *conn // nil while there is none
	what    T     // that the connection was prepared for
	err     error // the last attempt's; nil where none has ended since the connection was lost
	changed chan struct{}
}

func newLink[T any](o Options, use string, open func(context.Context) (*conn, T, error)) *link[T] {
	return &link[T]{
		open: open, opts: o, log: o.Log.With("queue", o.Queue, "for", use), changed: make(chan struct{}),
	}
}

// run connects again and again until ctx ends, and takes leave of the broker then.
func (l *link[T]) run(ctx context.Context) {
	wait := backoff{least: l.opts.MinBackoff, most: l.opts.MaxBackoff}
	said := outage{log: l.log}
	for {
		c, what, err := l.open(ctx)
		if err == nil {
			said.over()
			l.set(c, what, nil)
			began := time.Now()
			if err = c.last(ctx); err == nil {
				return
			}
			said.lost(err)
			if time.Since(began) >= l.opts.MaxBackoff { // it was good, so the next may be good at once
				wait.reset()
				l.set(nil, what, nil)
				continue
			}
		} else if ctx.Err() == nil {
			said.failed(err)
		}
		l.set(nil, what, err)
		if !wait.sleep(ctx) {
			return
		}
	}
}

// last waits for the end of the connection and returns its cause, or nil if ctx ended it.
func (c *conn) last(ctx context.Context) error {
	select {
	case <-ctx.Done():
		c.end()
		return nil
	case e := <-c.closed:
		c.hangUp()
		if e == nil {
			e = amqp.ErrClosed
		}
		return c.why(e)
	}
}

func (l *link[T]) set(c *conn, what T, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.what, l.err = c, what, err
	close(l.changed)
	l.changed = make(chan struct{})
}

// now returns the connection, or why there is none, or neither. The channel tells of the next change.
func (l *link[T]) now() (<-chan struct{}, *conn, T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && l.conn.over() {
		return l.changed, nil, l.what, nil
	}
	return l.changed, l.conn, l.what, l.err
}

// verdict returns the connection, or why there is none; it waits only for an attempt whose end is not known yet.
func (l *link[T]) verdict(ctx context.Context) (*conn, T, error) {
	for {
		changed, c, what, err := l.now()
		if c != nil || err != nil {
			return c, what, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, what, context.Cause(ctx)
		}
	}
}

// await waits for a connection until ctx ends, and returns what it was prepared for.
func (l *link[T]) await(ctx context.Context) (T, error) {
	for {
		changed, c, what, _ := l.now()
		if err := ctx.Err(); err != nil || c != nil {
			return what, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return what, ctx.Err()
		}
	}
}

// outage logs its beginning, a change of its kind, and its end, however many attempts there are.
type outage struct {
	log   *slog.Logger
	known bool
	shape bool // the broker answers, but the topology is wrong
}

func (o *outage) lost(err error) {
	o.log.Warn("broker connection lost", "err", err)
	o.known, o.shape = true, false
}

func (o *outage) failed(err error) {
	var topology *topologyError
	shape := errors.As(err, &topology)
	if o.known && o.shape == shape {
		return
	}
	o.known, o.shape = true, shape
	if shape {
		o.log.Error("could not declare the queue", "err", err)
		return
	}
	o.log.Warn("could not connect to the broker", "err", err)
}

func (o *outage) over() {
	o.log.Info("broker connected")
	o.known = false
}

// backoff is the pause between attempts: at random, so that many processes do not come back as one, from a range that
// grows.
type backoff struct {
	least, most, upTo time.Duration
}

func (b *backoff) next() time.Duration {
	b.upTo = min(max(2*b.upTo, 2*b.least), b.most)
	return b.least + rand.N(max(b.upTo-b.least, 0)+1)
}

func (b *backoff) reset() { b.upTo = 0 }

// sleep returns false if ctx ended first.
func (b *backoff) sleep(ctx context.Context) bool {
	t := time.NewTimer(b.next())
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
