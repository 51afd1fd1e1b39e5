package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// A Redis is one server. What it has acknowledged survives Kill, not a power cut. It sends key events.
type Redis struct {
	*Servers
	Process *Process
}

// A RedisCluster is three masters without replicas, which share all keys.
type RedisCluster struct {
	*Servers
	Masters []*Process
}

// StartRedis starts a server in a folder of its own below dir (empty: where temporary files are kept).
func StartRedis(ctx context.Context, dir string) (*Redis, error) {
	s, err := newRedis(dir, "redis")
	if err != nil {
		return nil, err
	}
	r := &Redis{Servers: s}
	r.Process, err = s.redis("redis")
	if err == nil {
		err = s.Start(ctx)
	}
	if err := s.closeOn(err); err != nil {
		return nil, err
	}
	return r, nil
}

// StartRedisCluster starts a cluster likewise.
func StartRedisCluster(ctx context.Context, dir string) (*RedisCluster, error) {
	s, err := newRedis(dir, "redis-cluster")
	if err != nil {
		return nil, err
	}
	c := &RedisCluster{Servers: s}
	if err := s.closeOn(c.start(ctx)); err != nil {
		return nil, err
	}
	return c, nil
}

func newRedis(dir, name string) (*Servers, error) {
	if err := Need(ForRedis); err != nil {
		return nil, err
	}
	return newServers(dir, name)
}

// redis adds one server. It writes its log of commands before it answers and leaves syncing to the kernel; it makes no
// snapshots and rewrites nothing, which would be done by a child.
func (s *Servers) redis(name string, args ...string) (*Process, error) {
	addr, err := s.ports.addr()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.path(name), 0o700); err != nil {
		return nil, fmt.Errorf("testenv: %w", err)
	}
	host, port, _ := strings.Cut(addr, ":")
	argv := []string{
		program("redis-server"), "--bind", host, "--port", port, "--dir", s.path(name), "--save", "", "--appendonly", "yes",
		"--appendfsync", "no", "--auto-aof-rewrite-percentage", "0", "--notify-keyspace-events", "KEA", "--set-proc-title", "no",
	}
	return s.add(&Process{Name: name, Addr: addr, argv: append(argv, args...), ready: func(ctx context.Context) error {
		return redisSays(ctx, addr, "PONG", "PING")
	}}), nil
}

const redisSlots = 16384

func (c *RedisCluster) start(ctx context.Context) error {
	var bus []string
	for i := range 3 {
		port, err := c.ports.take(1)
		if err != nil {
			return err
		}
		bus = append(bus, strconv.Itoa(port))
		p, err := c.redis("master"+strconv.Itoa(i+1), "--cluster-enabled", "yes", "--cluster-port", bus[i],
			"--cluster-node-timeout", "2000")
		if err != nil {
			return err
		}
		c.Masters = append(c.Masters, p)
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	for i, p := range c.Masters {
		first, next := i*redisSlots/len(c.Masters), (i+1)*redisSlots/len(c.Masters)
		err := errors.Join(
			redisSays(ctx, p.Addr, "OK", "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(next-1)),
			redisSays(ctx, p.Addr, "OK", "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)), // refused when it knows others
		)
		if err != nil {
			return fmt.Errorf("testenv: %s: %w", p.Name, err)
		}
	}
	if err := c.meet(ctx, bus); err != nil {
		return err
	}
	c.joined = c.complete
	return c.join(ctx)
}

// meet tells each master of every other, which is quicker than hearsay.
func (c *RedisCluster) meet(ctx context.Context, bus []string) error {
	for _, p := range c.Masters {
		for i, other := range c.Masters {
			if other == p {
				continue
			}
			host, port, _ := strings.Cut(other.Addr, ":")
			if err := redisSays(ctx, p.Addr, "OK", "CLUSTER", "MEET", host, port, bus[i]); err != nil {
				return fmt.Errorf("testenv: %s: %w", p.Name, err)
			}
		}
	}
	return nil
}

// complete returns nil when each master knows where every key is.
func (c *RedisCluster) complete(ctx context.Context) error {
	for _, p := range c.Masters {
		info, err := redisDo(ctx, p.Addr, "CLUSTER", "INFO")
		if err != nil {
			return err
		}
		for _, line := range []string{"cluster_state:ok", "cluster_known_nodes:3", "cluster_size:3"} {
			if !strings.Contains(info, line+"\r\n") {
				return fmt.Errorf("%s has no %s", p.Addr, line)
			}
		}
	}
	return nil
}

// URL returns the address with its scheme and the database 0.
func (r *Redis) URL() string { return "redis://" + r.Process.Addr + "/0" }

// URL returns the addresses of all masters with a scheme before them.
func (c *RedisCluster) URL() string {
	var addrs []string
	for _, p := range c.Masters {
		addrs = append(addrs, p.Addr)
	}
	return "redis://" + strings.Join(addrs, ",")
}

// FlushAll makes the server forget everything, as an operator could at any moment.
func (r *Redis) FlushAll(ctx context.Context) error { return r.flush(ctx) }

// FlushAll makes all masters forget everything.
func (c *RedisCluster) FlushAll(ctx context.Context) error { return c.flush(ctx) }

func (s *Servers) flush(ctx context.Context) error {
	errs := make([]error, len(s.all))
	var wg sync.WaitGroup
	for i, p := range s.all {
		wg.Go(func() { errs[i] = redisSays(ctx, p.Addr, "OK", "FLUSHALL") })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	return nil
}

func redisSays(ctx context.Context, addr, want string, command ...string) error {
	got, err := redisDo(ctx, addr, command...)
	if err == nil && got != want {
		err = fmt.Errorf("it answers %q", got)
	}
	return err
}

// redisDo sends one command, of words without blanks, and returns a simple or a bulk string.
func redisDo(ctx context.Context, addr string, command ...string) (string, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, strings.Join(command, " ")+"\r\n"); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	rest := strings.TrimSpace(line[1:])
	switch line[0] {
	case '+':
		return rest, nil
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return "", errors.Join(err, errors.New("no such value"))
		}
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		return string(b), err
	default:
		return "", fmt.Errorf("it answers %s", strings.TrimSpace(line))
	}
}
