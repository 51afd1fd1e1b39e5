package redis

import (
	"context"

	"github.com/gomodule/redigo/redis"
)

// single is one Redis server.
type single struct {
	addr string
	pool *redis.Pool
}

func newSingle(d *dialer, addr string) *single { return &single{addr: addr, pool: d.pool(addr)} }

func (s *single) conn(ctx context.Context, _ string) (redis.Conn, error) {
	return s.pool.GetContext(ctx)
}

func (s *single) ready(c redis.Conn) error {
	_, err := c.Do("PING")
	return err
}

func (s *single) failed(func(func())) {}

func (s *single) masters() ([]string, error) { return []string{s.addr}, nil }

func (s *single) close() error { return s.pool.Close() }
