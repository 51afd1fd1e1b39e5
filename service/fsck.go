package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Fsck compares rows, disk and references: every content is read whole. It may run beside a working drive; what changes
// meanwhile is looked at twice before it is called wrong.
type Fsck struct {
	Contents store.Contents
	Rows     store.Transfers
	Garbage  store.GarbageList
	Spares   store.Spares
	Places   Places
	Now      func() time.Time

	Workers   int           // contents read at a time; 2
	OrphanAge time.Duration // younger orphans may belong to a complete that is under way; 0: none is under way
}

// A Finding is something that is not as it should be.
type Finding struct {
	Kind     FindingKind
	Of       string // a digest, a location or a user's name
	Detail   string
	Note     bool // harmless: it mends itself, or is waiting for somebody
	Repaired bool
}

func (f Finding) String() string {
	s := fmt.Sprintf("%s %s: %s", f.Kind, f.Of, f.Detail)
	switch {
	case f.Repaired:
		return s + " (repaired)"
	case f.Note:
		return s + " (harmless)"
	}
	return s
}

// A FindingKind says what is wrong.
type FindingKind string

// The kinds of finding.
const (
	BlobMissing   FindingKind = "blob-missing"   // the row's place has no such blob
	BlobDamaged   FindingKind = "blob-damaged"   // its bytes are not what the row says
	BlobUnread    FindingKind = "blob-unread"    // it could not be read, or is out of reach: nothing is known
	BlobGood      FindingKind = "blob-good"      // it is marked damaged, and is not
	SpareLost     FindingKind = "spare-lost"     // a spare copy that is not there, or cut short
	Orphan        FindingKind = "orphan"         // nothing names the blob
	CountWrong    FindingKind = "count"          // a kept count is not what its rows add up to
	GarbageInUse  FindingKind = "garbage-in-use" // a content's blob is listed as garbage
	GarbageGone   FindingKind = "garbage-gone"   // a garbage row whose blob is gone
	TransferLost  FindingKind = "transfer-lost"  // a job without a content
	TransferStuck FindingKind = "transfer-stuck" // a job that was given up and waits for a replay
	MultipartLost FindingKind = "multipart-lost" // an unfinished multipart upload that no row names; the sweeper aborts it
)

// A Report sums a run up.
type Report struct {
	Contents int64 // read whole
	Bytes    int64
	Blobs    int64 // seen on the disks
	Problems int   // that remain
	Repaired int
	Notes    int
}

// Clean reports whether no problem remains.
func (r Report) Clean() bool { return r.Problems == 0 }

// Run looks at everything and calls found, one call at a time, as it goes. With repair it also mends what is safe to
// mend: damaged content is marked, so that it is served no more and the next upload replaces it; orphans become garbage;
// counts are set right. No byte is deleted.
func (f *Fsck) Run(ctx context.Context, repair bool, found func(Finding)) (Report, error) {
	r := &fsckRun{Fsck: f, repair: repair, found: found}
	for _, step := range []func(context.Context) error{r.contents, r.spares, r.blobs, r.multiparts, r.counts, r.garbage, r.transfers} {
		if err := step(ctx); err != nil {
			return r.report, fmt.Errorf("fsck: %w", err)
		}
	}
	return r.report, nil
}

// fsckRun is one run. mu guards the report and the calls of found.
type fsckRun struct {
	*Fsck
	repair bool
	found  func(Finding)
	mu     sync.Mutex
	report Report
}

func (r *fsckRun) tell(x Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case x.Repaired:
		r.report.Repaired++
	case x.Note:
		r.report.Notes++
	default:
		r.report.Problems++
	}
	r.found(x)
}

// fix runs mend where the run is to repair, and reports whether it did. A conflict means that somebody else changed
// what was wrong: the next run will see.
func (r *fsckRun) fix(mend func() error) (bool, error) {
	if !r.repair {
		return false, nil
	}
	err := mend()
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// rowsAtATime is how many rows one question to the store brings.
const rowsAtATime = 500

// most is how many findings of one kind, or rows of a list, a run looks at. The next run sees more.
const most = 100_000

// spares looks for spare copies on this node's disk that are gone or cut short. Their bytes are read by the drive when it
// decides about them. That one is lost is no problem as long as the content's own blob is right.
func (r *fsckRun) spares(ctx context.Context) error {
	spares, err := r.Spares.DueSpares(ctx, r.Places.Node, r.Now().AddDate(100, 0, 0), most)
	if err != nil {
		return err
	}
	for _, sp := range spares {
		blob, err := r.Places.Open(ctx, sp.Location)
		if err == nil {
			right := blob.Size() == sp.Sums.Size
			if blob.Close(); right {
				continue
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		mended, err := r.fix(func() error { return r.Spares.DropSpare(ctx, sp.Location, r.Now()) })
		if err != nil {
			return err
		}
		detail := "the spare copy of a content is gone or has another size"
		r.tell(Finding{Kind: SpareLost, Of: sp.Location.String(), Detail: detail, Note: true, Repaired: mended})
	}
	return nil
}

// blobs looks for blobs that nothing names.
func (r *fsckRun) blobs(ctx context.Context) error {
	for _, b := range r.Places.all() {
		err := findOrphans(ctx, countBlobs{b, &r.report.Blobs}, r.Contents, r.orphansBefore(), func(l store.Location) error {
			mended, err := r.fix(func() error { return r.Garbage.AddGarbage(ctx, store.Garbage{Location: l, Since: r.Now()}) })
			r.tell(Finding{Kind: Orphan, Of: l.String(), Detail: "blob is not used", Repaired: mended})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// orphansBefore is how old a thing must be to be called an orphan.
func (r *fsckRun) orphansBefore() time.Time {
	before := r.Now().Add(-r.OrphanAge)
	if r.OrphanAge == 0 {
		before = before.Add(time.Hour) // all, also where clocks differ
	}
	return before
}

// multiparts looks for unfinished multipart uploads that nobody will go on with.
func (r *fsckRun) multiparts(ctx context.Context) error {
	for _, b := range r.Places.Objects {
		parts, ok := b.(store.ResumableBlobs)
		if !ok {
			continue
		}
		err := findMultiparts(ctx, parts, r.Garbage, r.orphansBefore(), func(m store.Multipart) error {
			r.tell(Finding{Kind: MultipartLost, Of: b.Locate(m.Name).String(), Detail: "multipart upload is not used", Note: true})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// countBlobs counts what List sees.
type countBlobs struct {
	store.Blobs
	n *int64
}

func (c countBlobs) List(ctx context.Context, fn func(store.BlobInfo) error) error {
	return c.Blobs.List(ctx, func(info store.BlobInfo) error {
		*c.n++
		return fn(info)
	})
}

// counts compares kept counts with the rows that they count.
func (r *fsckRun) counts(ctx context.Context) error {
	wrong, err := r.Contents.CountRefs(ctx, r.repair, most)
	if err != nil {
		return err
	}
	for _, w := range wrong {
		detail := fmt.Sprintf("%s is recorded as %d, but is %d", w.What, w.Have, w.Got)
		r.tell(Finding{Kind: CountWrong, Of: w.Of, Detail: detail, Repaired: r.repair})
	}
	return nil
}

// garbage looks for rows whose blob is gone, which is harmless, and for blobs in use that are listed, which is not.
func (r *fsckRun) garbage(ctx context.Context) error {
	for _, b := range r.Places.all() {
		later := r.Now().Add(24 * time.Hour)
		rows, err := r.Garbage.DueGarbage(ctx, b.Kind(), garbageIn(b, r.Places.Node), later, most)
		if err != nil {
			return err
		}
		for _, g := range rows {
			if err := r.garbageRow(ctx, b, g.Location); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *fsckRun) garbageRow(ctx context.Context, b store.Blobs, l store.Location) error {
	c, err := r.Contents.Content(ctx, l.Name().Digest())
	if err == nil && c.Location == l {
		mended, err := r.fix(func() error { return r.Garbage.DropGarbage(ctx, l) })
		r.tell(Finding{Kind: GarbageInUse, Of: l.String(), Detail: "blob is in use", Repaired: mended})
		return err
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	blob, err := b.Open(ctx, l.Name())
	if err == nil {
		return blob.Close()
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	mended, err := r.fix(func() error { return r.Garbage.DropGarbage(ctx, l) })
	r.tell(Finding{Kind: GarbageGone, Of: l.String(), Detail: "blob is already deleted", Note: true, Repaired: mended})
	return err
}

// transfers looks for jobs without a content, and shows those that were given up.
func (r *fsckRun) transfers(ctx context.Context) error {
	for _, state := range []store.TransferState{store.TransferPending, store.TransferFailed} {
		jobs, err := r.Rows.ListTransfers(ctx, state, most)
		if err != nil {
			return err
		}
		for _, t := range jobs {
			_, err := r.Contents.Content(ctx, t.Digest)
			switch {
			case errors.Is(err, store.ErrNotFound):
				r.tell(Finding{Kind: TransferLost, Of: t.Digest.String(), Detail: "content not found"})
			case err != nil:
				return err
			case state == store.TransferFailed:
				r.tell(Finding{Kind: TransferStuck, Of: t.Digest.String(), Detail: t.LastError, Note: true})
			}
		}
	}
	return nil
}
