package service_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// run starts the workers by the real clock; stop ends them and waits for it.
func (d *depot) run(w *service.Transfers) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			d.Error(err)
		}
	}
	return stop
}

func (d *depot) worker() *service.Transfers {
	w := d.transfers()
	w.Now = time.Now
	w.ScanEvery = 5 * time.Millisecond
	w.Backoff = func(int) time.Duration { return time.Millisecond }
	return w
}

func (d *depot) moved(e store.Entry) func() bool {
	return func() bool { return d.content(e).Location.Kind == store.Disk }
}

func TestMessageWakesTheWorker(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	w := d.worker()
	w.ScanEvery = time.Hour
	rows := &countedScans{Transfers: d.db}
	w.Rows = rows
	defer d.run(w)()
	await(t, "the scan at the start", func() bool { return rows.done.Load() == 1 })
	e, data := d.file(1000)
	d.ok(d.queue.Publish(t.Context(), mq.Message{FileHash: e.Content.Sums.Digest.String()}))
	await(t, "the transfer", d.moved(e))
	d.reads(e, data)
}

// countedScans counts the looks for due rows.
type countedScans struct {
	store.Transfers
	done atomic.Int64
}

func (c *countedScans) DueTransfers(ctx context.Context, now time.Time, limit int) ([]store.Transfer, error) {
	defer c.done.Add(1)
	return c.Transfers.DueTransfers(ctx, now, limit)
}

func TestLostMessageIsMadeUpFor(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	defer d.run(d.worker())()
	for range 20 {
		e, _ := d.file(1000)
		defer await(t, "the transfer", d.moved(e))
	}
}

func TestWorkGoesOnWithoutTheQueue(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	w := d.worker()
	w.Queue = deafQueue{}
	e, _ := d.file(1000)
	defer d.run(w)()
	await(t, "the transfer", d.moved(e))
}

// deafQueue is a broker that is down.
type deafQueue struct{ mq.Queue }

func (deafQueue) Publish(context.Context, mq.Message) error { return errBroken }

func (deafQueue) Consume(ctx context.Context, _ int, _ func(context.Context, mq.Message) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestRetriesUntilTheStoreIsBack(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	fails := 3
	d.onPut(func(_ context.Context, put func() error) error {
		if fails--; fails >= 0 {
			return errBroken
		}
		return put()
	})
	w := d.worker()
	w.Slots = 1
	e, _ := d.file(1000)
	defer d.run(w)()
	await(t, "the transfer", d.moved(e))
}

func TestGivenUpJobIsInTheErrorQueue(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.onPut(func(context.Context, func() error) error { return errRefused })
	w := d.worker()
	w.MaxAttempts = 2
	e, data := d.file(1000)
	d.ok(d.queue.Publish(t.Context(), mq.Message{FileHash: "nonsense"}))
	defer d.run(w)()
	await(t, "two messages in the error queue", func() bool { return len(d.queue.Errors()) == 2 })
	d.reads(e, data)
}

// A message is settled in time although its transfer takes longer, and no more transfers run than there are slots.
func TestLongTransferLetsGoOfItsMessage(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	free, running := make(chan struct{}), make(chan struct{}, 10)
	d.onPut(func(_ context.Context, put func() error) error {
		running <- struct{}{}
		<-free
		return put()
	})
	w := d.worker()
	w.Slots, w.AckWithin = 1, time.Millisecond
	settled := &countingQueue{Queue: d.queue, settled: make(chan error, 100)}
	w.Queue = settled
	a, _ := d.file(1000)
	defer d.run(w)()
	<-running
	if err := <-settled.settled; err != nil {
		t.Errorf("the message was settled with %v", err)
	}
	b, _ := d.file(1000)
	d.ok(d.queue.Publish(t.Context(), mq.Message{FileHash: b.Content.Sums.Digest.String()}))
	<-settled.settled
	if len(running) != 0 {
		t.Error("two transfers run in one slot")
	}
	close(free)
	await(t, "both transfers", func() bool { return d.moved(a)() && d.moved(b)() })
}

// countingQueue tells of each message that was settled.
type countingQueue struct {
	mq.Queue
	settled chan error
}

func (q *countingQueue) Consume(ctx context.Context, workers int, fn func(context.Context, mq.Message) error) error {
	return q.Queue.Consume(ctx, workers, func(ctx context.Context, m mq.Message) error {
		err := fn(ctx, m)
		q.settled <- err
		return err
	})
}

func TestStopEndsARunningTransfer(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	running := make(chan struct{})
	d.onPut(func(ctx context.Context, _ func() error) error {
		close(running)
		<-ctx.Done()
		return ctx.Err()
	})
	e, data := d.file(1000)
	stop := d.run(d.worker())
	<-running
	stop()
	due, err := d.db.DueTransfers(t.Context(), time.Now(), 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("due: %+v, %v", due, err)
	}
	d.reads(e, data)
}
