package service_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/memory"
)

// begin starts an upload with a row and staging.
func (d *depot) begin(size int64, life time.Duration) store.Upload {
	d.Helper()
	u := store.Upload{ID: store.NewUploadID(depotNode), User: d.user.ID, Layout: store.Layout{Size: size, ChunkSize: 1 << 20},
		Name: "a", Reserved: size, Created: d.clock.Now(), Expires: d.clock.Now().Add(life)}
	d.ok(d.db.StartUpload(d.Context(), u, store.UploadLimits{}))
	d.ok(d.staging.Create(d.Context(), store.StagedUpload{ID: u.ID, Layout: u.Layout}))
	return u
}

func (d *depot) staged() (ids []store.UploadID) {
	d.Helper()
	d.ok(d.staging.List(d.Context(), func(id store.UploadID, _ time.Time) error { ids = append(ids, id); return nil }))
	return ids
}

func (d *depot) account() store.User {
	d.Helper()
	u, err := d.db.User(d.Context(), d.user.ID)
	d.ok(err)
	return u
}

func TestExpiredUploadsEnd(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	short, long := d.begin(1000, time.Hour), d.begin(2000, 100*time.Hour)
	d.sweep(0)
	if n := len(d.staged()); n != 2 || d.account().Reserved != 3000 {
		t.Fatalf("%d staged, %+v", n, d.account())
	}
	d.sweep(2 * time.Hour)
	if ids := d.staged(); len(ids) != 1 || ids[0] != long.ID || d.account().Reserved != 2000 {
		t.Fatalf("staged %v, %+v", ids, d.account())
	}
	u, err := d.db.UploadByID(t.Context(), short.ID)
	if err != nil || u.State != store.UploadCancelled {
		t.Fatalf("%+v, %v", u, err)
	}
	d.sweep(0) // again: nothing
	d.sweep(8 * 24 * time.Hour)
	if _, err := d.db.UploadByID(t.Context(), short.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an old upload is still remembered: %v", err)
	}
	d.clean()
}

// Staging without a row stays for an hour: its row may be about to be written, or it is a form.
func TestStagingWithoutAnUploadGoes(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	formID := store.NewUploadID(depotNode)
	_, err := d.staging.Stream(t.Context(), formID, bytes.NewReader([]byte("abc")), 10)
	d.ok(err)
	ended := d.begin(1000, time.Hour)
	d.ok(d.db.EndUpload(t.Context(), ended.ID))
	d.sweep(0)
	if ids := d.staged(); len(ids) != 1 || ids[0] != formID {
		t.Fatalf("staged: %v", ids)
	}
	d.sweep(2 * time.Hour)
	if ids := d.staged(); len(ids) != 0 {
		t.Fatalf("staged: %v", ids)
	}
}

func TestOrphansGoAfterADay(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	orphan := store.NewUploadID(depotNode)
	sums, err := d.staging.Stream(t.Context(), orphan, bytes.NewReader([]byte("orphan")), 10)
	d.ok(err)
	d.ok(d.staging.Publish(t.Context(), orphan, store.NewBlobName(sums.Digest, orphan)))
	open := d.begin(6, 100*time.Hour) // its complete died after the link
	blob, err := d.local.Open(t.Context(), store.NewBlobName(sums.Digest, orphan))
	d.ok(err)
	defer blob.Close()
	d.ok(d.objects.Put(t.Context(), store.NewBlobName(sums.Digest, open.ID), blob, sums))
	d.ok(d.objects.Put(t.Context(), store.NewBlobName(sums.Digest, store.NewUploadID("n2")), blob, sums))

	d.sweep(23 * time.Hour)
	d.holds(2, 2, 0)
	d.sweep(2 * time.Hour)
	d.holds(2, 2, 2)
	d.sweep(afterGrace)
	d.holds(1, 1, 0)
	d.reads(e, data)
}

func TestOldTrashIsPurged(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	keep, data := d.file(1000)
	d.ok(d.db.Trash(t.Context(), d.user.ID, e.ID, 0, d.clock.Now()))
	d.sweep(29 * 24 * time.Hour)
	if d.account().Used != 2000 {
		t.Fatal("purged too early")
	}
	for range 3 {
		d.sweep(24 * time.Hour)
	}
	if d.account().Used != 1000 {
		t.Fatalf("%+v", d.account())
	}
	d.holds(1, 0, 0)
	d.reads(keep, data)
	d.clean()
}

func TestTrashKeptForEver(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.ok(d.db.Trash(t.Context(), d.user.ID, e.ID, 0, d.clock.Now()))
	s := d.sweeper()
	s.TrashTTL = -1
	d.clock.Advance(1000 * 24 * time.Hour)
	d.ok(s.Once(t.Context()))
	if d.account().Used != 1000 {
		t.Fatalf("%+v", d.account())
	}
}

func TestExpiredTokensGo(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	h := store.TokenHash{1}
	d.ok(d.db.AddToken(t.Context(), store.Token{Hash: h, User: d.user.ID, Created: d.clock.Now(), Expires: d.clock.Now().Add(time.Hour)},
		d.user.PasswordHash))
	before := d.clock.Now()
	d.sweep(30 * time.Minute)
	if _, _, err := d.db.Token(t.Context(), h, before); err != nil {
		t.Fatal(err)
	}
	d.sweep(time.Hour)
	if _, _, err := d.db.Token(t.Context(), h, before); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestOverdueTransfersAreRung(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.sweep(20 * time.Minute)
	w := d.worker()
	w.Rows = blindRows{d.db}
	defer d.run(w)()
	await(t, "the transfer", d.moved(e))
}

// blindRows finds no due rows, so that only a message can.
type blindRows struct{ store.Transfers }

func (blindRows) DueTransfers(context.Context, time.Time, int) ([]store.Transfer, error) {
	return nil, nil
}

// More rows than a batch go in one sweep, and whoever is not the leader sweeps only its own.
func TestSweepInBatches(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	for range 7 {
		e, _ := d.file(10)
		d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
		d.purge(e)
	}
	d.holds(7, 7, 14)
	d.clock.Advance(afterGrace)
	s := d.sweeper()
	s.Batch = 2
	led, err := s.Leader.Lead(t.Context(), "n2", 10*time.Minute)
	if !led || err != nil {
		t.Fatal(led, err)
	}
	d.ok(s.Once(t.Context()))
	d.holds(0, 7, 7)
	d.clock.Advance(11 * time.Minute)
	d.ok(s.Once(t.Context()))
	d.holds(0, 0, 0)
}

// failingKeeper cannot tell of expired uploads.
type failingKeeper struct{ store.UploadKeeper }

func (failingKeeper) ExpiredUploads(context.Context, time.Time, int) ([]store.Upload, error) {
	return nil, errBroken
}

// stuckBlobs cannot delete.
type stuckBlobs struct{ store.Blobs }

func (stuckBlobs) Delete(context.Context, store.BlobName) error { return errBroken }

func TestFailedStepsDoNotStopTheOthers(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.purge(e)
	d.clock.Advance(afterGrace)
	s := d.sweeper()
	s.Keeper = failingKeeper{d.db}
	s.Places.Objects = map[store.Kind]store.Blobs{store.Disk: stuckBlobs{d.objects}}
	if err := s.Once(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	d.holds(0, 1, 1)
	d.sweep(0)
	d.holds(0, 0, 0)
}

// wrongGarbage lists a blob that is in use, as only a bug or a bad hand could.
type wrongGarbage struct {
	store.GarbageList
	at store.Location
}

func (g wrongGarbage) DueGarbage(_ context.Context, k store.Kind, _ string, _ time.Time, _ int) ([]store.Garbage, error) {
	if k != g.at.Kind {
		return nil, nil
	}
	return []store.Garbage{{Location: g.at}}, nil
}

func TestBlobInUseIsNeverDeleted(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	s := d.sweeper()
	s.Garbage = wrongGarbage{d.db, e.Content.Location}
	d.clock.Advance(afterGrace)
	d.ok(s.Once(t.Context()))
	d.reads(e, data)
}

func TestSweeperRuns(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.purge(e)
	d.clock.Advance(afterGrace)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	s := d.sweeper()
	go func() { ended <- s.Run(ctx, time.Millisecond) }()
	await(t, "the removal", func() bool {
		left, err := filepath.Glob(filepath.Join(d.root, "blobs", "??", "??", "*"))
		return err == nil && len(left) == 0
	})
	cancel()
	d.ok(<-ended)
	if led, err := s.Leader.Lead(t.Context(), "n2", time.Minute); !led || err != nil {
		t.Errorf("leadership was kept: %v", err)
	}
	if _, err := os.Stat(filepath.Join(d.root, "blobs")); err != nil {
		t.Error(err)
	}
}

// A chunk may come after the sweeper has made its list of expired uploads and before it ends the one it belongs to.
func TestExtendedUploadIsNotEnded(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.begin(1000, time.Hour)
	later := d.begin(2000, 2*time.Hour) // the second on the list
	progress := memory.NewProgress()
	progress.Fault = func(op string) error { // called while the first is ended
		return d.db.ExtendUpload(context.Background(), later.ID, d.clock.Now().Add(time.Hour))
	}
	d.clock.Advance(3 * time.Hour)
	s := d.sweeper()
	s.Progress = progress
	d.ok(s.Once(t.Context()))
	u, err := d.db.UploadByID(t.Context(), later.ID)
	d.ok(err)
	if u.State != store.UploadOpen || d.account().Reserved != 2000 {
		t.Errorf("the upload is %v; reserved %d", u.State, d.account().Reserved)
	}
	staged, err := d.staging.Open(t.Context(), later.ID)
	d.ok(err)
	defer staged.Close()
	if _, err := staged.WriteChunk(t.Context(), 1, bytes.NewReader(make([]byte, 2000)), store.Digest{}); err != nil {
		t.Error(err)
	}
}
