package service_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

const afterGrace = time.Hour

var (
	errBroken  = fmt.Errorf("test: %w", store.ErrUnavailable)
	errRefused = errors.New("test: this blob is not taken")
)

func TestTransferMovesABlob(t *testing.T) {
	t.Parallel()
	for _, copying := range []bool{false, true} {
		d := newDepot(t)
		e, data := d.file(300_000)
		if copying {
			d.places.Local = copied{d.local}
		}
		d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
		d.isAt(e, store.Disk)
		d.holds(1, 1, 1) // the local name stays for the grace time
		d.reads(e, data)
		d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
		d.sweep(time.Minute)
		d.holds(1, 1, 1)
		d.sweep(afterGrace)
		d.holds(0, 1, 0)
		d.reads(e, data)
		d.clean()
	}
}

func TestTransferOfNothingToDo(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.ok(d.transfers().Handle(t.Context(), store.Digest{1}))
	e, _ := d.file(0)
	d.purge(e)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.sweep(afterGrace)
	d.holds(0, 0, 0)
}

// crashAt runs a transfer whose process dies at a step.
func crashAt(d *depot, digest store.Digest, step string) (died bool) {
	w := d.transfers()
	w.Step = func(name string) {
		if name == step {
			panic("crash at " + name)
		}
	}
	defer func() { died = recover() != nil }()
	d.ok(w.Handle(d.Context(), digest))
	return false
}

func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"transfer.leased", "transfer.named", "transfer.put", "transfer.finished"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			d := newDepot(t)
			var puts atomic.Int64
			d.onPut(func(_ context.Context, put func() error) error { puts.Add(1); return put() })
			e, data := d.file(100_000)
			digest := e.Content.Sums.Digest
			if !crashAt(d, digest, step) {
				t.Fatal("it did not crash")
			}
			d.reads(e, data)
			d.ok(d.transfers().Handle(t.Context(), digest)) // the dead worker's lease still counts
			d.reads(e, data)
			d.sweep(2 * time.Hour) // now it has run out; and nothing in use is swept
			d.reads(e, data)
			d.ok(d.transfers().Handle(t.Context(), digest))
			d.isAt(e, store.Disk)
			d.reads(e, data)
			d.sweep(2 * time.Hour)
			d.holds(0, 1, 0)
			d.reads(e, data)
			d.clean()
			if n := puts.Load(); n > 2 {
				t.Errorf("%d puts", n)
			}
		})
	}
}

func TestFailedTransferIsRetriedWithBackoff(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	fails := 3
	d.onPut(func(_ context.Context, put func() error) error {
		if fails--; fails >= 0 {
			return errBroken
		}
		return put()
	})
	var wait time.Duration
	for attempt := range 4 {
		due, err := d.db.DueTransfers(t.Context(), d.clock.Now(), 10)
		if err != nil || len(due) != 1 || due[0].Attempts != attempt {
			t.Fatalf("due: %+v, %v; want one with %d attempts", due, err, attempt)
		}
		d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
		d.reads(e, data)
		if attempt == 3 {
			break
		}
		due, err = d.db.DueTransfers(t.Context(), d.clock.Now(), 10)
		if err != nil || len(due) != 0 {
			t.Fatalf("due at once: %+v, %v", due, err)
		}
		jobs, err := d.db.ListTransfers(t.Context(), store.TransferPending, 10)
		if err != nil || len(jobs) != 1 || jobs[0].LastError == "" {
			t.Fatalf("pending: %+v, %v", jobs, err)
		}
		if next := jobs[0].NextAttempt.Sub(d.clock.Now()); next <= wait/2 {
			t.Errorf("attempt %d comes after %s, the one before after %s", attempt, next, wait)
		} else {
			wait = next
		}
		d.clock.Advance(wait + time.Millisecond)
	}
	d.isAt(e, store.Disk)
}

func TestTooManyAttempts(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	digest := e.Content.Sums.Digest
	d.onPut(func(context.Context, func() error) error { return errRefused })
	w := d.transfers()
	w.MaxAttempts = 2
	d.ok(w.Handle(t.Context(), digest))
	d.clock.Advance(time.Hour)
	if err := w.Handle(t.Context(), digest); !errors.Is(err, mq.ErrReject) {
		t.Fatalf("got %v, want a rejected message", err)
	}
	d.reads(e, data)
	failed, err := d.db.ListTransfers(t.Context(), store.TransferFailed, 10)
	if err != nil || len(failed) != 1 || failed[0].LastError == "" {
		t.Fatalf("failed: %+v, %v", failed, err)
	}
	d.places.Objects[store.Disk] = d.objects
	if n, err := d.db.ReplayTransfers(t.Context(), digest, d.clock.Now()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	d.ok(d.transfers().Handle(t.Context(), digest))
	d.isAt(e, store.Disk)
	d.reads(e, data)
}

// However long an object store is down, no job is given up for it, and its return is soon seen.
func TestOutageIsWaitedOut(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	d.onPut(func(context.Context, func() error) error { return errBroken })
	w := d.transfers()
	w.MaxAttempts = 3
	for range 10 {
		d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
		d.clock.Advance(30 * time.Second)
	}
	d.reads(e, data)
	d.places.Objects[store.Disk] = d.objects
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	d.isAt(e, store.Disk)
}

// A transfer that kills its process each time is given up too.
func TestCrashesCountAsAttempts(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	w := d.transfers()
	w.MaxAttempts = 2
	for range w.MaxAttempts {
		if !crashAt(d, e.Content.Sums.Digest, "transfer.named") {
			t.Fatal("it did not crash")
		}
		d.clock.Advance(2 * time.Hour)
	}
	if err := w.Handle(t.Context(), e.Content.Sums.Digest); !errors.Is(err, mq.ErrReject) {
		t.Fatalf("got %v, want a rejected message", err)
	}
	d.reads(e, data)
}

func TestSourceIsGone(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	d.ok(os.Remove(d.path(e.Content.Location)))
	d.lost(e, data)
}

func TestSourceIsCorrupt(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.places.Local = copied{d.local}
	e, data := d.file(1000)
	d.spoil(e.Content.Location)
	d.lost(e, data)
}

// lost checks that a transfer finds a content damaged, and that the next upload brings it back.
func (d *depot) lost(e store.Entry, data []byte) {
	d.Helper()
	digest := e.Content.Sums.Digest
	if err := d.transfers().Handle(d.Context(), digest); !errors.Is(err, mq.ErrReject) {
		d.Fatalf("got %v, want a rejected message", err)
	}
	if c := d.content(e); c.Status != store.ContentDamaged || c.Location.Kind != store.Local {
		d.Fatalf("the content is %+v, want it marked and unmoved", c)
	}
	_, err := d.downloads().Open(d.Context(), e.User, service.Ref{ID: e.ID})
	if service.KindOf(err) != service.Damaged {
		d.Fatalf("download: %v", err)
	}
	again := d.upload(d.newUser("bob"), "again.bin", data)
	d.reads(again, data)
	d.reads(e, data)
	d.ok(d.transfers().Handle(d.Context(), digest))
	d.isAt(e, store.Disk)
	d.reads(e, data)
	d.sweep(afterGrace)
	d.holds(0, 1, 0)
	d.clean()
}

// Bytes that were spoilt on the way say nothing about the blob.
func TestSpoiltOnTheWay(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	first := true
	d.onPut(func(_ context.Context, put func() error) error {
		if first {
			first = false
			return store.ErrDigestMismatch
		}
		return put()
	})
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	if c := d.content(e); c.Status != store.ContentLive {
		t.Fatal("the content was marked damaged")
	}
	d.clock.Advance(time.Minute)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.isAt(e, store.Disk)
	d.reads(e, data)
}

func TestManyWorkersOneJob(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(10_000)
	var puts atomic.Int64
	d.onPut(func(_ context.Context, put func() error) error { puts.Add(1); return put() })
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			if err := d.transfers().Handle(t.Context(), e.Content.Sums.Digest); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if n := puts.Load(); n != 1 {
		t.Errorf("%d workers put the blob", n)
	}
	d.isAt(e, store.Disk)
	d.sweep(afterGrace)
	d.holds(0, 1, 0)
	d.reads(e, data)
}

// A worker that slept through its lease, and puts its bytes when another has finished, harms nothing.
func TestStalledWorkerIsRefused(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(10_000)
	digest := e.Content.Sums.Digest
	d.onPut(func(_ context.Context, put func() error) error {
		d.onPut(func(_ context.Context, put func() error) error { return put() })
		d.clock.Advance(2 * time.Hour)
		d.ok(d.transfers().Handle(t.Context(), digest))
		d.isAt(e, store.Disk)
		return put()
	})
	d.ok(d.transfers().Handle(t.Context(), digest))
	d.isAt(e, store.Disk)
	d.reads(e, data)
	d.sweep(afterGrace)
	d.holds(0, 1, 0)
	d.reads(e, data)
	d.clean()
}

// A worker whose lease another has taken is stopped.
func TestLostLeaseCancelsTheWork(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(10_000)
	digest := e.Content.Sums.Digest
	d.onPut(func(ctx context.Context, _ func() error) error {
		d.clock.Advance(2 * time.Hour)
		if _, err := d.db.LeaseTransfer(ctx, digest, d.clock.Now(), d.clock.Now().Add(time.Hour), nil); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Second):
			t.Error("the work was not cancelled")
			return errBroken
		}
	})
	w := d.transfers()
	w.LeaseTime = 60 * time.Millisecond
	d.ok(w.Handle(t.Context(), digest))
	d.isAt(e, store.Local)
	d.reads(e, data)
	jobs, err := d.db.ListTransfers(t.Context(), store.TransferPending, 10)
	if err != nil || len(jobs) != 1 || jobs[0].LeaseUntil.IsZero() {
		t.Fatalf("the other worker's lease is gone: %+v, %v", jobs, err)
	}
}

// deafRows takes no renewal.
type deafRows struct{ store.Transfers }

func (r deafRows) SaveTransfer(ctx context.Context, t store.Transfer, until time.Time) error {
	if jobs, err := r.ListTransfers(ctx, store.TransferPending, 1); err != nil || jobs[0].To.IsZero() {
		return errors.Join(err, r.Transfers.SaveTransfer(ctx, t, until))
	}
	return errBroken
}

// A worker that cannot renew its lease stops by itself when the lease has run out.
func TestLeaseThatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(10_000)
	w := d.transfers()
	w.Rows, w.Now, w.LeaseTime = deafRows{d.db}, time.Now, 60*time.Millisecond
	d.onPut(func(ctx context.Context, _ func() error) error {
		<-ctx.Done()
		return ctx.Err()
	})
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	d.isAt(e, store.Local)
	d.reads(e, data)
	d.onPut(func(_ context.Context, put func() error) error { return put() })
	await(t, "the next worker's turn", func() bool {
		next := d.transfers()
		next.Now = time.Now
		d.ok(next.Handle(t.Context(), e.Content.Sums.Digest))
		return d.moved(e)()
	})
	d.reads(e, data)
	d.sweep(afterGrace)
	d.holds(0, 1, 0)
}

// No byte goes to a place that the row does not name, so that no crash leaves bytes that nobody knows.
func TestDestinationIsNamedFirst(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.onPut(func(_ context.Context, put func() error) error {
		jobs, err := d.db.ListTransfers(t.Context(), store.TransferPending, 1)
		if err != nil || len(jobs) != 1 || jobs[0].To != d.objects.Locate(e.Content.Location.Name()) {
			t.Errorf("the row says %+v, %v", jobs, err)
		}
		return put()
	})
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.isAt(e, store.Disk)
}

// While a transfer takes longer than a lease, the lease is renewed.
func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(10_000)
	w := d.transfers()
	w.Now, w.LeaseTime = time.Now, 300*time.Millisecond
	until := func() time.Time {
		jobs, err := d.db.ListTransfers(t.Context(), store.TransferPending, 1)
		if err != nil || len(jobs) != 1 {
			t.Errorf("%+v, %v", jobs, err)
			return time.Time{}
		}
		return jobs[0].LeaseUntil
	}
	d.onPut(func(_ context.Context, put func() error) error {
		begun := until()
		await(t, "a renewed lease", func() bool { return until().Sub(begun) > w.LeaseTime })
		return put()
	})
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	d.isAt(e, store.Disk)
	d.reads(e, data)
}

func TestContentDeletedDuringItsTransfer(t *testing.T) {
	t.Parallel()
	for _, swept := range []bool{false, true} {
		for _, before := range []bool{false, true} {
			d := newDepot(t)
			e, _ := d.file(10_000)
			w := d.transfers()
			remove := func() {
				d.purge(e)
				if swept { // even what is put after the garbage was removed goes
					d.sweep(afterGrace)
				}
			}
			w.Step = func(name string) {
				if name == "transfer.named" && before || name == "transfer.put" && !before {
					remove()
				}
			}
			d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
			d.sweep(afterGrace)
			d.holds(0, 0, 0)
			d.clean()
		}
	}
}

func TestStopHandsTheLeaseBack(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(10_000)
	ctx, stop := context.WithCancel(t.Context())
	d.onPut(func(ctx context.Context, _ func() error) error {
		stop()
		<-ctx.Done()
		return ctx.Err()
	})
	d.ok(d.transfers().Handle(ctx, e.Content.Sums.Digest))
	due, err := d.db.DueTransfers(t.Context(), d.clock.Now(), 10)
	if err != nil || len(due) != 1 || due[0].Attempts != 0 || due[0].LastError != "" {
		t.Fatalf("due: %+v, %v", due, err)
	}
	d.reads(e, data)
}
