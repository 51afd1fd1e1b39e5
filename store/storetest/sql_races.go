package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Races tests what transactions that run at the same moment make of the same rows. Most of it comes down to two promises: a
// place is never both in use and garbage, and every count is right.
func Races(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"CompleteWhatBecomesGarbage": raceCompleteGarbage,
		"DestinationBecomesGarbage":  raceDestinationGarbage,
		"FinishWhatIsPurged":         raceFinishPurge,
		"FinishWhatIsReplaced":       raceFinishReplace,
		"BindOneDigest":              raceBind,
		"BindAndComplete":            raceBindComplete,
		"CancelAndComplete":          raceCancelComplete,
		"ContentsInBothOrders":       raceOrders,
		"PurgeSharedContents":        racePurge,
		"RepairWhileBusy":            raceRepair,
	})
}

// repeats is how often a race of two is run: either may win.
const repeats = 12

// used reports whether a content is at a place.
func (w *world) used(s store.Sums, l store.Location) bool {
	w.Helper()
	c, err := w.db.Content(w.Context(), s.Digest)
	if !errors.Is(err, store.ErrNotFound) {
		w.ok(err)
	}
	return err == nil && c.Location == l
}

// among fails unless the error is none, or one of these.
func (w *world) among(err error, allowed ...error) {
	w.Helper()
	for _, a := range allowed {
		if errors.Is(err, a) {
			return
		}
	}
	w.ok(err)
}

// An upload's blob is listed as an orphan at the moment when the upload completes.
func raceCompleteGarbage(w *world) {
	for i := range repeats {
		c := w.completion(w.alice, fmt.Sprint(i), sums(fmt.Sprint(i), 10))
		errs := together(2, func(n int) error {
			if n == 0 {
				return w.db.AddGarbage(w.Context(), store.Garbage{Location: c.Location, Since: w.now})
			}
			_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
			return err
		})
		if count(errs, nil) != 1 || count(errs, store.ErrConflict) != 1 {
			w.Fatalf("results: %v", errs)
		}
		if _, garbage := w.garbage()[c.Location]; garbage == w.used(c.Sums, c.Location) {
			w.Fatalf("results: %v, garbage: %v", errs, garbage)
		}
	}
	w.counted()
}

// The place that a transfer goes to is listed while a worker names it, or moves there without having named it.
func raceDestinationGarbage(w *world) {
	for i := range repeats {
		job := w.moving(fmt.Sprint(i))
		job.To = destination(job)
		errs := together(2, func(n int) error {
			switch {
			case n == 0:
				return w.db.AddGarbage(w.Context(), store.Garbage{Location: job.To, Since: w.now})
			case i%2 == 0:
				return w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute))
			}
			return w.db.FinishTransfer(w.Context(), job, w.now)
		})
		if count(errs, nil) != 1 || count(errs, store.ErrConflict) != 1 {
			w.Fatalf("results: %v", errs)
		}
		if _, garbage := w.garbage()[job.To]; garbage != (errs[0] == nil) {
			w.Errorf("results: %v, garbage: %v", errs, garbage)
		}
	}
}

func raceFinishPurge(w *world) {
	for i := range repeats {
		job := w.moving(fmt.Sprint(i))
		if i%2 == 0 {
			w.save(&job)
		}
		job.To = destination(job)
		e, err := w.db.EntryByDigest(w.Context(), w.alice.ID, job.Digest)
		w.ok(err)
		w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
		errs := together(2, func(n int) error {
			if n == 0 {
				return w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now)
			}
			return w.db.FinishTransfer(w.Context(), job, w.now)
		})
		w.ok(errs[0])
		w.among(errs[1], store.ErrConflict)
		w.content(job.Sums, 0)
		got := w.garbage()
		if _, from := got[job.From]; !from {
			w.Errorf("%s is no garbage after %v", job.From, errs)
		}
		if _, to := got[job.To]; !to {
			w.Errorf("%s is no garbage after %v", job.To, errs)
		}
	}
	w.account(w.alice, 0, 0)
}

// A damaged content's blob is replaced while a worker that does not know it finishes.
func raceFinishReplace(w *world) {
	for i := range repeats {
		job := w.moving(fmt.Sprint(i))
		w.save(&job)
		c := w.completion(w.bob, fmt.Sprint(i), job.Sums)
		errs := together(3, func(n int) error {
			switch n {
			case 0:
				return w.db.MarkContent(w.Context(), job.Digest, job.From, store.ContentDamaged, w.now)
			case 1:
				return w.db.FinishTransfer(w.Context(), job, w.now)
			}
			_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
			return err
		})
		w.among(errs[0], store.ErrConflict)
		w.among(errs[1], store.ErrConflict)
		w.ok(errs[2])
		got := w.content(job.Sums, 2)
		if _, garbage := w.garbage()[got.Location]; garbage {
			w.Errorf("%+v is garbage after %v", got, errs)
		}
	}
	w.counted()
}

func raceBind(w *world) {
	for i := range repeats {
		s := sums(fmt.Sprint(i), 10)
		var ups [4]store.Upload
		for j := range ups {
			ups[j] = w.begin(w.alice, store.Sums{Size: s.Size})
		}
		errs := together(len(ups), func(n int) error { return w.db.BindUpload(w.Context(), w.alice.ID, ups[n].ID, s.Digest) })
		if count(errs, nil) != 1 || count(errs, store.ErrExists) != len(ups)-1 {
			w.Errorf("results: %v", errs)
		}
	}
}

func raceBindComplete(w *world) {
	for i := range repeats {
		s, other := sums(fmt.Sprint(i), 10), sums(fmt.Sprint("other ", i), 10)
		up := w.begin(w.alice, store.Sums{Size: s.Size})
		c := w.finishing(up, s)
		c.Name = fmt.Sprint(i)
		errs := together(2, func(n int) error {
			if n == 0 {
				return w.db.BindUpload(w.Context(), w.alice.ID, up.ID, other.Digest)
			}
			_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
			return err
		})
		if count(errs, nil) != 1 || errs[0] != nil && !errors.Is(errs[0], store.ErrConflict) ||
			errs[1] != nil && !errors.Is(errs[1], store.ErrDigestMismatch) {
			w.Errorf("results: %v", errs)
		}
	}
	w.counted()
}

func raceCancelComplete(w *world) {
	for i := range repeats {
		s := sums(fmt.Sprint(i), 10)
		up := w.begin(w.alice, s)
		c := w.finishing(up, s)
		errs := together(2, func(n int) error {
			if n == 0 {
				return w.db.EndUpload(w.Context(), up.ID)
			}
			_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
			return err
		})
		if count(errs, nil) != 1 || count(errs, store.ErrConflict) != 1 {
			w.Errorf("results: %v", errs)
		}
		if w.used(s, c.Location) != (errs[1] == nil) {
			w.Errorf("results: %v", errs)
		}
	}
	u, err := w.db.User(w.Context(), w.alice.ID)
	w.ok(err)
	w.account(w.alice, u.Used, 0)
}

// Two users bring the same contents, one in the order of the other turned around: each has locked what the other needs.
func raceOrders(w *world) {
	const n = 8
	for i := range repeats {
		var cs [2][]store.Completion
		for j := range n {
			cs[0] = append(cs[0], w.completion(w.alice, fmt.Sprint(i, j), sums(fmt.Sprint(i, j), 10)))
			cs[1] = append(cs[1], w.completion(w.bob, fmt.Sprint(i, n-1-j), sums(fmt.Sprint(i, n-1-j), 10)))
		}
		for _, err := range together(2, func(k int) error {
			_, err := w.db.CompleteUploads(w.Context(), cs[k])
			return err
		}) {
			w.ok(err)
		}
		for _, c := range cs[0] {
			w.content(c.Sums, 2)
		}
	}
	w.account(w.alice, repeats*n*10, 0)
	w.account(w.bob, repeats*n*10, 0)
}

// Users purge, and one of them brings again, what they share.
func racePurge(w *world) {
	const n = 6
	for i := range repeats {
		var tops [2]store.EntryID
		for k, u := range []store.User{w.alice, w.bob} {
			tops[k] = w.folder(u, fmt.Sprintf("/top%d", i))
			for j := range n {
				w.file(u, tops[k], fmt.Sprint(j), fmt.Sprint(i, j), 10)
			}
			w.ok(w.db.Trash(w.Context(), u.ID, tops[k], 0, w.now))
		}
		again := w.completion(w.alice, fmt.Sprint("again", i), sums(fmt.Sprint(i, 3), 10))
		for _, err := range together(3, func(k int) error {
			switch k {
			case 0:
				return w.db.Purge(w.Context(), w.alice.ID, tops[0], w.now)
			case 1:
				return w.db.Purge(w.Context(), w.bob.ID, tops[1], w.now)
			}
			_, err := w.db.CompleteUploads(w.Context(), []store.Completion{again})
			return err
		}) {
			w.ok(err)
		}
		for j := range n {
			if j == 3 {
				if c := w.content(again.Sums, 1); c.Location != again.Location {
					if _, garbage := w.garbage()[c.Location]; garbage {
						w.Errorf("%s is in use and garbage", c.Location)
					}
				}
				continue
			}
			w.content(sums(fmt.Sprint(i, j), 10), 0)
		}
	}
	w.account(w.alice, repeats*10, 0)
	w.account(w.bob, 0, 0)
}

// What is counted changes while the counts are repaired.
func raceRepair(w *world) {
	const n = 20
	e := w.file(w.alice, "", "0", "0", 10)
	errs := together(6, func(k int) error {
		for i := range n {
			var err error
			switch k {
			case 0, 1:
				_, err = w.db.CountRefs(w.Context(), true, 100)
			case 2, 3:
				_, err = w.db.LinkContent(w.Context(), store.NewEntry{
					User: w.bob.ID, Digest: e.Content.Sums.Digest, Size: 10, Name: fmt.Sprint(k, i), When: w.now,
				})
			default:
				up := store.Upload{
					ID: store.NewUploadID("n1"), User: w.alice.ID, Layout: store.Layout{Size: 7, ChunkSize: 10}, Created: w.now, Expires: w.now,
				}
				if err = w.db.StartUpload(w.Context(), up, store.UploadLimits{}); err == nil {
					err = w.db.EndUpload(w.Context(), up.ID)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		w.ok(err)
	}
	w.account(w.alice, 10, 0)
	w.account(w.bob, 2*n*10, 0)
	w.content(e.Content.Sums, 2*n+1)
}
