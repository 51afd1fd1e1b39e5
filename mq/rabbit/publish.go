package rabbit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/blinkdrive/blinkdrive/mq"
)

// Publish implements mq.Queue. It may take as long as Options.Timeout; every error but that of a closed queue or an
// ended ctx wraps store.ErrUnavailable.
func (q *Queue) Publish(ctx context.Context, m mq.Message) error {
	if q.life.Err() != nil {
		return mq.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("rabbit: publish: %w", err)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("rabbit: message: %w", err)
	}
	limit, cancel := context.WithTimeoutCause(ctx, q.opts.Timeout, errSlow)
	defer cancel()
	_, p, err := q.publish.verdict(limit)
	if err == nil {
		err = p.send(limit, body)
	}
	switch {
	case err == nil:
		return nil
	case q.life.Err() != nil:
		return mq.ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("rabbit: publish: %w", ctx.Err())
	}
	return unavailable("publish", err)
}

var (
	errSlow      = errors.New("no response from the broker in time")
	errBlocked   = errors.New("publishing blocked by the broker")
	errNack      = errors.New("message refused by the broker")
	errUnrouted  = errors.New("message not routed: no queue is bound")
	errUnsettled = errors.New("connection closed before the broker confirmed the message")
)

// publisher is a channel in confirm mode on a connection that is used for nothing else, since a broker in need stops
// reading from those that publish.
type publisher struct {
	conn *conn
	ch   *amqp.Channel
	opts Options
	last atomic.Uint64 // message ID

	returns chan amqp.Return // unbuffered, see listen
	fence   chan struct{}    // likewise
	blocks  chan amqp.Blocking
	gone    chan struct{}   // closed when listen has ended
	ended   <-chan struct{} // closed when the channel has, and conn knows why

	mu      sync.Mutex
	pending map[string]bool // message ID: returned?
	blocked chan struct{}   // closed while the broker takes nothing
	reason  string          // of that
}

func (q *Queue) openPublisher(ctx context.Context) (*conn, *publisher, error) {
	c, err := q.opts.dial(ctx, q.url)
	if err != nil {
		return nil, nil, err
	}
	ch, err := c.channel("declare queue", func(ch *amqp.Channel) error {
		if err := q.opts.declare(ch); err != nil {
			return err
		}
		return ch.Confirm(false)
	})
	if err != nil {
		c.end()
		return nil, nil, err
	}
	p := &publisher{
		conn: c, ch: ch, opts: q.opts,
		returns: ch.NotifyReturn(make(chan amqp.Return)),
		blocks:  c.NotifyBlocked(make(chan amqp.Blocking)),
		fence:   make(chan struct{}),
		gone:    make(chan struct{}),
		ended:   c.watch(ch),
		pending: make(map[string]bool),
		blocked: make(chan struct{}),
	}
	go p.listen()
	return c, p, nil
}

// listen notes what the broker says besides its confirmations. It takes one thing at a time from channels without a
// buffer, and the library hands over a message's return before it looks at the confirmation; so a publisher that has its
// confirmation and passes the fence knows that a return of its message has been noted.
func (p *publisher) listen() {
	defer close(p.gone)
	blocks := p.blocks
	for {
		select {
		case r, ok := <-p.returns:
			if !ok {
				return // so has the connection
			}
			p.mu.Lock()
			if _, ok := p.pending[r.MessageId]; ok {
				p.pending[r.MessageId] = true
			}
			p.mu.Unlock()
		case b, ok := <-blocks:
			if !ok {
				blocks = nil
				continue
			}
			p.block(b)
		case <-p.fence:
		}
	}
}

func (p *publisher) block(b amqp.Blocking) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.reason != ""
	switch {
	case b.Active && !was:
		p.reason = cmp.Or(b.Reason, "no reason given")
		close(p.blocked)
		p.opts.Log.Warn("publishing blocked by the broker", "queue", p.opts.Queue, "reason", p.reason)
	case !b.Active && was:
		p.reason = ""
		p.blocked = make(chan struct{})
		p.opts.Log.Info("publishing unblocked by the broker", "queue", p.opts.Queue)
	}
}

// alarm returns an error while the broker takes nothing.
func (p *publisher) alarm() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason != "" {
		return fmt.Errorf("%w: %s", errBlocked, p.reason)
	}
	return nil
}

// send publishes a message and waits for its confirmation.
func (p *publisher) send(ctx context.Context, body []byte) error {
	id, blocked, err := p.expect()
	if err != nil {
		return err
	}
	defer p.forget(id)
	confirmed, err := p.ch.PublishWithDeferredConfirm(p.opts.Exchange, p.opts.RoutingKey, true, false, amqp.Publishing{
		ContentType: "application/json", DeliveryMode: amqp.Persistent, MessageId: id, Timestamp: time.Now(), Body: body,
	})
	if err != nil {
		p.conn.abort(err) // part of a frame may have gone out
		return p.conn.why(err)
	}
	select {
	case <-confirmed.Done():
	case <-blocked:
		return errBlocked
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errSlow) {
			p.conn.abort(errSlow) // a stalled line; the next ones need not find out for themselves
		}
		return context.Cause(ctx)
	}
	return p.verdict(id, confirmed.Acked())
}

// expect registers a message that is about to be published.
func (p *publisher) expect() (id string, blocked <-chan struct{}, err error) {
	if err := p.alarm(); err != nil {
		return "", nil, err
	}
	id = strconv.FormatUint(p.last.Add(1), 36)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[id] = false
	return id, p.blocked, nil
}

func (p *publisher) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, id)
}

// verdict tells what became of a message whose confirmation, or the end of the connection, has come.
func (p *publisher) verdict(id string, ack bool) error {
	if !ack && p.ch.IsClosed() {
		<-p.ended
		return p.conn.why(errUnsettled)
	}
	if !ack {
		return errNack
	}
	select {
	case p.fence <- struct{}{}:
	case <-p.gone:
	}
	p.mu.Lock()
	returned := p.pending[id]
	p.mu.Unlock()
	if returned {
		p.conn.abort(errUnrouted) // a new connection declares the topology again
		return errUnrouted
	}
	return nil
}
