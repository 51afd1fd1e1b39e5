package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gomodule/redigo/redis"
)

// listen is one connection's life: it has the server tell of expired keys and passes them on until the line is lost. It
// calls up when the server has begun to tell.
func (w *watch) listen(ctx context.Context, addr string, up func()) error {
	// The server answers each ping. Nothing for longer means that there is nobody any more.
	silence := w.db.pace.ping + w.db.options.Timeout
	c, err := w.db.dialer.dial(ctx, addr, silence)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := w.enable(ctx, c); err != nil {
		return err
	}
	ps := redis.PubSubConn{Conn: c}
	if err := ps.Subscribe(fmt.Sprintf("__keyevent@%d__:expired", w.db.dialer.db)); err != nil {
		return err
	}
	stop := w.ping(ps)
	defer stop()
	for {
		switch m := ps.ReceiveContext(ctx).(type) {
		case redis.Subscription:
			up()
		case redis.Message:
			w.tell(ctx, string(m.Data))
		case error:
			return m
		}
	}
}

// ping lets the server answer every so often. One that cannot be sent to is found out by reading.
func (w *watch) ping(ps redis.PubSubConn) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, w.db.pace.ping) {
			if ps.Ping("") != nil {
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// enable adds what is missing in the server's settings, for the other flags may be of use to others. Whether it may or
// not: an administrator may have set them.
func (w *watch) enable(ctx context.Context, c redis.Conn) error {
	flags, err := eventFlags(ctx, c)
	if missing := missingFlags(flags); err == nil && missing != "" {
		_, err = redis.DoContext(c, ctx, "CONFIG", "SET", "notify-keyspace-events", flags+missing)
	}
	var refused redis.Error
	if errors.As(err, &refused) && !unavailable(err) {
		w.readOnly.Do(func() {
			w.db.options.Log.Warn("redis: could not set notify-keyspace-events; set the flags E and x on the server", "err", err)
		})
		return nil
	}
	return err
}

func eventFlags(ctx context.Context, c redis.Conn) (string, error) {
	values, err := redis.Strings(redis.DoContext(c, ctx, "CONFIG", "GET", "notify-keyspace-events"))
	if err != nil || len(values) < 2 {
		return "", err
	}
	return values[1], nil
}

// missingFlags: E is for events by their name, x for expired keys, and A for all kinds of events.
func missingFlags(flags string) string {
	missing := ""
	if !strings.Contains(flags, "E") {
		missing += "E"
	}
	if !strings.ContainsAny(flags, "xA") {
		missing += "x"
	}
	return missing
}
