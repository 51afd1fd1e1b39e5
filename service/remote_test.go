package service_test

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// far is how a process without a disk of its own reads the depot's: as another node's.
type far struct {
	d    *depot
	down atomic.Bool
	wrap func(store.Blob) store.Blob // may be nil
}

func (f *far) open(ctx context.Context, node store.NodeID, name store.BlobName) (store.Blob, error) {
	if f.down.Load() || node != depotNode {
		return nil, errBroken
	}
	blob, err := f.d.local.Open(ctx, name)
	if err == nil && f.wrap != nil {
		blob = f.wrap(blob)
	}
	return blob, err
}

// diskless is a worker on another machine.
func (d *depot) diskless(f *far) *service.Transfers {
	w := d.transfers()
	w.Places = service.Places{Objects: d.places.Objects, Remote: f.open, Metrics: w.Metrics}
	return w
}

func TestWorkerWithoutADisk(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(3*testPart + 1)
	d.ok(d.diskless(&far{d: d}).Handle(t.Context(), e.Content.Sums.Digest))
	d.done(s, e, data)
}

func TestWorkersOnTwoMachines(t *testing.T) {
	t.Parallel()
	d, _ := withParts(t)
	w := d.diskless(&far{d: d})
	w.Now, w.ScanEvery, w.Slots = time.Now, 5*time.Millisecond, 2
	defer d.run(w)()
	defer d.run(d.worker())()
	for range 12 {
		e, data := d.file(2 * testPart)
		defer func() {
			await(t, "the transfer", func() bool { return d.content(e).Location.Kind == store.Ceph })
			d.reads(e, data)
		}()
	}
}

// While a node is down its jobs wait without a count of attempts, and its contents are not called damaged.
func TestNodeIsDown(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(3 * testPart)
	f := &far{d: d}
	f.down.Store(true)
	w := d.diskless(f)
	w.MaxAttempts = 2
	for range 10 {
		d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
		job := d.row()
		if wait := job.NextAttempt.Sub(d.clock.Now()); job.Attempts != 0 || wait <= 0 || wait > 30*time.Second {
			t.Fatalf("%d attempts, the next in %s", job.Attempts, wait)
		}
		d.clock.Advance(30 * time.Second)
	}
	if c := d.content(e); c.Status != store.ContentLive {
		t.Fatal("the content was called damaged")
	}
	f.down.Store(false)
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	d.done(s, e, data)
}

// dyingBlob stops answering after some reads.
type dyingBlob struct {
	store.Blob
	reads *atomic.Int64
}

func (b dyingBlob) ReadAt(p []byte, off int64) (int, error) {
	if b.reads.Add(-1) < 0 {
		return 0, errors.New("test: the line is cut")
	}
	return b.Blob.ReadAt(p, off)
}

// A node that goes down in the middle costs no attempt either, and its parts stay.
func TestNodeGoesDownMeanwhile(t *testing.T) {
	t.Parallel()
	d, s := withParts(t)
	e, data := d.file(4 * testPart)
	reads := &atomic.Int64{}
	reads.Store(30) // of 512 bytes and more
	f := &far{d: d, wrap: func(b store.Blob) store.Blob { return dyingBlob{b, reads} }}
	w := d.diskless(f)
	w.MaxAttempts = 1
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	if job := d.row(); job.Attempts != 0 || s.sent == 0 || s.sent == 4 {
		t.Fatalf("%d attempts, %d parts", job.Attempts, s.sent)
	}
	reads.Store(1 << 30)
	d.clock.Advance(time.Minute)
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	if s.sent != 4 {
		t.Errorf("%d parts went up", s.sent)
	}
	d.done(s, e, data)
}

// A node that is up and has no such blob says the truth.
func TestBlobIsGoneOnAnotherNode(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.ok(os.Remove(d.path(e.Content.Location)))
	if err := d.diskless(&far{d: d}).Handle(t.Context(), e.Content.Sums.Digest); !errors.Is(err, mq.ErrReject) {
		t.Fatalf("got %v", err)
	}
	if c := d.content(e); c.Status != store.ContentDamaged {
		t.Error("the content was not marked")
	}
}

// A spoiltBlob is a blob that arrives with another first byte, however often it is read.
type spoiltBlob struct{ store.Blob }

func (b spoiltBlob) Read(p []byte) (int, error) {
	n, err := b.Blob.Read(p)
	if n > 0 {
		p[0] ^= 0xff
	}
	return n, err
}

func (b spoiltBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Blob.ReadAt(p, off)
	if off == 0 && n > 0 {
		p[0] ^= 0xff
	}
	return n, err
}

// What a network spoils says nothing of the blob: only whoever reads the disk can call it damaged.
func TestNetworkSpoilsABlob(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	f := &far{d: d, wrap: func(b store.Blob) store.Blob { return spoiltBlob{b} }}
	d.ok(d.diskless(f).Handle(t.Context(), e.Content.Sums.Digest))
	if c := d.content(e); c.Status != store.ContentLive {
		t.Fatal("the content was marked")
	}
	d.clock.Advance(time.Hour)
	f.wrap = nil
	d.ok(d.diskless(f).Handle(t.Context(), e.Content.Sums.Digest))
	if c := d.content(e); c.Location.Kind != store.Disk {
		t.Errorf("the content is at %s", c.Location)
	}
}

// A process that reaches no other node leaves their jobs alone.
func TestJobsOfOtherNodesAreLeft(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	w := d.transfers()
	w.Places = service.Places{Node: "n2", Local: d.openBlobs(t.TempDir(), ".", store.Local), Objects: d.places.Objects}
	d.ok(w.Handle(t.Context(), e.Content.Sums.Digest))
	if job := d.row(); job.Fence != 0 {
		t.Errorf("the job was leased: %+v", job)
	}
}

func TestDownloadOfARemoteBlob(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	f := &far{d: d}
	s := d.downloads()
	s.Places = service.Places{Node: "n2", Local: d.openBlobs(t.TempDir(), ".", store.Local), Remote: f.open}
	down, err := s.Open(t.Context(), e.User, service.Ref{ID: e.ID})
	d.ok(err)
	defer down.Close()
	if got, err := io.ReadAll(down.Blob); err != nil || string(got) != string(data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	f.down.Store(true)
	_, err = s.Open(t.Context(), e.User, service.Ref{ID: e.ID})
	wantKind(t, "the node is down", err, service.Unavailable)
}

// A sweeper on a process without a disk sweeps what is shared, and is told from others like it.
func TestSweeperWithoutADisk(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.purge(e)
	expired := d.begin(1000, time.Minute)
	d.clock.Advance(afterGrace)
	s := d.sweeper()
	s.Staging, s.Places = nil, service.Places{Objects: d.places.Objects}
	other := d.sweeper()
	other.Staging, other.Places, other.Leader = nil, s.Places, s.Leader
	d.ok(s.Once(t.Context()))
	d.ok(other.Once(t.Context()))
	d.holds(1, 0, 1)
	u, err := d.db.UploadByID(t.Context(), expired.ID)
	d.ok(err)
	if u.State != store.UploadCancelled || d.account().Reserved != 0 {
		t.Errorf("%+v", u)
	}
	leads := 0
	for range 3 {
		if led, err := s.Leader.Lead(t.Context(), "n9", time.Minute); err != nil {
			t.Fatal(err)
		} else if led {
			leads++
		}
	}
	if leads != 0 {
		t.Error("it does not lead")
	}
}
