package rabbit

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// conn is one connection. It is never mended: after a failure there is a new one.
type conn struct {
	*amqp.Connection
	socket  net.Conn
	timeout time.Duration
	closed  chan *amqp.Error // by the library, when the connection ends

	mu    sync.Mutex
	cause error // why we ended it
}

// dial opens a connection, within the timeout.
func (o Options) dial(ctx context.Context, url string) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	c := &conn{timeout: o.Timeout, closed: make(chan *amqp.Error, 1)}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(o.Name)
	var err error
	c.Connection, err = amqp.DialConfig(url, amqp.Config{
		Heartbeat:       o.Heartbeat,
		Properties:      properties,
		TLSClientConfig: o.TLS.Clone(),
		Dial: func(network, address string) (net.Conn, error) {
			socket, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			deadline, _ := ctx.Deadline()
			c.socket = timedConn{socket, o.Timeout}
			return c.socket, socket.SetDeadline(deadline) // until the connection is open; the library resets it
		},
	})
	if err != nil {
		c.hangUp()
		return nil, err
	}
	c.NotifyClose(c.closed)
	return c, nil
}

// timedConn gives each write a deadline. The library writes under locks that it needs to end a connection too, so on
// a line that takes no more bytes it would wait for as long as TCP tries.
type timedConn struct {
	net.Conn
	timeout time.Duration
}

func (c timedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// abort ends the connection at once, without a word to the broker, which may not listen.
func (c *conn) abort(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	c.hangUp()
}

func (c *conn) hangUp() {
	if c.socket != nil {
		_ = c.socket.Close()
	}
}

// over tells whether the connection has ended, or is about to.
func (c *conn) over() bool { return c.IsClosed() || c.why(nil) != nil }

// watch ends the connection when the broker closes a channel, and says when the channel has ended. A channel of ours is
// worth nothing without its fellows and what it declared, so all begins anew.
func (c *conn) watch(ch *amqp.Channel) (ended <-chan struct{}) {
	closed, done := ch.NotifyClose(make(chan *amqp.Error, 1)), make(chan struct{})
	go func() {
		defer close(done)
		if err := <-closed; err != nil {
			c.abort(err)
		}
	}()
	return done
}

// why says why the connection ended: err, if we did not end it ourselves.
func (c *conn) why(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return err
}

// end takes leave of the broker, so that all that was sent has been read.
func (c *conn) end() {
	_ = c.CloseDeadline(time.Now().Add(c.timeout)) // an error: it was gone already
	c.hangUp()
}

// within does a step that waits for the broker's answer. The library knows no time limit but the heartbeat.
func (c *conn) within(what string, step func() error) error {
	late := time.AfterFunc(c.timeout, func() {
		c.abort(fmt.Errorf("no response from the broker within %v: %s", c.timeout, what))
	})
	defer late.Stop()
	if err := step(); err != nil {
		return c.why(err)
	}
	return nil
}

// channel opens a channel and prepares it, or opens none.
func (c *conn) channel(what string, prepare func(*amqp.Channel) error) (*amqp.Channel, error) {
	var ch *amqp.Channel
	err := c.within(what, func() (err error) {
		if ch, err = c.Channel(); err != nil {
			return err
		}
		return prepare(ch)
	})
	if err != nil && ch != nil {
		c.drop(ch)
	}
	return ch, err
}

// drop closes a channel; the broker gives what is unsettled on it to others.
func (c *conn) drop(ch *amqp.Channel) {
	_ = c.within("close channel", ch.Close) // an error: it was closed already
}
