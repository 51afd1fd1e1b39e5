package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/mq/mqtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQueue(t *testing.T) {
	t.Parallel()
	mqtest.Queue(t, func(*testing.T) mqtest.Harness {
		q := memory.New(memory.Options{Delay: time.Millisecond})
		return mqtest.Harness{Queue: q, Errors: func(*testing.T) []mq.Message {
			var ms []mq.Message
			for _, f := range q.Errors() {
				ms = append(ms, f.Message)
			}
			return ms
		}}
	})
}

func publish(t *testing.T, q *memory.Queue, hash, from string) {
	t.Helper()
	if err := q.Publish(t.Context(), mq.Message{FileHash: hash, CurLocation: from}); err != nil {
		t.Fatal(err)
	}
}

// run consumes with one worker for a time, which passes at once.
func run(t *testing.T, q *memory.Queue, d time.Duration, fn func(context.Context, mq.Message) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := q.Consume(ctx, 1, fn); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Consume: %v", err)
	}
}

func TestEqualMessagesThatWaitAreOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{})
		publish(t, q, "a", "1")
		publish(t, q, "b", "1")
		publish(t, q, "a", "2")
		var got []string
		run(t, q, time.Minute, func(_ context.Context, m mq.Message) error {
			got = append(got, m.FileHash+m.CurLocation)
			return nil
		})
		if slices.Sort(got); !slices.Equal(got, []string{"a2", "b1"}) {
			t.Errorf("delivered %v", got)
		}
	})
}

func TestAMessageAtWorkComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{})
		publish(t, q, "a", "1")
		var got []string
		run(t, q, time.Minute, func(_ context.Context, m mq.Message) error {
			if got = append(got, m.CurLocation); len(got) == 1 {
				publish(t, q, "a", "2")
				publish(t, q, "a", "3")
			}
			return nil
		})
		if !slices.Equal(got, []string{"1", "3"}) {
			t.Errorf("delivered %v", got)
		}
	})
}

func TestARejectedMessageIsSetAsideThoughItComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{})
		publish(t, q, "a", "1")
		var got []string
		run(t, q, time.Minute, func(_ context.Context, m mq.Message) error {
			got = append(got, m.CurLocation)
			if m.CurLocation == "1" {
				publish(t, q, "a", "2")
				return mq.ErrReject
			}
			return nil
		})
		if want := []string{"1", "2"}; !slices.Equal(got, want) {
			t.Errorf("delivered %v, want %v", got, want)
		}
		if failed := q.Errors(); len(failed) != 1 || failed[0].Message.CurLocation != "1" {
			t.Errorf("set aside: %+v", failed)
		}
	})
}

func TestDelaysGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{})
		publish(t, q, "a", "1")
		var at []time.Duration
		begin := time.Now()
		run(t, q, time.Hour, func(context.Context, mq.Message) error {
			at = append(at, time.Since(begin))
			return errors.New("no")
		})
		if want := []time.Duration{0, time.Second, 5 * time.Second, 21 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("delivered after %v, want %v", at, want)
		}
		if e := q.Errors(); len(e) != 1 || e[0].Deliveries != 4 || e[0].Err == nil || e[0].When.Sub(begin) != 21*time.Second {
			t.Errorf("the error queue holds %+v", e)
		}
	})
}

func TestADelayedMessageIsNotHeldUpByABusyWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{})
		publish(t, q, "a", "1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begin := time.Now()
		var tries int
		var second time.Duration
		_ = q.Consume(ctx, 2, func(ctx context.Context, m mq.Message) error {
			if m.FileHash == "busy" {
				<-ctx.Done()
				return nil
			}
			if tries++; tries == 1 {
				publish(t, q, "busy", "1")
				return errors.New("no")
			}
			second = time.Since(begin)
			return nil
		})
		if second != time.Second {
			t.Errorf("the second delivery came after %v, want 1s", second)
		}
	})
}

func TestPublishingMakesADelayedMessageDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{Delay: time.Hour})
		publish(t, q, "a", "1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		tries := 0
		go func() {
			time.Sleep(time.Second)
			publish(t, q, "a", "2")
		}()
		_ = q.Consume(ctx, 2, func(context.Context, mq.Message) error {
			if tries++; tries == 1 {
				return errors.New("no")
			}
			return nil
		})
		if tries != 2 {
			t.Errorf("%d deliveries, want 2", tries)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{Max: 10, MaxErrors: 3})
		for i := range 100 {
			publish(t, q, fmt.Sprint(i), "1")
		}
		if d := q.Dropped(); d != 90 {
			t.Errorf("%d dropped, want 90", d)
		}
		run(t, q, time.Minute, func(context.Context, mq.Message) error { return mq.ErrReject })
		e := q.Errors()
		if len(e) != 3 || e[2].Message.FileHash != "9" {
			t.Errorf("the error queue holds %+v", e)
		}
	})
}

func TestCloseStopsWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{})
		publish(t, q, "a", "1")
		err := q.Consume(t.Context(), 1, func(ctx context.Context, _ mq.Message) error {
			_ = q.Close()
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, mq.ErrClosed) {
			t.Errorf("Consume = %v", err)
		}
		_ = q.Close()
	})
}
