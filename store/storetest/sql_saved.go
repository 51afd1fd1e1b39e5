package storetest

import (
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Saved tests store.Savings and store.Moves.
func Saved(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Linked":  savedLinked,
		"Resumed": savedResumed,
		"Races":   savedRaces,
		"Moving":  moving,
	})
}

func (w *world) saved(u store.User, want int64) {
	w.Helper()
	got, err := w.db.User(w.Context(), u.ID)
	w.ok(err)
	if got.Saved != want {
		w.Errorf("%s has saved %d bytes, want %d", u.Name, got.Saved, want)
	}
}

func savedLinked(w *world) {
	e := w.file(w.alice, "", "a", "a", 100)
	w.saved(w.alice, 0)
	n := store.NewEntry{User: w.bob.ID, Digest: e.Content.Sums.Digest, Size: 100, Name: "b", When: w.now}
	_, err := w.db.LinkContent(w.Context(), n)
	w.ok(err)
	w.saved(w.bob, 100)
	_, err = w.db.LinkContent(w.Context(), n) // it is there already
	w.ok(err)
	w.saved(w.bob, 100)
	n.Name = "c"
	_, err = w.db.LinkContent(w.Context(), n)
	w.ok(err)
	w.saved(w.bob, 200)
	n.Size = 99
	_, err = w.db.LinkContent(w.Context(), n)
	w.is(err, store.ErrNotFound)
	_, _, err = w.db.CopyEntry(w.Context(), w.alice.ID, e.ID, store.CopyTo{Limit: 1, When: w.now})
	w.ok(err) // nobody would have sent that
	w.saved(w.alice, 0)
	w.saved(w.bob, 200)
}

func savedResumed(w *world) {
	up := w.begin(w.alice, sums("x", 1000))
	for _, step := range []struct{ held, want int64 }{{0, 0}, {300, 300}, {300, 300}, {200, 300}, {700, 700}, {1000, 1000}} {
		w.ok(w.db.Resumed(w.Context(), up.ID, step.held))
		w.saved(w.alice, step.want)
	}
	second := w.begin(w.alice, sums("y", 1000))
	w.ok(w.db.Resumed(w.Context(), second.ID, 10))
	w.saved(w.alice, 1010)
	w.ok(w.db.EndUpload(w.Context(), second.ID))
	for _, id := range []store.UploadID{second.ID, store.NewUploadID("n1")} {
		w.is(w.db.Resumed(w.Context(), id, 500), store.ErrNotFound)
	}
	w.saved(w.alice, 1010)
	w.saved(w.bob, 0)
}

func savedRaces(w *world) {
	up := w.begin(w.alice, sums("x", 1000))
	for _, err := range together(8, func(i int) error { return w.db.Resumed(w.Context(), up.ID, int64(100*(i%4))) }) {
		w.ok(err)
	}
	w.saved(w.alice, 300)
}

func moving(w *world) {
	is := func(want bool, d store.Digest) {
		w.Helper()
		got, err := w.db.Moving(w.Context(), d)
		w.ok(err)
		if got != want {
			w.Errorf("moving: %v, want %v", got, want)
		}
	}
	e := w.file(w.alice, "", "a", "a", 5)
	d := e.Content.Sums.Digest
	is(true, d)
	job, err := w.db.LeaseTransfer(w.Context(), d, w.now, w.now.Add(time.Hour), nil)
	w.ok(err)
	is(true, d)
	job.State = store.TransferFailed
	w.ok(w.db.ReleaseTransfer(w.Context(), job))
	is(false, d)
	_, err = w.db.ReplayTransfers(w.Context(), d, w.now)
	w.ok(err)
	is(true, d)
	job, err = w.db.LeaseTransfer(w.Context(), d, w.now, w.now.Add(time.Hour), nil)
	w.ok(err)
	job.To = store.Location{Kind: store.Disk, Key: e.Content.Location.Name().Key()}
	w.ok(w.db.FinishTransfer(w.Context(), job, w.now))
	is(false, d)
	is(false, sums("unknown", 1).Digest)
}
