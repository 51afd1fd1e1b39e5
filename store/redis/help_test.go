package redis_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/redis"
)

func diff(want, got any) string { return cmp.Diff(want, got) }

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantHeld(t *testing.T, db *redis.DB, info store.ProgressInfo, want ...int) {
	t.Helper()
	got, held, err := db.Held(t.Context(), info.Upload)
	if err != nil || got != info || !slices.Equal(held, want) {
		t.Errorf("Held = %+v, %v, %v; want %+v, %v", got, held, err, info, want)
	}
}

// promptly is how long a call may take whose server does not answer: twice the time that it is given, and what a busy
// machine adds.
const promptly = 8 * time.Second

// wantUnavailable runs each operation while a server is away, all at once.
func wantUnavailable(t *testing.T, db *redis.DB, info store.ProgressInfo) {
	t.Helper()
	ctx := t.Context()
	node := store.Node{ID: "n1", URL: "http://n1"}
	var wg sync.WaitGroup
	for what, call := range map[string]func() error{
		"Put":      func() error { return db.Put(ctx, info, []int{1}, time.Minute) },
		"Mark":     func() error { _, err := db.Mark(ctx, info.Upload, 1, time.Minute); return err },
		"Unmark":   func() error { return db.Unmark(ctx, info.Upload, []int{1}) },
		"Held":     func() error { _, _, err := db.Held(ctx, info.Upload); return err },
		"Drop":     func() error { return db.Drop(ctx, info.Upload) },
		"Add":      func() error { return db.Add(ctx, "key", store.Challenge{}, time.Minute) },
		"Take":     func() error { _, err := db.Take(ctx, "key"); return err },
		"Lead":     func() error { _, err := db.Lead(ctx, "n1", time.Minute); return err },
		"Resign":   func() error { return db.Resign(ctx, "n1") },
		"Announce": func() error { _, err := db.Announce(ctx, node, time.Minute); return err },
		"Node":     func() error { _, err := db.Node(ctx, "n1"); return err },
		"Withdraw": func() error { return db.Withdraw(ctx, "n1") },
		"Ping":     func() error { return db.Ping(ctx) },
	} {
		wg.Go(func() {
			start := time.Now()
			wantError(t, what, call(), store.ErrUnavailable)
			if d := time.Since(start); d > promptly {
				t.Errorf("%s took %v to say so", what, d)
			}
		})
	}
	wg.Wait()
}

// eventually waits for something that takes its time on a busy machine.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// recovered waits until calls succeed again.
func recovered(t *testing.T, db *redis.DB) {
	t.Helper()
	eventually(t, "the server answers again", func() bool { return db.Ping(t.Context()) == nil })
}

// watching watches until the test ends, and yields what is told.
func watching(t *testing.T, db *redis.DB) <-chan store.UploadID {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan store.UploadID, 10_000)
	ended := make(chan error, 1)
	go func() { ended <- db.Watch(ctx, func(id store.UploadID) { told <- id }) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return told
}

// wantTold puts records that expire until one of them is told of.
func wantTold(t *testing.T, db *redis.DB, told <-chan store.UploadID, info func() store.ProgressInfo) {
	t.Helper()
	put := make(map[store.UploadID]bool)
	eventually(t, "an expiry is told", func() bool {
		i := info()
		put[i.Upload] = true
		_ = db.Put(t.Context(), i, nil, time.Millisecond) // the server may still be away
		for {
			select {
			case id := <-told:
				if put[id] {
					return true
				}
			case <-time.After(50 * time.Millisecond):
				return false
			}
		}
	})
}

// A logged collects what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func testLog(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }
