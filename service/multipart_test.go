package service_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// row returns the only job.
func (d *depot) row() store.Transfer {
	d.Helper()
	jobs, err := d.db.ListTransfers(context.Background(), store.TransferPending, 10)
	d.ok(err)
	if len(jobs) != 1 {
		d.Fatalf("jobs: %+v", jobs)
	}
	return jobs[0]
}

// done checks that a file has been moved whole and that nothing is left of the move.
func (d *depot) done(s *partsStore, e store.Entry, data []byte) {
	d.Helper()
	d.isAt(e, store.Ceph)
	d.reads(e, data)
	d.sweep(2 * time.Hour)
	d.holds(0, 1, 0)
	d.reads(e, data)
	d.clean()
	if n := s.open(); n != 0 {
		d.Errorf("%d multipart uploads are left", n)
	}
}

func TestMultipartIsRecordedBeforeItsParts(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(5*testPart + 1)
	s.onPart = func(_ context.Context, number int) error {
		if got := d.row().S3Upload; got != "multipart-1" {
			t.Errorf("at part %d the row names the upload %q", number, got)
		}
		return nil
	}
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.done(s, e, data)
}

func TestSmallBlobNeedsNoMultipart(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(100)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	if s.count != 0 {
		t.Error("it was put in parts")
	}
	d.done(s, e, data)
}

// A worker killed at any step is continued by another, from the parts that are there.
func TestKilledWorkerIsContinued(t *testing.T) {
	t.Parallel()
	const parts = 4
	tests := []struct {
		step string
		part int // or killed before this part
		sent int // parts in all
		left int // multipart uploads that nobody knows
	}{
		{step: "transfer.leased", sent: parts},
		{step: "transfer.named", sent: parts},
		{step: "transfer.multipart", sent: parts, left: 1},
		{step: "transfer.begun", sent: parts},
		{step: "transfer.put", sent: parts},
		{step: "transfer.finished", sent: parts},
		{step: "part 1", part: 1, sent: parts},
		{step: "part 3", part: 3, sent: parts},
		{step: "all parts", part: -1, sent: parts},
	}
	for _, tt := range tests {
		t.Run(tt.step, func(t *testing.T) {
			t.Parallel()
			d, s := withParts(t)
			e, data := d.file(parts * testPart)
			digest := e.Content.Sums.Digest
			s.onPart = func(_ context.Context, number int) error {
				if number == tt.part {
					panic("killed")
				}
				return nil
			}
			if tt.part < 0 {
				s.onEnd = func() { panic("killed") }
			}
			if !crashAt(d, digest, tt.step) {
				t.Fatal("it was not killed")
			}
			s.onPart, s.onEnd = nil, nil
			d.reads(e, data)
			d.clock.Advance(2 * time.Hour) // the dead worker's lease has run out
			d.ok(d.transfers().Handle(t.Context(), digest))
			d.isAt(e, store.Ceph)
			d.reads(e, data)
			if s.sent != tt.sent || s.open() != tt.left {
				t.Errorf("%d parts went up, %d uploads are left; want %d, %d", s.sent, s.open(), tt.sent, tt.left)
			}
			d.sweep(25 * time.Hour)
			d.done(s, e, data)
		})
	}
}

// An upload that the store has forgotten is begun anew, and the row follows.
func TestForgottenMultipart(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(3 * testPart)
	digest := e.Content.Sums.Digest
	s.onPart = func(_ context.Context, number int) error {
		if number == 2 {
			return errBroken
		}
		return nil
	}
	d.ok(d.transfers().Handle(t.Context(), digest))
	d.ok(s.AbortMultipart(t.Context(), "", d.row().S3Upload))
	s.onPart = func(context.Context, int) error {
		if got := d.row().S3Upload; got != "multipart-2" {
			t.Errorf("the row names %q", got)
		}
		return nil
	}
	d.clock.Advance(time.Hour)
	d.ok(d.transfers().Handle(t.Context(), digest))
	d.done(s, e, data)
}

// A worker that was stopped in the middle hands its lease back at once, and another goes on.
func TestStoppedWorkerIsContinued(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(4 * testPart)
	digest := e.Content.Sums.Digest
	ctx, stop := context.WithCancel(t.Context())
	s.onPart = func(ctx context.Context, number int) error {
		if number == 3 {
			stop()
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	d.ok(d.transfers().Handle(ctx, digest))
	s.onPart = nil
	d.ok(d.transfers().Handle(t.Context(), digest))
	if s.sent != 4 {
		t.Errorf("%d parts went up", s.sent)
	}
	d.done(s, e, data)
}

// A worker stalls at a part, or before the end; its lease goes to another, who finishes; then it wakes.
func TestStalledWorkerOfAMultipart(t *testing.T) {
	t.Parallel()
	for _, atEnd := range []bool{false, true} {
		d, s := withParts(t)
		e, data := d.file(4 * testPart)
		digest := e.Content.Sums.Digest
		var stalled atomic.Bool
		stall := func() {
			if stalled.Swap(true) {
				return
			}
			d.clock.Advance(2 * time.Hour)
			d.ok(d.transfers().Handle(t.Context(), digest))
			d.isAt(e, store.Ceph)
		}
		s.onPart = func(_ context.Context, number int) error {
			if number == 3 && !atEnd {
				stall()
			}
			return nil
		}
		if atEnd {
			s.onEnd = stall
		}
		d.ok(d.transfers().Handle(t.Context(), digest))
		d.done(s, e, data)
	}
}

// A worker stalls, another takes over and is in the middle when the first wakes: neither hurts the other.
func TestWokenWorkerDoesNotHurtTheNext(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(4 * testPart)
	digest := e.Content.Sums.Digest
	first, second := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	s.onPart = func(_ context.Context, number int) error {
		if number != 2 {
			return nil
		}
		if calls.Add(1) == 1 {
			close(first)
			<-second
			return errBroken // its connection is dead by now
		}
		close(second)
		await(t, "the first worker's end", func() bool { return calls.Load() == 100 })
		return nil
	}
	ended := make(chan error)
	go func() {
		err := d.transfers().Handle(context.Background(), digest)
		calls.Store(100)
		ended <- err
	}()
	<-first
	d.clock.Advance(2 * time.Hour)
	d.ok(d.transfers().Handle(t.Context(), digest))
	d.ok(<-ended)
	d.done(s, e, data)
}

// refusing takes no change of the job that names a multipart upload.
type refusing struct {
	store.Transfers
	err   error
	takes bool // the change is made, and its answer lost
}

func (r refusing) SaveTransfer(ctx context.Context, t store.Transfer, until time.Time) error {
	if t.S3Upload == "" || r.takes {
		if err := r.Transfers.SaveTransfer(ctx, t, until); err != nil || t.S3Upload == "" {
			return err
		}
	}
	return r.err
}

// A multipart upload that could not be recorded is aborted, for nobody would ever find it.
func TestUnrecordedMultipartIsAborted(t *testing.T) {
	t.Parallel()
	for _, rows := range []refusing{{err: store.ErrConflict}, {err: errBroken}, {err: errBroken, takes: true}} {
		d, s := withParts(t)
		e, data := d.file(4 * testPart)
		rows.Transfers = d.db
		w := d.transfers()
		w.Rows = rows
		d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
		if s.open() != 0 || s.sent != 0 {
			t.Errorf("%v: %d uploads, %d parts", rows.err, s.open(), s.sent)
		}
		d.clock.Advance(2 * time.Hour)
		d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
		d.done(s, e, data)
	}
}

// Renewals of the lease go on all the while, and none of them takes the multipart upload out of the row again.
func TestRenewalKeepsTheMultipart(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(4 * testPart)
	w := d.transfers()
	w.Now, w.LeaseTime = time.Now, 60*time.Millisecond
	s.onPart = func(context.Context, int) error {
		now := d.row()
		await(t, "a renewed lease", func() bool { return d.row().LeaseUntil.After(now.LeaseUntil) })
		if got := d.row(); got.S3Upload != "multipart-1" || got.To.IsZero() {
			t.Errorf("after a renewal the row is %+v", got)
		}
		return nil
	}
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	d.done(s, e, data)
}

// A content that is deleted while its parts go up leaves neither parts nor a blob.
func TestContentDeletedDuringItsMultipart(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"transfer.begun", "part", "end", "transfer.put"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			d, s := withParts(t)
			e, _ := d.file(3 * testPart)
			s.onPart = func(_ context.Context, number int) error {
				if when == "part" && number == 2 {
					d.purge(e)
				}
				return nil
			}
			s.onEnd = func() {
				if when == "end" {
					d.purge(e)
				}
			}
			w := d.transfers()
			w.Step = func(name string) {
				if name == when {
					d.purge(e)
				}
			}
			d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
			d.sweep(afterGrace)
			d.holds(0, 0, 0)
			if s.open() != 0 {
				t.Errorf("%d uploads are left", s.open())
			}
			d.clean()
		})
	}
}

// Garbage is aborted before its row goes; where that fails it is tried again.
func TestGarbageWithAMultipart(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, _ := d.file(3 * testPart)
	s.onPart = func(_ context.Context, number int) error {
		if number == 2 {
			return errBroken
		}
		return nil
	}
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.purge(e)
	d.clock.Advance(afterGrace)
	s.failing = errBroken
	if err := d.sweeper().Once(t.Context()); err == nil {
		t.Error("the sweep should have failed")
	}
	d.holds(0, 0, 1)
	s.failing = nil
	d.ok(d.sweeper().Once(t.Context()))
	d.holds(0, 0, 0)
	if s.open() != 0 {
		t.Errorf("%d uploads are left", s.open())
	}
}

// Multiparts go when they are a day old and no row names them. Others are left alone.
func TestAbandonedMultipartsGo(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(3 * testPart)
	s.onPart = func(context.Context, int) error { return errBroken }
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	named := d.row().S3Upload
	lost := s.begin(e.Content.Location.Name())
	foreign := s.begin("somebody/else's upload")
	if _, found := d.fsck(false); kinds(found)[service.MultipartLost] != 1 {
		t.Errorf("fsck found %v", found)
	}
	sweep := func(after time.Duration) {
		d.clock.Advance(after)
		d.ok(d.sweeper().Once(t.Context()))
	}
	sweep(23 * time.Hour)
	if s.open() != 3 {
		t.Fatalf("%d uploads after 23 hours", s.open())
	}
	sweep(2 * time.Hour)
	if !s.knows(named) || s.knows(lost) || !s.knows(foreign) {
		t.Errorf("named %v, lost %v, foreign %v", s.knows(named), s.knows(lost), s.knows(foreign))
	}
	s.onPart = nil
	d.ok(s.AbortMultipart(t.Context(), "", foreign))
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.done(s, e, data)
}

func TestBandwidth(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	w := d.transfers()
	w.Bandwidth = 1 << 20
	var files []store.Entry
	var datas [][]byte
	for range 2 {
		e, data := d.file(5 * testPart)
		files, datas = append(files, e), append(datas, data)
	}
	begun := time.Now()
	ended := make(chan error)
	for _, e := range files {
		go func() { ended <- w.Handle(context.Background(), e.Content.Sums.Digest) }()
	}
	for range files {
		d.ok(<-ended)
	}
	// Of 640 KiB an eighth of a second's bytes go at once.
	if took := time.Since(begun); took < 450*time.Millisecond {
		t.Errorf("640 KiB at 1 MiB/s took %s", took)
	}
	for i, e := range files {
		d.isAt(e, store.Ceph)
		d.reads(e, datas[i])
	}
	if s.sent != 10 {
		t.Errorf("%d parts", s.sent)
	}
}

// A stop does not wait for the bandwidth.
func TestStopWhileWaitingForBandwidth(t *testing.T) {
	t.Parallel()
	d, _ := withParts(t)
	e, data := d.file(5 * testPart)
	w := d.transfers()
	w.Bandwidth = 1
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	d.ok(w.Handle(ctx, e.Content.Sums.Digest))
	if got := d.row(); got.Attempts != 0 {
		t.Errorf("the row is %+v", got)
	}
	d.reads(e, data)
}

func TestDownloadWhileTheObjectStoreIsDown(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	moved, _ := d.file(10)
	d.ok(d.transfers().Handle(t.Context(), moved.Content.Sums.Digest))
	local, data := d.file(2 * testPart)
	s.failing = errBroken
	d.ok(d.transfers().Handle(t.Context(), local.Content.Sums.Digest))
	d.reads(local, data)
	_, err := d.downloads().Open(t.Context(), moved.User, service.Ref{ID: moved.ID})
	wantKind(t, "download", err, service.Unavailable)
}
