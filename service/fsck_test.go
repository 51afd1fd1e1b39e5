package service_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/blinkdrive/blinkdrive/mq"
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

// What a transfer gave up as spoilt, and has its bytes again, is moved after all.
func TestFsckReplaysWhatItFindsGood(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.places.Local = copied{d.local}
	e, data := d.file(700_000)
	d.spoil(e.Content.Location)
	digest := e.Content.Sums.Digest
	if err := d.transfers().Handle(t.Context(), digest); !errors.Is(err, mq.ErrReject) {
		t.Fatalf("the transfer of a spoilt blob ends with %v", err)
	}
	d.ok(os.WriteFile(d.path(e.Content.Location), data, 0o600))
	if report, found := d.fsck(true); !report.Clean() || report.Repaired != 1 {
		t.Fatalf("%+v\n%v", report, found)
	}
	d.ok(d.transfers().Handle(t.Context(), digest))
	d.isAt(e, store.Disk)
	d.reads(e, data)
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

// tamper changes the database behind the drive's back.
func (d *depot) tamper(statement string, args ...any) {
	d.Helper()
	db, err := sql.Open("sqlite", filepath.Join(d.root, "blinkdrive.db"))
	d.ok(err)
	_, err = db.Exec(statement, args...)
	d.ok(errors.Join(err, db.Close()))
}

func TestFsckSetsCountsRight(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.file(1000)
	d.tamper(`UPDATE tbl_file SET ref_count = 7`)
	d.tamper(`UPDATE tbl_user SET used = 5, reserved = 6`)
	report, found := d.fsck(false)
	if report.Problems != 3 || kinds(found)[service.CountWrong] != 3 {
		t.Fatalf("%+v\n%v", report, found)
	}
	if report, found = d.fsck(true); !report.Clean() || report.Repaired != 3 {
		t.Fatalf("%+v\n%v", report, found)
	}
	d.clean()
	if u := d.account(); u.Used != 1000 || u.Reserved != 0 {
		t.Errorf("%+v", u)
	}
}

func TestFsckTakesABlobInUseOffTheGarbageList(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	l := e.Content.Location
	d.tamper(`INSERT INTO tbl_garbage (file_addr, blob_name, kind, node, s3_upload, since) VALUES (?, ?, 'local', 'n1', '', 0)`,
		l.String(), string(l.Name()))
	report, found := d.fsck(false)
	if report.Problems != 1 || kinds(found)[service.GarbageInUse] != 1 {
		t.Fatalf("%+v\n%v", report, found)
	}
	if report, found = d.fsck(true); !report.Clean() {
		t.Fatalf("%+v\n%v", report, found)
	}
	d.holds(1, 0, 0)
	d.reads(e, data)
}

func TestFsckFindsJobsWithoutContent(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	f := &service.Fsck{Contents: noContents{d.db}, Rows: d.db, Garbage: d.db, Spares: d.db, Places: d.places, Now: d.clock.Now}
	var found []service.Finding
	report, err := f.Run(t.Context(), true, func(x service.Finding) { found = append(found, x) })
	d.ok(err)
	if report.Problems != 1 || found[0].Kind != service.TransferLost {
		t.Fatalf("%+v\n%v", report, found)
	}
	if want := "transfer-lost " + e.Content.Sums.Digest.String() + ": content not found"; found[0].String() != want {
		t.Errorf("got %s", found[0])
	}
}

// noContents knows of no content, which the database itself does not let happen.
type noContents struct{ store.Contents }

func (noContents) Content(context.Context, store.Digest) (store.Content, error) {
	return store.Content{}, store.ErrNotFound
}

func (noContents) ListContents(context.Context, int64, int) ([]store.Content, error) { return nil, nil }

// A content that moves while it is read is looked at where it is now.
func TestFsckBesideATransfer(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	f := &service.Fsck{Contents: &movingContents{d.db, func() {
		d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
		d.sweep(afterGrace)
	}}, Rows: d.db, Garbage: d.db, Spares: d.db, Places: d.places, Now: d.clock.Now}
	report, err := f.Run(t.Context(), true, func(x service.Finding) { t.Error(x) })
	if err != nil || report.Contents != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
}

// movingContents has something happen after its rows were listed.
type movingContents struct {
	store.Contents
	then func()
}

func (m *movingContents) ListContents(ctx context.Context, after int64, limit int) ([]store.Content, error) {
	cs, err := m.Contents.ListContents(ctx, after, limit)
	if m.then != nil {
		m.then()
		m.then = nil
	}
	return cs, err
}

func TestFsckShowsTransfersThatWereGivenUp(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	d.onPut(func(context.Context, func() error) error { return errRefused })
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
	f := &service.Fsck{Contents: d.db, Rows: d.db, Garbage: d.db, Spares: d.db, Places: d.places, Now: d.clock.Now}
	if _, err := f.Run(ctx, true, func(service.Finding) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
