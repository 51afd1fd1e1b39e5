package memory_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A clock moves only when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestProgress(t *testing.T) {
	t.Parallel()
	storetest.Progress(t, func(*testing.T) (store.Progress, storetest.Wait) {
		p, c := memory.NewProgress(), newClock()
		p.Now = c.Now
		return p, c.Pass
	})
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	storetest.Challenges(t, func(*testing.T) (store.Challenges, storetest.Wait) {
		p, c := memory.NewChallenges(), newClock()
		p.Now = c.Now
		return p, c.Pass
	})
}

func TestLeader(t *testing.T) {
	t.Parallel()
	storetest.Leader(t, func(*testing.T) (store.Leader, storetest.Wait) {
		l, c := memory.NewLeader(), newClock()
		l.Now = c.Now
		return l, c.Pass
	})
}

func TestNodes(t *testing.T) {
	t.Parallel()
	storetest.Nodes(t, func(*testing.T) (store.Nodes, storetest.Wait) {
		n, c := memory.NewNodes(), newClock()
		n.Now = c.Now
		return n, c.Pass
	})
}

func TestProgressRefusesChunksThatCannotBe(t *testing.T) {
	t.Parallel()
	p := memory.NewProgress()
	info := store.ProgressInfo{Upload: store.NewUploadID("n1"), Layout: store.Layout{Size: 10, ChunkSize: 5}}
	if err := p.Put(t.Context(), info, []int{1, 3}, time.Hour); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Put of chunk 3 of 2: %v", err)
	}
	if err := p.Put(t.Context(), info, []int{1}, time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, index := range []int{-1, 0, 3, 1 << 31} {
		if _, err := p.Mark(t.Context(), info.Upload, index, time.Hour); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Mark of chunk %d of 2: %v", index, err)
		}
	}
}

func TestProgressFaultAndFlush(t *testing.T) {
	t.Parallel()
	p := memory.NewProgress()
	info := store.ProgressInfo{Upload: store.NewUploadID("n1"), Layout: store.Layout{Size: 10, ChunkSize: 5}}
	if err := p.Put(t.Context(), info, nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	p.Fault = func(op string) error { return fmt.Errorf("%s: %w", op, store.ErrUnavailable) }
	if _, err := p.Mark(t.Context(), info.Upload, 1, time.Hour); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Mark while down: %v", err)
	}
	p.Fault = nil
	p.Flush()
	if _, err := p.Mark(t.Context(), info.Upload, 1, time.Hour); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Mark after a flush: %v", err)
	}
}

func TestNodesFaultAndFlush(t *testing.T) {
	t.Parallel()
	n, node := memory.NewNodes(), store.Node{ID: "n1", URL: "http://n1"}
	announce := func(want bool) {
		t.Helper()
		if fresh, err := n.Announce(t.Context(), node, time.Hour); fresh != want || err != nil {
			t.Errorf("Announce = %v, %v; want %v", fresh, err, want)
		}
	}
	announce(true)
	n.Fault = func(op string) error { return fmt.Errorf("%s: %w", op, store.ErrUnavailable) }
	if _, err := n.Announce(t.Context(), node, time.Hour); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Announce while down: %v", err)
	}
	n.Fault = nil
	announce(false)
	n.Flush()
	announce(true)
}

func TestExpiredRecordsDoNotPileUp(t *testing.T) {
	t.Parallel()
	p, c := memory.NewProgress(), newClock()
	p.Now = c.Now
	for range 1000 {
		info := store.ProgressInfo{Upload: store.NewUploadID("n1"), Layout: store.Layout{Size: 10, ChunkSize: 5}}
		if err := p.Put(t.Context(), info, nil, time.Minute); err != nil {
			t.Fatal(err)
		}
		c.Pass(10 * time.Second)
	}
	if n := memory.Records(p); n > 20 {
		t.Errorf("%d records are kept of 6 that live", n)
	}
}

func TestChallengesAreBounded(t *testing.T) {
	t.Parallel()
	c := memory.NewChallenges()
	c.Max, c.MaxPerUser = 10, 3
	taken := func(key string) bool {
		_, err := c.Take(t.Context(), key)
		return err == nil
	}
	for user := range 5 {
		for i := range 4 {
			key := fmt.Sprintf("%d/%d", user, i)
			if err := c.Add(t.Context(), key, store.Challenge{User: store.UserID(user)}, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := memory.Open(c); n != 10 {
		t.Errorf("%d challenges are kept, want 10", n)
	}
	for key, want := range map[string]bool{"0/3": false, "4/0": false, "4/1": true, "4/3": true, "3/3": true} {
		if got := taken(key); got != want {
			t.Errorf("%s is kept: %v, want %v", key, got, want)
		}
	}
}

func TestExpiredChallengesAreSwept(t *testing.T) {
	t.Parallel()
	c, now := memory.NewChallenges(), newClock()
	c.Now = now.Now
	for i := range 1000 {
		if err := c.Add(t.Context(), fmt.Sprint(i), store.Challenge{User: store.UserID(i)}, time.Minute); err != nil {
			t.Fatal(err)
		}
		now.Pass(10 * time.Second)
	}
	if n := memory.Open(c); n > 7 {
		t.Errorf("%d challenges are kept of 6 that live", n)
	}
}
