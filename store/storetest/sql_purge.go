package storetest

import (
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

func trashPurge(w *world) {
	top, below := w.tree(w.alice, "tree")
	kept := w.file(w.alice, "", "kept", "tree0", 10) // shares one of the three contents
	var lost []store.Location
	for i := 1; i < 3; i++ {
		lost = append(lost, w.content(sums(fmt.Sprint("tree", i), 10), 3).Location)
	}
	w.content(kept.Content.Sums, 4)
	spares := 0 // of the two contents that go
	for i := 1; i < 3; i++ {
		of, err := w.db.SparesOf(w.Context(), sums(fmt.Sprint("tree", i), 10).Digest)
		w.ok(err)
		spares += len(of)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	at := w.later(time.Hour)
	w.ok(w.db.Purge(w.Context(), w.alice.ID, top, at))
	w.is(w.db.Purge(w.Context(), w.alice.ID, top, at), store.ErrNotFound)
	w.visible(w.alice, false, append(below, top)...)
	w.content(kept.Content.Sums, 1)
	w.content(sums("tree1", 10), 0)
	w.account(w.alice, 10, 0)
	now := w.garbage()
	for _, l := range lost {
		if g, ok := now[l]; !ok || !g.Since.Equal(at) {
			w.Errorf("%s is no garbage since %v: %+v", l, at, g)
		}
	}
	if spares == 0 || len(now) != spares+2 {
		w.Errorf("%d blobs are garbage, want %d", len(now), spares+2)
	}
	jobs, err := w.db.DueTransfers(w.Context(), at, 10)
	w.ok(err)
	if len(jobs) != 1 || jobs[0].Sums != kept.Content.Sums {
		w.Errorf("jobs: %+v", jobs)
	}
}

func trashPurgeShared(w *world) {
	mine, others := w.file(w.alice, "", "a", "a", 10), w.file(w.bob, "", "b", "a", 10)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, mine.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, mine.ID, w.now))
	c := w.content(mine.Content.Sums, 1)
	if _, listed := w.garbage()[c.Location]; listed {
		w.Error("a content in use is garbage")
	}
	w.visible(w.bob, true, others.ID)
	w.account(w.alice, 0, 0)
	w.account(w.bob, 10, 0)
}

func trashPurgeTransfer(w *world) {
	e := w.file(w.alice, "", "a", "a", 10)
	job, err := w.db.LeaseTransfer(w.Context(), e.Content.Sums.Digest, w.now, w.now.Add(time.Minute), nil)
	w.ok(err)
	job.To, job.S3Upload = store.Location{Kind: store.Ceph, In: "bucket", Key: job.From.Name().Key()}, "multipart"
	w.ok(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute)))
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	w.wantGarbage(job.From, job.To)
	if g := w.garbage()[job.To]; g.S3Upload != "multipart" {
		w.Errorf("garbage is %+v", g)
	}
	w.ok(w.db.DropGarbage(w.Context(), job.To)) // removed before the worker was done with it
	w.is(w.db.FinishTransfer(w.Context(), job, w.now), store.ErrConflict)
	w.wantGarbage(job.From, job.To)
}

func trashPurgeRace(w *world) {
	top, _ := w.tree(w.alice, "tree")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, top, 0, w.now))
	errs := together(20, func(i int) error {
		if i%2 == 0 {
			return w.db.Purge(w.Context(), w.alice.ID, top, w.now)
		}
		_, err := w.db.Restore(w.Context(), w.alice.ID, top, w.now)
		return err
	})
	// One purge comes first, or a restore. To restore the folder once more is no error.
	if n := count(errs, nil); n != 1 && n != 10 || count(errs, store.ErrNotFound) != 20-n {
		w.Errorf("results: %v", errs)
	}
	w.counted()
}

// A row number that came back would give the new folder the old one's trashed children.
func trashPurgedFolder(w *world) {
	docs := w.folder(w.alice, "/docs")
	e := w.file(w.alice, docs, "a", "a", 1)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Trash(w.Context(), w.alice.ID, docs, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, docs, w.now))
	for i := range 5 {
		w.folder(w.alice, fmt.Sprintf("/new%d", i))
	}
	back, err := w.db.Restore(w.Context(), w.alice.ID, e.ID, w.now)
	w.ok(err)
	if back.Parent != "" {
		w.Errorf("restored into %s", back.Parent)
	}
}
