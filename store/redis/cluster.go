package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/mna/redisc"
)

const (
	// redirects bounds how often one command is sent on. A script that is not known where its slot is moving to takes five.
	redirects = 8
	// refreshPause is the least time between two looks at the cluster's layout because of failed calls.
	refreshPause = time.Second
)

// cluster is a Redis Cluster. redisc learns of moved slots from answers; of a server that answers nothing any more, and
// of a cluster whose servers all have other addresses now, it learns only by asking, which failed starts.
type cluster struct {
	dialer  *dialer
	startup []string

	mu        sync.Mutex
	closed    bool
	redisc    *redisc.Cluster
	refreshed time.Time // when the last look began
	owners    []string  // as the last look saw them; replaced, never changed
}

func newCluster(d *dialer, startup []string) *cluster {
	c := &cluster{dialer: d, startup: startup}
	c.redisc = c.fresh()
	return c
}

// fresh knows nothing but the addresses that were configured.
func (c *cluster) fresh() *redisc.Cluster {
	return &redisc.Cluster{
		StartupNodes: c.startup,
		CreatePool: func(addr string, _ ...redis.DialOption) (*redis.Pool, error) {
			return c.dialer.pool(addr), nil
		},
		PoolWaitTime:  c.dialer.timeout,
		LayoutRefresh: c.learn,
	}
}

func (c *cluster) now() *redisc.Cluster {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.redisc
}

func (c *cluster) conn(_ context.Context, key string) (redis.Conn, error) {
	conn := c.now().Get()
	var keys []string
	if key != "" {
		keys = []string{key}
	}
	// Without this the first argument of EVALSHA would be taken for the key.
	if err := redisc.BindConn(conn, keys...); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return redisc.RetryConn(conn, redirects, refreshPause/10)
}

// ready: a cluster that lacks slots refuses all commands, or not, as it is configured; its state says so.
func (c *cluster) ready(conn redis.Conn) error {
	info, err := redis.String(conn.Do("CLUSTER", "INFO"))
	if err != nil {
		return err
	}
	if !strings.Contains(info, "cluster_state:ok") {
		return redis.Error("CLUSTERDOWN the cluster's state is not ok")
	}
	return nil
}

func (c *cluster) failed(run func(func())) {
	c.mu.Lock()
	due := time.Since(c.refreshed) >= refreshPause
	if due {
		c.refreshed = time.Now()
	}
	c.mu.Unlock()
	if due {
		run(func() { _ = c.refresh() }) // the next failure asks again
	}
}

// refresh asks for the layout. Where no known server answers, the configured ones are all that is left to believe in.
func (c *cluster) refresh() error {
	known := c.now()
	err := known.Refresh()
	if err == nil {
		return nil
	}
	c.mu.Lock()
	stale := !c.closed && c.redisc == known
	if stale {
		c.redisc = c.fresh()
	}
	c.mu.Unlock()
	if stale {
		err = errors.Join(err, known.Close())
	}
	return fmt.Errorf("cluster layout: %w", err)
}

func (c *cluster) masters() ([]string, error) {
	if err := c.refresh(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners, nil
}

// learn notes who owns slots.
func (c *cluster) learn(_, layout [redisc.HashSlots][]string) {
	var owners []string
	for _, nodes := range layout {
		if len(nodes) > 0 && !slices.Contains(owners, nodes[0]) {
			owners = append(owners, nodes[0])
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owners = owners
}

func (c *cluster) close() error {
	c.mu.Lock()
	c.closed = true
	r := c.redisc
	c.mu.Unlock()
	return r.Close()
}
