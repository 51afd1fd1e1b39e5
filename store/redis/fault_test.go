package redis_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/redis"
)

func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// fill uses many connections at once, so that the pool is full of them.
func fill(t *testing.T, db *redis.DB, info store.ProgressInfo) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, err := db.Mark(ctx, info.Upload, 1, time.Minute); err != nil {
				t.Errorf("Mark: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestServerKilled(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db, info := open(t, s.url()), progressInfo(5)
	put(t, db, info, 2)
	fill(t, db, info)
	s.kill(t)
	wantUnavailable(t, db, info)
	s.start(t)
	// At once, although the pool was full of connections that died: nobody has to wait or try again.
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("Ping after the restart: %v", err)
	}
	_, err := db.Mark(t.Context(), info.Upload, 1, time.Minute)
	wantError(t, "Mark of what the server has forgotten", err, store.ErrNotFound)
	put(t, db, info, 1)
	wantHeld(t, db, info, 1)
}

// The server is restarted between two calls, so the first one finds nothing but dead connections.
func TestServerRestartedUnnoticed(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db, info := open(t, s.url()), progressInfo(5)
	put(t, db, info)
	fill(t, db, info)
	s.kill(t)
	s.start(t)
	put(t, db, info, 3)
	wantHeld(t, db, info, 3)
}

func TestServerPaused(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db, info := open(t, s.url(), func(o *redis.Options) { o.Timeout = time.Second }), progressInfo(5)
	put(t, db, info, 2)
	fill(t, db, info)
	s.pause(t)
	wantUnavailable(t, db, info)
	s.resume(t)
	recovered(t, db)
	eventually(t, "all that was given up has come to its end", func() bool { // a Drop among it
		put(t, db, info, 3)
		_, held, err := db.Held(t.Context(), info.Upload)
		return err == nil && slices.Contains(held, 3)
	})
}

// Whoever gives up does not wait, and the others' connections are not disturbed.
func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db, info := open(t, s.url(), func(o *redis.Options) { o.Timeout = 20 * time.Second }), progressInfo(5)
	put(t, db, info)
	s.pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := db.Mark(ctx, info.Upload, 1, time.Minute)
	wantError(t, "Mark past its deadline", err, context.DeadlineExceeded)
	wantError(t, "Mark past its deadline", err, store.ErrUnavailable)
	gone, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	_, err = db.Mark(gone, info.Upload, 1, time.Minute)
	wantError(t, "cancelled Mark", err, context.Canceled)
	if errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a cancelled call blames the server: %v", err)
	}
	if d := time.Since(start); d > promptly {
		t.Errorf("giving up took %v", d)
	}
	s.resume(t)
	recovered(t, db)
	eventually(t, "the call that was given up takes effect", func() bool {
		_, held, err := db.Held(t.Context(), info.Upload)
		return err == nil && len(held) == 1
	})
}

// flushed runs calls with a flush between any two of them.
func flushed(t *testing.T, db *redis.DB, servers ...*server) {
	t.Helper()
	ctx, info, node := t.Context(), progressInfo(5), store.Node{ID: "n1", URL: "http://n1"}
	flush := func() {
		t.Helper()
		for _, s := range servers {
			s.must(t, "FLUSHALL")
		}
	}

	put(t, db, info, 1)
	flush()
	_, err := db.Mark(ctx, info.Upload, 2, time.Minute)
	wantError(t, "Mark", err, store.ErrNotFound)
	put(t, db, info, 1, 2)
	flush()
	_, _, err = db.Held(ctx, info.Upload)
	wantError(t, "Held", err, store.ErrNotFound)
	wantError(t, "Unmark", db.Unmark(ctx, info.Upload, []int{1}), store.ErrNotFound)
	if err := db.Drop(ctx, info.Upload); err != nil {
		t.Errorf("Drop: %v", err)
	}
	if err := db.Add(ctx, "key", store.Challenge{User: 1}, time.Minute); err != nil {
		t.Fatal(err)
	}
	flush()
	_, err = db.Take(ctx, "key")
	wantError(t, "Take", err, store.ErrNotFound)
	for i, want := range []bool{true, true, false} {
		if fresh, err := db.Announce(ctx, node, time.Minute); fresh != want || err != nil {
			t.Errorf("announcement %d: fresh %v, %v; want %v", i, fresh, err, want)
		}
		if i == 0 {
			flush()
		}
	}
	flush()
	_, err = db.Node(ctx, "n1")
	wantError(t, "Node", err, store.ErrNotFound)
}

func TestFlushed(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	flushed(t, open(t, s.url()), s)
}

func TestLeaderLosesByFlush(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db := open(t, s.url())
	lead := func(node store.NodeID, want bool) {
		t.Helper()
		if got, err := db.Lead(t.Context(), node, time.Minute); got != want || err != nil {
			t.Errorf("Lead of %s = %v, %v; want %v", node, got, err, want)
		}
	}
	lead("a", true)
	s.must(t, "FLUSHALL")
	lead("b", true)
	lead("a", false) // it learns that it leads no more
	if err := db.Resign(t.Context(), "a"); err != nil {
		t.Errorf("Resign of a lost lead: %v", err)
	}
	lead("b", true)
	s.must(t, "FLUSHALL")
	if err := db.Resign(t.Context(), "b"); err != nil {
		t.Errorf("Resign after a flush: %v", err)
	}
}

// A lock without an end that somebody put there must not keep everybody from leading for ever.
func TestLeaderLockWithoutEnd(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db := open(t, s.url(), func(o *redis.Options) { o.Prefix = "endless:" })
	s.must(t, "SET", "endless:LEADER", "nobody")
	if led, err := db.Lead(t.Context(), "a", 100*time.Millisecond); led || err != nil {
		t.Errorf("Lead = %v, %v, while another holds the lock", led, err)
	}
	eventually(t, "the lock ends", func() bool {
		led, err := db.Lead(t.Context(), "a", time.Minute)
		return led && err == nil
	})
	if led, err := db.Lead(t.Context(), "b", time.Second); led || err != nil {
		t.Errorf("Lead = %v, %v, while a leads", led, err)
	}
	if led, err := db.Lead(t.Context(), "a", time.Minute); !led || err != nil {
		t.Errorf("Lead = %v, %v; the lock is renewed", led, err)
	}
}

func TestScriptsAreSentAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db, info := open(t, s.url()), progressInfo(5)
	for i := range 3 {
		s.must(t, "SCRIPT", "FLUSH")
		put(t, db, info)
		s.must(t, "SCRIPT", "FLUSH")
		if n, err := db.Mark(t.Context(), info.Upload, i+1, time.Minute); n != i+1 || err != nil {
			t.Errorf("Mark = %d, %v", n, err)
		}
		s.must(t, "SCRIPT", "FLUSH")
		if led, err := db.Lead(t.Context(), "a", time.Minute); !led || err != nil {
			t.Errorf("Lead = %v, %v", led, err)
		}
	}
}

// An announcement without an answer may have been heard: the next one must not pass for a repetition.
func TestAnnouncementWithoutAnswer(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := startProxy(t, s.addr())
	db := open(t, p.url(), func(o *redis.Options) { o.Timeout = 300 * time.Millisecond })
	node := store.Node{ID: "n1", URL: "http://n1"}
	if _, err := db.Announce(t.Context(), store.Node{ID: "n2"}, time.Minute); err != nil { // the script is known then
		t.Fatal(err)
	}
	p.set(func(p *proxy) { p.delay = time.Second })
	_, err := db.Announce(t.Context(), node, time.Minute)
	wantError(t, "Announce on a slow line", err, store.ErrUnavailable)
	p.set(func(p *proxy) { p.delay = 0 })
	recovered(t, db)
	eventually(t, "the announcement arrives", func() bool { _, err := db.Node(t.Context(), "n1"); return err == nil })
	var fresh bool
	eventually(t, "an announcement is answered", func() bool {
		fresh, err = db.Announce(t.Context(), node, time.Minute)
		return err == nil
	})
	if !fresh {
		t.Error("the announcement is not fresh")
	}
	if fresh, err := db.Announce(t.Context(), node, time.Minute); fresh || err != nil {
		t.Errorf("the next announcement: fresh %v, %v", fresh, err)
	}
}

func TestSlowLine(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startServer(t).addr())
	db, info := open(t, p.url()), progressInfo(5)
	p.set(func(p *proxy) { p.delay = 100 * time.Millisecond })
	put(t, db, info, 1)
	wantHeld(t, db, info, 1)
	p.set(func(p *proxy) { p.delay = 3 * time.Second })
	start := time.Now()
	_, _, err := db.Held(t.Context(), info.Upload)
	wantError(t, "Held on a line that is too slow", err, store.ErrUnavailable)
	if d := time.Since(start); d > promptly {
		t.Errorf("it took %v to say so", d)
	}
	p.set(func(p *proxy) { p.delay = 0 })
	recovered(t, db)
	wantHeld(t, db, info, 1)
}

// Answers are cut in their middle. Half of one is never taken for the whole.
func TestLineCutInAnswers(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startServer(t).addr())
	db, info := open(t, p.url()), progressInfo(1000)
	all := make([]int, 1000)
	for i := range all {
		all[i] = i + 1
	}
	put(t, db, info, all...)
	for _, limit := range []int64{1, 2, 7, 100, 5000} {
		p.set(func(p *proxy) { p.limit = limit })
		_, _, err := db.Held(t.Context(), info.Upload)
		wantError(t, "Held on a line that is cut", err, store.ErrUnavailable)
		p.set(func(p *proxy) { p.limit = 0 })
		wantHeld(t, db, info, all...)
	}
	p.cutAll(false)
	wantHeld(t, db, info, all...) // nobody notices
}

// More callers than connections wait for each other. Where the connections hang, so many calls end in time all the same.
func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db := open(t, s.url(), func(o *redis.Options) { o.Conns, o.Timeout = 2, time.Second })
	info := progressInfo(100)
	put(t, db, info)
	mark := func(check func(error)) {
		ctx := context.WithoutCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				_, err := db.Mark(ctx, info.Upload, i+1, time.Minute)
				check(err)
			})
		}
		wg.Wait()
	}
	mark(func(err error) {
		if err != nil {
			t.Errorf("Mark: %v", err)
		}
	})
	s.pause(t)
	start := time.Now()
	mark(func(err error) { wantError(t, "Mark", err, store.ErrUnavailable) })
	if d := time.Since(start); d > promptly {
		t.Errorf("50 callers of 2 connections were told after %v", d)
	}
	s.resume(t)
	recovered(t, db)
	mark(func(err error) {
		if err != nil {
			t.Errorf("Mark: %v", err)
		}
	})
	clients, err := s.ask("CLIENT", "LIST")
	if text, ok := clients.([]byte); err != nil || !ok || strings.Count(string(text), "name=blinkdrive") > 2 {
		t.Errorf("the server has these clients, %v:\n%s", err, text)
	}
}

// What a server answers that can do nothing now is no fault of the call.
func TestServerThatRefuses(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	var prefix string
	db, info := open(t, s.url(), func(o *redis.Options) { prefix = o.Prefix }), progressInfo(5)
	put(t, db, info)
	s.must(t, "CONFIG", "SET", "maxmemory", "1")
	_, err := db.Mark(t.Context(), info.Upload, 1, time.Minute)
	wantError(t, "Mark without memory", err, store.ErrUnavailable)
	s.must(t, "CONFIG", "SET", "maxmemory", "0")
	if _, err := db.Mark(t.Context(), info.Upload, 1, time.Minute); err != nil {
		t.Errorf("Mark: %v", err)
	}
	// A key that is no record of ours is not the server's trouble, and waiting does not help.
	s.must(t, "SET", prefix+"MP_"+string(info.Upload), "no hash")
	if _, err := db.Mark(t.Context(), info.Upload, 1, time.Minute); err == nil || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Mark of a key that is no hash: %v", err)
	}
}

func TestOpenWithoutServer(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"redis://:s3cret@127.0.0.1:1/0", "redis://:s3cret@127.0.0.1:1,127.0.0.1:2"} {
		start := time.Now()
		_, err := redis.Open(t.Context(), redis.Options{URL: url})
		wantError(t, "Open", err, store.ErrUnavailable)
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error tells the password: %v", err)
		}
		if d := time.Since(start); d > promptly {
			t.Errorf("it took %v to say so", d)
		}
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--requirepass", "s3cret/@:", "--user", "anna", "on", ">p%40ss", "~*", "&*", "+@all")
	for url, ok := range map[string]bool{
		"redis://:s3cret%2F%40%3A@" + s.addr() + "/1": true,
		"redis://:s3cret/@:@" + s.addr():              true,
		"redis://anna:p%2540ss@" + s.addr() + "/0":    true,
		"redis://:s3crets@" + s.addr() + "/0":         false,
		"redis://anna:s3cret@" + s.addr() + "/0":      false,
		s.url():                                       false,
	} {
		db, err := redis.Open(t.Context(), redis.Options{URL: url})
		if ok != (err == nil) {
			t.Errorf("Open of %s: %v", url, err)
		}
		if err == nil {
			put(t, db, progressInfo(3), 1)
			db.Close()
		} else if contains(err.Error(), "s3cret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db, err := redis.Open(t.Context(), redis.Options{URL: s.url()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	wantUnavailable(t, db, progressInfo(5))
}
