package service_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// kinds counts the findings.
func kinds(found []service.Finding) map[service.FindingKind]int {
	n := map[service.FindingKind]int{}
	for _, x := range found {
		n[x.Kind]++
	}
	return n
}

func TestFsckOfAGoodDrive(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	moved, data := d.file(300_000)
	d.ok(d.transfers().Handle(t.Context(), moved.Content.Sums.Digest))
	d.upload(d.newUser("bob"), "b", data)
	d.file(0)
	gone, _ := d.file(10)
	d.purge(gone)
	d.begin(100, 1<<40)
	report, found := d.fsck(false)
	if !report.Clean() || len(found) != 0 || report.Contents != 2 || report.Bytes != 300_000 || report.Blobs != 5 {
		t.Fatalf("%+v\n%v", report, found)
	}
	if !d.content(moved).Verified.Equal(moved.Content.Verified) {
		t.Error("a run without repair has written")
	}
	d.clock.Advance(1 << 40)
	d.fsck(true)
	if !d.content(moved).Verified.After(moved.Content.Verified) {
		t.Error("the content was not noted as verified")
	}
}

func TestFsckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	good, data := d.file(5000)
	missing, _ := d.file(1000)
	d.ok(os.Remove(d.path(missing.Content.Location)))
	spoilt, _ := d.file(700_000)
	d.spoil(spoilt.Content.Location)
	short, _ := d.file(1000)
	d.ok(os.Chmod(d.path(short.Content.Location), 0o600))
	d.ok(os.Truncate(d.path(short.Content.Location), 10))
	marked, markedData := d.file(1000)
	d.ok(d.db.MarkContent(t.Context(), marked.Content.Sums.Digest, marked.Content.Location, store.ContentDamaged, d.clock.Now()))
	orphan := store.NewUploadID(depotNode)
	sums, err := d.staging.Stream(t.Context(), orphan, bytes.NewReader([]byte("orphan")), 10)
	d.ok(err)
	d.ok(d.staging.Publish(t.Context(), orphan, store.NewBlobName(sums.Digest, orphan)))

	report, found := d.fsck(false)
	want := map[service.FindingKind]int{service.BlobMissing: 1, service.BlobDamaged: 2, service.BlobGood: 1, service.Orphan: 1}
	for kind, n := range want {
		if kinds(found)[kind] != n {
			t.Errorf("%d findings of kind %s, want %d", kinds(found)[kind], kind, n)
		}
	}
	if report.Problems != 5 || report.Repaired != 0 {
		t.Fatalf("%+v\n%v", report, found)
	}
	d.holds(5, 0, 0) // nothing has changed

	report, found = d.fsck(true)
	if report.Problems != 3 || report.Repaired != 2 {
		t.Fatalf("repair: %+v\n%v", report, found)
	}
	for _, e := range []store.Entry{missing, spoilt, short} {
		if _, err := d.downloads().Open(t.Context(), d.user.ID, service.Ref{ID: e.ID}); service.KindOf(err) != service.Damaged {
			t.Errorf("served after all: %v", err)
		}
	}
	d.reads(good, data)
	d.reads(marked, markedData)
	d.holds(5, 0, 1) // no byte was deleted
	d.sweep(afterGrace)
	d.holds(4, 0, 0)
	if report, found = d.fsck(true); report.Problems != 3 || report.Repaired != 0 {
		t.Fatalf("the lost stay lost until they are uploaded again: %+v\n%v", report, found)
	}
}

func TestFsckOfGarbage(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	gone, _ := d.file(1000)
	d.purge(gone)
	d.ok(os.Remove(d.path(gone.Content.Location)))
	report, found := d.fsck(false)
	if !report.Clean() || report.Notes != 1 || kinds(found)[service.GarbageGone] != 1 {
		t.Fatalf("%+v\n%v", report, found)
	}
	d.fsck(true)
	d.holds(0, 0, 0)
}

func TestFsckShowsTransfersThatWereGivenUp(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.onPut(func(context.Context, func() error) error { return errBroken })
	w := d.transfers()
	w.MaxAttempts = 1
	_ = w.Handle(t.Context(), e.Content.Sums.Digest)
	report, found := d.fsck(false)
	if !report.Clean() || report.Notes != 1 || kinds(found)[service.TransferStuck] != 1 {
		t.Fatalf("%+v\n%v", report, found)
	}
}

// A blob that cannot be read now is not called damaged.
func TestFsckOutOfReach(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.places.Objects = nil
	report, found := d.fsck(true)
	if report.Problems != 1 || kinds(found)[service.BlobUnread] != 1 {
		t.Fatalf("%+v\n%v", report, found)
	}
	if d.content(e).Status != store.ContentLive {
		t.Error("it was marked damaged")
	}
}

func TestFsckIsCancelled(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	for range 5 {
		d.file(1000)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &service.Fsck{Contents: d.db, Rows: d.db, Garbage: d.db, Places: d.places, Now: d.clock.Now}
	if _, err := f.Run(ctx, true, func(service.Finding) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
