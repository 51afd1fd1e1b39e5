package redis

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
)

// How long a connection may rest before it is asked whether it is still good, and before it is closed.
const (
	restTime = 30 * time.Second
	idleTime = 4 * time.Minute
)

// A dialer makes the connections to all servers.
type dialer struct {
	options []redis.DialOption
	timeout time.Duration
	conns   int
	db      int
	doubted atomic.Int64 // connections that were last used before this time, in Unix nanoseconds, may be dead
}

func newDialer(a address, o Options) *dialer {
	return &dialer{
		timeout: o.Timeout, conns: o.Conns, db: a.db,
		options: []redis.DialOption{
			redis.DialUseTLS(a.tls), redis.DialTLSConfig(o.TLS), redis.DialTLSHandshakeTimeout(o.Timeout),
			redis.DialUsername(a.user), redis.DialPassword(a.password), redis.DialDatabase(a.db),
			// Less than a call has: in a cluster another server may know better.
			redis.DialConnectTimeout(o.Timeout / 2), redis.DialKeepAlive(restTime),
			redis.DialReadTimeout(o.Timeout), redis.DialWriteTimeout(o.Timeout),
			redis.DialClientName("blinkdrive"),
		},
	}
}

// dial makes a connection that belongs to the caller, whose reads may take as long as given.
func (d *dialer) dial(ctx context.Context, addr string, read time.Duration) (redis.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	options := append(d.options[:len(d.options):len(d.options)], redis.DialReadTimeout(read))
	return redis.DialContext(ctx, "tcp", addr, options...)
}

// pool makes the pool of a server's connections.
func (d *dialer) pool(addr string) *redis.Pool {
	return &redis.Pool{
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "tcp", addr, d.options...)
		},
		TestOnBorrowContext: func(ctx context.Context, c redis.Conn, used time.Time) error {
			if time.Since(used) < restTime && used.UnixNano() > d.doubted.Load() {
				return nil
			}
			_, err := redis.DoContext(c, ctx, "PING")
			return err
		},
		MaxActive: d.conns, MaxIdle: d.conns, IdleTimeout: idleTime, Wait: true,
	}
}

// doubt makes every connection that rests now prove itself before it is used again.
func (d *dialer) doubt() { d.doubted.Store(time.Now().UnixNano()) }
