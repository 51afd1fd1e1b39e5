package storetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// patience is how long these tests wait for an event. It may be late, and it may be lost; but not all of them are.
const patience = 30 * time.Second

// Expiries tests that a driver keeps the contract of store.Expiries. open returns one that tells of the records of an
// empty store.Progress, which really let time pass.
func Expiries(t *testing.T, open func(*testing.T) (store.Expiries, store.Progress)) {
	for name, test := range map[string]func(*testing.T, store.Expiries, store.Progress){
		"TellsOfRecords":     expiriesTell,
		"OnlyOfExpired":      expiriesOnly,
		"OneAtATime":         expiriesOneAtATime,
		"TwoWatchers":        expiriesTwoWatchers,
		"EndsWithItsContext": expiriesEnd,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, p := open(t)
			test(t, e, p)
		})
	}
}

// watch watches until the test ends. What the function returns yields what is told.
func watch(t *testing.T, e store.Expiries) <-chan store.UploadID {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan store.UploadID, 10_000)
	ended := make(chan error, 1)
	go func() { ended <- e.Watch(ctx, func(id store.UploadID) { told <- id }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch returned %v", err)
		}
	})
	return told
}

// expire puts records that expire at once, again and again, until one of them is told of.
func expire(t *testing.T, p store.Progress, told ...<-chan store.UploadID) {
	t.Helper()
	var ids []store.UploadID
	deadline := time.Now().Add(patience)
	for _, ch := range told {
		for ok := false; !ok; {
			info := progressInfo(3)
			ids = append(ids, info.Upload)
			if err := p.Put(t.Context(), info, []int{1}, time.Millisecond); err != nil {
				t.Fatal(err)
			}
			select {
			case id := <-ch:
				if ok = slices.Contains(ids, id); !ok {
					t.Errorf("told of %s, which is no record of this test", id)
				}
			case <-time.After(100 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatalf("nothing is told of %d records", len(ids))
			}
		}
	}
}

func expiriesTell(t *testing.T, e store.Expiries, p store.Progress) {
	expire(t, p, watch(t, e))
}

func expiriesOnly(t *testing.T, e store.Expiries, p store.Progress) {
	told := watch(t, e)
	expire(t, p, told)
	lives, dropped, renewed := progressInfo(3), progressInfo(3), progressInfo(3)
	for _, info := range []store.ProgressInfo{lives, dropped} {
		if err := p.Put(t.Context(), info, nil, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	put(t, p, renewed)
	if _, err := p.Mark(t.Context(), renewed.Upload, 1, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := p.Drop(t.Context(), dropped.Upload); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(life + life/2); time.Now().Before(until); {
		select {
		case id := <-told:
			for _, info := range []store.ProgressInfo{lives, dropped, renewed} {
				if id == info.Upload {
					t.Fatalf("told of %s, which has not expired", id)
				}
			}
		case <-time.After(life / 4):
		}
	}
}

func expiriesOneAtATime(t *testing.T, e store.Expiries, p store.Progress) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var inside, calls atomic.Int32
	told := make(chan store.UploadID, 10_000)
	ended := make(chan error, 1)
	go func() {
		ended <- e.Watch(ctx, func(id store.UploadID) {
			if inside.Add(1) != 1 {
				t.Error("fn is called while it runs")
			}
			calls.Add(1)
			time.Sleep(5 * time.Millisecond)
			inside.Add(-1)
			told <- id
		})
	}()
	expire(t, p, told)
	for range 50 {
		if err := p.Put(ctx, progressInfo(1), nil, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	for until := time.Now().Add(patience); calls.Load() < 10 && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	if calls.Load() < 10 {
		t.Errorf("told of %d of 50 records", calls.Load())
	}
	cancel()
	<-ended
}

func expiriesTwoWatchers(t *testing.T, e store.Expiries, p store.Progress) {
	expire(t, p, watch(t, e), watch(t, e))
}

func expiriesEnd(t *testing.T, e store.Expiries, _ store.Progress) {
	wantEnd := func(ctx context.Context, want error) {
		t.Helper()
		start := time.Now()
		if err := e.Watch(ctx, func(store.UploadID) {}); !errors.Is(err, want) {
			t.Errorf("Watch = %v, want %v", err, want)
		}
		if d := time.Since(start); d > patience/3 {
			t.Errorf("Watch went on for %v", d)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wantEnd(ended, context.Canceled)
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	wantEnd(soon, context.DeadlineExceeded)
}
