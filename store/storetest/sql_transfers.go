package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/store"
)

// Transfers tests store.Transfers.
func Transfers(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"LeaseSaveFinish":        transfersWhole,
		"LeaseNamesDestination":  transfersNamed,
		"OneOfManyLeases":        transfersLeaseRace,
		"LeaseRunsOut":           transfersExpiry,
		"StalledWorkerIsRefused": transfersStalled,
		"NoJob":                  transfersNone,
		"DamagedIsNotMoved":      transfersDamaged,
		"ReleaseAndRetry":        transfersRelease,
		"FailAndReplay":          transfersReplay,
		"Due":                    transfersDue,
		"DeletedMeanwhile":       transfersDeleted,
		"DeletedAndUploadedNew":  transfersReborn,
		"SharedDestination":      transfersShared,
		"ChangedDestination":     transfersChanged,
		"FinishNowhere":          transfersNowhere,
	})
}

// moving makes a file and leases its transfer.
func (w *world) moving(word string) store.Transfer {
	w.Helper()
	e := w.file(w.alice, "", word, word, 10)
	return w.lease(e.Content.Sums.Digest)
}

func (w *world) lease(d store.Digest) store.Transfer {
	w.Helper()
	job, err := w.db.LeaseTransfer(w.Context(), d, w.now, w.now.Add(time.Minute), nil)
	w.ok(err)
	return job
}

func destination(job store.Transfer) store.Location {
	return store.Location{Kind: store.Disk, Key: job.From.Name().Key()}
}

func (w *world) save(job *store.Transfer) {
	w.Helper()
	job.To = destination(*job)
	w.ok(w.db.SaveTransfer(w.Context(), *job, w.now.Add(time.Minute)))
}

func transfersWhole(w *world) {
	e := w.file(w.alice, "", "a", "a", 10)
	s := e.Content.Sums
	job := w.lease(s.Digest)
	if job.Attempts != 1 || job.Fence < 1 || job.From != e.Content.Location || job.Sums != s || job.Target != store.Disk ||
		!job.LeaseUntil.Equal(w.now.Add(time.Minute)) || job.Digest != s.Digest || job.S3Upload != "" {
		w.Errorf("leased %+v", job)
	}
	job.S3Upload = "multipart"
	w.save(&job)
	list, err := w.db.ListTransfers(w.Context(), store.TransferPending, 10)
	w.ok(err)
	if len(list) != 1 || list[0].To != job.To || list[0].S3Upload != "multipart" || list[0].Fence != job.Fence {
		w.Errorf("saved %+v", list)
	}
	at := w.later(30 * time.Second)
	w.ok(w.db.FinishTransfer(w.Context(), job, at))
	if c := w.content(s, 1); c.Location != job.To {
		w.Errorf("content is at %s, want %s", c.Location, job.To)
	}
	w.wantGarbage(job.From)
	if g := w.garbage()[job.From]; !g.Since.Equal(at) {
		w.Errorf("garbage is %+v", g)
	}
	_, err = w.db.LeaseTransfer(w.Context(), s.Digest, w.now, w.now.Add(time.Minute), nil)
	w.is(err, store.ErrNotFound)
	w.is(w.db.FinishTransfer(w.Context(), job, at), store.ErrConflict) // once more: it is done
	if c := w.content(s, 1); c.Location != job.To {
		w.Errorf("content is at %s, want %s", c.Location, job.To)
	}
	w.wantGarbage(job.From)
	stats, garbage, err := w.db.Backlog(w.Context())
	w.ok(err)
	if stats != (store.TransferStats{}) || garbage != 1 {
		w.Errorf("backlog is %+v and %d", stats, garbage)
	}
}

func transfersNamed(w *world) {
	d := w.file(w.alice, "", "a", "a", 10).Content.Sums.Digest
	lease := func(name func(store.Transfer) store.Location) store.Transfer {
		w.Helper()
		job, err := w.db.LeaseTransfer(w.Context(), d, w.now, w.now.Add(time.Minute), name)
		w.ok(err)
		list, err := w.db.ListTransfers(w.Context(), store.TransferPending, 10)
		w.ok(err)
		if diff := cmp.Diff([]store.Transfer{job}, list); diff != "" {
			w.Errorf("recorded (-leased +listed): %s", diff)
		}
		w.later(2 * time.Minute)
		return job
	}
	if job := lease(func(store.Transfer) store.Location { return store.Location{} }); !job.To.IsZero() {
		w.Errorf("without a name the destination is %s", job.To)
	}
	taken := store.Location{Kind: store.Disk, Key: store.NewBlobName(sums("garbage", 1).Digest, store.NewUploadID("n1")).Key()}
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: taken, Since: w.now}))
	if job := lease(func(store.Transfer) store.Location { return taken }); !job.To.IsZero() {
		w.Errorf("the destination is garbage: %s", job.To)
	}
	job := lease(destination)
	if job.To != destination(job) || job.Attempts != 3 {
		w.Errorf("named %+v", job)
	}
	again := lease(func(store.Transfer) store.Location { return taken })
	if again.To != job.To || again.Fence <= job.Fence {
		w.Errorf("named once more: %+v", again)
	}
	w.ok(w.db.FinishTransfer(w.Context(), again, w.now))
	w.wantGarbage(job.From, taken)
}

func transfersLeaseRace(w *world) {
	e := w.file(w.alice, "", "a", "a", 10)
	errs := together(20, func(int) error {
		_, err := w.db.LeaseTransfer(w.Context(), e.Content.Sums.Digest, w.now, w.now.Add(time.Minute), nil)
		return err
	})
	if count(errs, nil) != 1 || count(errs, store.ErrBusy) != 19 {
		w.Errorf("results: %v", errs)
	}
}

func transfersExpiry(w *world) {
	first := w.moving("a")
	w.save(&first)
	_, err := w.db.LeaseTransfer(w.Context(), first.Digest, w.later(59*time.Second), w.now.Add(time.Minute), nil)
	w.is(err, store.ErrBusy)
	w.ok(w.db.SaveTransfer(w.Context(), first, w.now.Add(time.Minute))) // renewed
	_, err = w.db.LeaseTransfer(w.Context(), first.Digest, w.later(59*time.Second), w.now.Add(time.Minute), nil)
	w.is(err, store.ErrBusy)
	w.later(time.Second)
	second := w.lease(first.Digest)
	if second.Fence <= first.Fence || second.Attempts != 2 || second.To != first.To {
		w.Errorf("second lease is %+v, the first %+v", second, first)
	}
}

func transfersStalled(w *world) {
	stalled := w.moving("a")
	w.save(&stalled)
	w.ok(w.db.SaveTransfer(w.Context(), stalled, w.now.Add(2*time.Minute))) // late, but nobody else has come
	w.later(3 * time.Minute)
	second := w.lease(stalled.Digest)
	w.is(w.db.SaveTransfer(w.Context(), stalled, w.now.Add(time.Hour)), store.ErrConflict)
	w.is(w.db.ReleaseTransfer(w.Context(), stalled), store.ErrConflict)
	w.is(w.db.FinishTransfer(w.Context(), stalled, w.now), store.ErrConflict)
	w.wantGarbage() // the other one is moving it to the same place
	w.ok(w.db.FinishTransfer(w.Context(), second, w.now))
	w.wantGarbage(second.From)
	w.is(w.db.SaveTransfer(w.Context(), second, w.now), store.ErrConflict)
}

func transfersNone(w *world) {
	_, err := w.db.LeaseTransfer(w.Context(), sums("unknown", 1).Digest, w.now, w.now, nil)
	w.is(err, store.ErrNotFound)
	unknown := store.Transfer{Digest: sums("unknown", 1).Digest, From: w.completion(w.alice, "x", sums("unknown", 1)).Location, Fence: 1}
	w.is(w.db.SaveTransfer(w.Context(), unknown, w.now), store.ErrConflict)
	w.is(w.db.ReleaseTransfer(w.Context(), unknown), store.ErrConflict)
}

func transfersDamaged(w *world) {
	job := w.moving("a")
	w.save(&job)
	w.ok(w.db.MarkContent(w.Context(), job.Digest, job.From, store.ContentDamaged, w.now))
	w.is(w.db.FinishTransfer(w.Context(), job, w.now), store.ErrConflict)
	if c := w.content(job.Sums, 1); c.Location != job.From || c.Status != store.ContentDamaged {
		w.Errorf("content is %+v", c)
	}
	w.later(time.Hour)
	_, err := w.db.LeaseTransfer(w.Context(), job.Digest, w.now, w.now.Add(time.Minute), nil)
	w.is(err, store.ErrDamaged)
	due, err := w.db.DueTransfers(w.Context(), w.now, 10)
	w.ok(err)
	if len(due) != 0 {
		w.Errorf("due: %+v", due)
	}
}

func transfersRelease(w *world) {
	job := w.moving("a")
	w.save(&job)
	job.LastError, job.NextAttempt = "it rained", w.now.Add(10*time.Minute)
	w.ok(w.db.ReleaseTransfer(w.Context(), job))
	w.is(w.db.ReleaseTransfer(w.Context(), job), store.ErrConflict)
	w.is(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Hour)), store.ErrConflict)
	_, err := w.db.LeaseTransfer(w.Context(), job.Digest, w.later(9*time.Minute), w.now.Add(time.Minute), nil)
	w.is(err, store.ErrBusy)
	w.later(time.Minute)
	again := w.lease(job.Digest)
	if again.Attempts != 2 || again.LastError != "it rained" || again.To != job.To {
		w.Errorf("second attempt is %+v", again)
	}
}

func transfersReplay(w *world) {
	var jobs []store.Transfer
	for i := range 3 {
		job := w.moving(fmt.Sprint(i))
		job.State, job.LastError = store.TransferFailed, "gone"
		w.ok(w.db.ReleaseTransfer(w.Context(), job))
		jobs = append(jobs, job)
	}
	pending := w.moving("pending")
	w.later(time.Hour)
	_, err := w.db.LeaseTransfer(w.Context(), jobs[0].Digest, w.now, w.now.Add(time.Minute), nil)
	w.is(err, store.ErrNotFound)
	failed, err := w.db.ListTransfers(w.Context(), store.TransferFailed, 2)
	w.ok(err)
	if len(failed) != 2 || failed[0].Digest != jobs[0].Digest || failed[1].Digest != jobs[1].Digest || failed[0].LastError != "gone" {
		w.Errorf("failed: %+v", failed)
	}
	stats, _, err := w.db.Backlog(w.Context())
	w.ok(err)
	if stats.Failed != 3 || stats.Pending != 1 || !stats.Oldest.Equal(pending.Created) {
		w.Errorf("backlog is %+v", stats)
	}
	for _, c := range []struct {
		d    store.Digest
		want int
	}{{jobs[1].Digest, 1}, {jobs[1].Digest, 0}, {pending.Digest, 0}, {sums("unknown", 1).Digest, 0}, {store.Digest{}, 2}, {store.Digest{}, 0}} {
		n, err := w.db.ReplayTransfers(w.Context(), c.d, w.now)
		w.ok(err)
		if n != c.want {
			w.Errorf("replayed %d of %s, want %d", n, c.d, c.want)
		}
	}
	if job := w.lease(jobs[0].Digest); job.Attempts != 1 || job.Fence <= jobs[0].Fence {
		w.Errorf("replayed job is %+v", job)
	}
}

func transfersDue(w *world) {
	first, second, third := w.file(w.alice, "", "1", "1", 1), w.file(w.alice, "", "2", "2", 1), w.file(w.alice, "", "3", "3", 1)
	wantDue := func(limit int, want ...store.Entry) {
		w.Helper()
		due, err := w.db.DueTransfers(w.Context(), w.now, limit)
		w.ok(err)
		if len(due) != len(want) {
			w.Fatalf("due: %+v, want %+v", due, want)
		}
		for i, job := range due {
			if job.Sums != want[i].Content.Sums {
				w.Errorf("due: %+v, want %+v", due, want)
			}
		}
	}
	wantDue(10, first, second, third)
	wantDue(2, first, second)
	held := w.lease(first.Content.Sums.Digest)
	failed := w.lease(second.Content.Sums.Digest)
	wantDue(10, third)
	failed.State = store.TransferFailed
	w.ok(w.db.ReleaseTransfer(w.Context(), failed))
	w.later(time.Minute)
	wantDue(10, third, first) // whoever held the first is gone
	w.is(w.db.FinishTransfer(w.Context(), store.Transfer{Digest: held.Digest, From: held.From, To: destination(held)}, w.now), store.ErrConflict)
	w.later(-time.Hour)
	wantDue(10)
}

func transfersDeleted(w *world) {
	job := w.moving("a")
	w.save(&job)
	e, err := w.db.EntryByDigest(w.Context(), w.alice.ID, job.Digest)
	w.ok(err)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	w.is(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute)), store.ErrConflict)
	w.is(w.db.FinishTransfer(w.Context(), job, w.now), store.ErrConflict)
	w.wantGarbage(job.From, job.To)
	w.content(job.Sums, 0)
}

// Deleted and uploaded again, a content has a new job, whose fence may be the same number.
func transfersReborn(w *world) {
	stale := w.moving("a")
	w.save(&stale)
	e, err := w.db.EntryByDigest(w.Context(), w.alice.ID, stale.Digest)
	w.ok(err)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	w.ok(w.db.DropGarbage(w.Context(), stale.To))
	fresh := w.moving("a")
	w.is(w.db.SaveTransfer(w.Context(), stale, w.now.Add(time.Minute)), store.ErrConflict)
	w.is(w.db.ReleaseTransfer(w.Context(), stale), store.ErrConflict)
	w.is(w.db.FinishTransfer(w.Context(), stale, w.now), store.ErrConflict)
	w.wantGarbage(stale.From, stale.To)
	w.save(&fresh)
	w.ok(w.db.FinishTransfer(w.Context(), fresh, w.now))
	if c := w.content(fresh.Sums, 1); c.Location != fresh.To {
		w.Errorf("content is at %s", c.Location)
	}
}

// A worker comes late to a place where another one's blob is in use already.
func transfersShared(w *world) {
	late := w.moving("a")
	w.save(&late)
	w.later(2 * time.Minute)
	second := w.lease(late.Digest)
	w.ok(w.db.FinishTransfer(w.Context(), second, w.now))
	w.is(w.db.FinishTransfer(w.Context(), late, w.now), store.ErrConflict)
	w.wantGarbage(second.From)
	w.is(w.db.AddGarbage(w.Context(), store.Garbage{Location: late.To, Since: w.now}), store.ErrConflict)
}

func transfersChanged(w *world) {
	job := w.moving("a")
	w.save(&job)
	old := job.To
	w.is(w.db.AddGarbage(w.Context(), store.Garbage{Location: old, Since: w.now}), store.ErrConflict)
	job.S3Upload = "multipart"
	w.ok(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute)))
	job.To, job.S3Upload = store.Location{Kind: store.Ceph, In: "bucket", Key: job.From.Name().Key()}, ""
	w.ok(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute)))
	w.wantGarbage(old)
	if g := w.garbage()[old]; g.S3Upload != "multipart" {
		w.Errorf("garbage is %+v", g)
	}
	back := job
	back.To = old // which may be removed any moment
	w.is(w.db.SaveTransfer(w.Context(), back, w.now.Add(time.Minute)), store.ErrConflict)
	w.ok(w.db.FinishTransfer(w.Context(), job, w.now))
	w.wantGarbage(old, job.From)
}

func transfersNowhere(w *world) {
	w.is(w.db.FinishTransfer(w.Context(), w.moving("a"), w.now), store.ErrInvalid)
	w.wantGarbage()
}
