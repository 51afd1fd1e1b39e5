package testenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// A fixture is a server with what a test does to it.
type fixture struct {
	servers *Servers
	killed  Control // what is killed: the whole, where that keeps its data
	addrs   []string
	put     func(ctx context.Context, text string) error // keeps one text
	get     func(ctx context.Context) (string, error)
}

var fixtures = []struct {
	name    string
	purpose Purpose
	start   func(t *testing.T) fixture
}{
	{"mariadb", ForMySQL, mariadbFixture},
	{"redis", ForRedis, redisFixture},
	{"redis cluster", ForRedis, redisClusterFixture},
	{"rabbitmq", ForAMQP, rabbitFixture},
	{"ceph", ForS3, cephFixture},
	{"ceph on disk", ForS3, cephOnDiskFixture},
}

// require skips a test where programs are not at hand, as without make test.
func require(t *testing.T, purposes ...Purpose) {
	t.Helper()
	if err := Installed(purposes...); err != nil {
		t.Skip(err)
	}
}

func closed(t *testing.T, s *Servers) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestServers takes each server through its life: it keeps its data and its address when it is killed, halted and stopped, and
// leaves nothing when it is closed.
func TestServers(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			require(t, f.purpose)
			testLife(t, f.start(t))
		})
	}
}

func testLife(t *testing.T, f fixture) {
	ctx := t.Context()
	keeps := func(after string) {
		t.Helper()
		if got, err := f.get(ctx); err != nil || got != "text" {
			t.Fatalf("after %s it has %q, %v", after, got, err)
		}
	}
	if err := f.put(ctx, "text"); err != nil {
		t.Fatal(err)
	}
	keeps("the start")

	f.killed.Kill()
	f.killed.Kill()
	for _, addr := range f.addrs {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("somebody listens on %s though its server is killed", addr)
		}
	}
	if err := f.killed.Start(ctx); err != nil {
		t.Fatal(err)
	}
	keeps("a kill")

	if err := f.killed.Pause(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if got, err := f.get(short); err == nil {
		t.Errorf("it answers %q while it is halted", got)
	}
	if err := f.killed.Resume(); err != nil {
		t.Fatal(err)
	}
	keeps("a halt")

	if err := f.killed.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.killed.Start(ctx), f.killed.Start(ctx)); err != nil {
		t.Fatal(err)
	}
	keeps("a stop")
	if err := f.servers.Crashed(); err != nil {
		t.Error(err)
	}
	leavesNothing(t, f.servers)
}

func leavesNothing(t *testing.T, s *Servers) {
	t.Helper()
	folder := s.folder
	if len(folder.Processes()) == 0 {
		t.Error("no process belongs to the folder, so that none would be found")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if pids := folder.Processes(); len(pids) > 0 {
		t.Errorf("processes %v are left", pids)
	}
	if _, err := os.Stat(folder.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", folder.Path, err)
	}
}

func mariadbFixture(t *testing.T) fixture {
	m, err := StartMariaDB(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closed(t, m.Servers)
	return fixture{
		servers: m.Servers, killed: m, addrs: []string{m.Primary.Addr, m.Replica.Addr},
		put: func(ctx context.Context, text string) error {
			_, err := m.SQL(ctx, "CREATE DATABASE d; CREATE TABLE d.t (v VARCHAR(9)); INSERT INTO d.t VALUES ('"+text+"')")
			return err
		},
		get: func(ctx context.Context) (string, error) {
			if err := m.Sync(ctx); err != nil {
				return "", err
			}
			return m.sql(ctx, m.Replica, "SELECT v FROM d.t")
		},
	}
}

func redisFixture(t *testing.T) fixture {
	r, err := StartRedis(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closed(t, r.Servers)
	return fixture{
		servers: r.Servers, killed: r.Process, addrs: []string{r.Process.Addr},
		put: func(ctx context.Context, text string) error {
			return redisSays(ctx, r.Process.Addr, "OK", "SET", "k", text)
		},
		get: func(ctx context.Context) (string, error) { return redisDo(ctx, r.Process.Addr, "GET", "k") },
	}
}

// redisClusterFixture keeps a text on every master, under names that are theirs.
func redisClusterFixture(t *testing.T) fixture {
	c, err := StartRedisCluster(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closed(t, c.Servers)
	keys := []string{"b", "c", "a"} // slots 3300, 7365, 15495
	f := fixture{servers: c.Servers, killed: c}
	for _, p := range c.Masters {
		f.addrs = append(f.addrs, p.Addr)
	}
	f.put = func(ctx context.Context, text string) error {
		var errs []error
		for i, p := range c.Masters {
			errs = append(errs, redisSays(ctx, p.Addr, "OK", "SET", keys[i], text))
		}
		return errors.Join(errs...)
	}
	f.get = func(ctx context.Context) (string, error) {
		var text string
		for i, p := range c.Masters {
			got, err := redisDo(ctx, p.Addr, "GET", keys[i])
			if err != nil || text != "" && got != text {
				return "", errors.Join(err, fmt.Errorf("%s has %q", p.Name, got))
			}
			text = got
		}
		return text, nil
	}
	return f
}

func TestReplication(t *testing.T) {
	t.Parallel()
	require(t, ForMySQL)
	ctx := t.Context()
	m, err := StartMariaDB(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closed(t, m.Servers)
	if err := m.StopReplication(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.SQL(ctx, "CREATE DATABASE late"); err != nil {
		t.Fatal(err)
	}
	const show = "SHOW DATABASES LIKE 'late'"
	if out, err := m.sql(ctx, m.Replica, show); err != nil || out != "" {
		t.Errorf("the replica has %q, %v though replication is stopped", out, err)
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := m.Sync(short); err == nil {
		t.Error("a replica that does not follow is in sync")
	}
	if err := errors.Join(m.StartReplication(ctx), m.Sync(ctx)); err != nil {
		t.Fatal(err)
	}
	if out, err := m.sql(ctx, m.Replica, show); err != nil || out != "late" {
		t.Errorf("the replica has %q, %v after it has caught up", out, err)
	}
	if _, err := m.sql(ctx, m.Replica, "CREATE DATABASE other"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a write on the replica: %v", err)
	}
}

func TestRedisFlushAll(t *testing.T) {
	t.Parallel()
	require(t, ForRedis)
	one, two := redisFixture(t), redisClusterFixture(t)
	for _, f := range []fixture{one, two} {
		if err := f.put(t.Context(), "text"); err != nil {
			t.Fatal(err)
		}
		if err := f.servers.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := f.get(t.Context()); err == nil {
			t.Errorf("a flushed server has %q", got)
		}
	}
}

// TestStartFails breaks a start: it tells what the server said, and leaves nothing.
func TestStartFails(t *testing.T) {
	t.Parallel()
	require(t, ForRedis)
	dir := t.TempDir()
	s, err := newRedis(dir, "redis")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.redis("redis", "--no-such-option", "1"); err != nil {
		t.Fatal(err)
	}
	err = s.closeOn(s.Start(t.Context()))
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("the error does not have what the server said: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestCrashed(t *testing.T) {
	t.Parallel()
	require(t, ForRedis)
	f := redisFixture(t)
	_, _ = redisDo(t.Context(), f.addrs[0], "SHUTDOWN", "NOSAVE") // the connection ends without an answer
	p := f.servers.all[0]
	<-p.run.done
	if err := f.servers.Crashed(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("a server that has gone by itself: %v", err)
	}
}
