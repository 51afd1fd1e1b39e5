package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Contents tests store.Contents.
func Contents(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"List":             contentsList,
		"Mark":             contentsMark,
		"BlobInUse":        contentsBlobInUse,
		"AnyContentIn":     contentsAnyIn,
		"CountsAreRight":   contentsCounted,
		"UnknownIsMissing": contentsUnknown,
		"Possesses":        contentsPossesses,
	})
}

func contentsList(w *world) {
	for i := range 7 {
		w.file(w.alice, "", "x", fmt.Sprint(i), int64(i))
	}
	var after int64
	seen := map[store.Digest]bool{}
	for {
		page, err := w.db.ListContents(w.Context(), after, 3)
		w.ok(err)
		for _, c := range page {
			if c.ID <= after || seen[c.Sums.Digest] {
				w.Errorf("%+v comes after %d", c, after)
			}
			after, seen[c.Sums.Digest] = c.ID, true
		}
		if len(page) < 3 {
			break
		}
	}
	if len(seen) != 7 {
		w.Errorf("%d contents, want 7", len(seen))
	}
}

func contentsMark(w *world) {
	e := w.file(w.alice, "", "a", "a", 10)
	d, at := e.Content.Sums.Digest, e.Content.Location
	verified := w.later(time.Hour)
	w.ok(w.db.MarkContent(w.Context(), d, at, store.ContentLive, verified))
	if c := w.content(e.Content.Sums, 1); !c.Verified.Equal(verified) || c.Status != store.ContentLive {
		w.Errorf("content is %+v", c)
	}
	w.ok(w.db.MarkContent(w.Context(), d, at, store.ContentDamaged, w.later(time.Hour)))
	if c := w.content(e.Content.Sums, 1); !c.Verified.Equal(verified) || c.Status != store.ContentDamaged {
		w.Errorf("content is %+v", c)
	}
	elsewhere := store.Location{Kind: store.Disk, Key: at.Name().Key()}
	w.is(w.db.MarkContent(w.Context(), d, elsewhere, store.ContentLive, w.now), store.ErrConflict)
	w.is(w.db.MarkContent(w.Context(), store.EmptyDigest, at, store.ContentLive, w.now), store.ErrConflict)
	_, err := w.db.LinkContent(w.Context(), store.NewEntry{User: w.bob.ID, Digest: d, Size: 10, Name: "x", When: w.now})
	w.is(err, store.ErrNotFound)
	_, err = w.db.Entry(w.Context(), w.alice.ID, e.ID)
	w.ok(err)
}

func contentsBlobInUse(w *world) {
	inUse := func(name store.BlobName, want bool) {
		w.Helper()
		got, err := w.db.BlobInUse(w.Context(), name)
		w.ok(err)
		if got != want {
			w.Errorf("%s in use: %v, want %v", name, got, want)
		}
	}
	s := sums("a", 10)
	up := w.begin(w.alice, s)
	name := store.NewBlobName(s.Digest, up.ID)
	inUse(name, true) // of an open upload
	w.complete(w.finishing(up, s))
	inUse(name, true) // a content's
	loser := w.completion(w.bob, "a", s)
	inUse(loser.Location.Name(), false)
	w.complete(loser)
	inUse(loser.Location.Name(), true) // a spare
	w.ok(w.db.DropSpare(w.Context(), loser.Location, w.now))
	inUse(loser.Location.Name(), true) // garbage
	w.ok(w.db.DropGarbage(w.Context(), loser.Location))
	inUse(loser.Location.Name(), false)
	ended := w.begin(w.alice, sums("b", 10))
	w.ok(w.db.EndUpload(w.Context(), ended.ID))
	inUse(store.NewBlobName(ended.Digest, ended.ID), true) // garbage
	w.ok(w.db.DropGarbage(w.Context(), store.LocalLocation("n1", store.NewBlobName(ended.Digest, ended.ID))))
	inUse(store.NewBlobName(ended.Digest, ended.ID), false)

	job, err := w.db.LeaseTransfer(w.Context(), s.Digest, w.now, w.now.Add(time.Minute), nil)
	w.ok(err)
	other := store.NewBlobName(s.Digest, store.NewUploadID("n1"))
	inUse(other, false)
	job.To = store.Location{Kind: store.Ceph, In: "bucket", Key: "some/prefix/" + other.Key()}
	w.ok(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute)))
	inUse(other, true) // where a job is moving one
	w.ok(w.db.FinishTransfer(w.Context(), job, w.now))
	inUse(other, true) // a content's, elsewhere
}

func contentsAnyIn(w *world) {
	any := func(k store.Kind, want bool) {
		w.Helper()
		got, err := w.db.AnyContentIn(w.Context(), k)
		w.ok(err)
		if got != want {
			w.Errorf("any content in %s: %v, want %v", k, got, want)
		}
	}
	any(store.Local, false)
	s := w.file(w.alice, "", "a", "a", 10).Content.Sums
	any(store.Local, true)
	any(store.S3, false)
	job, err := w.db.LeaseTransfer(w.Context(), s.Digest, w.now, w.now.Add(time.Minute), nil)
	w.ok(err)
	job.To = store.Location{Kind: store.S3, In: "bucket", Key: store.NewBlobName(s.Digest, store.NewUploadID("n1")).Key()}
	w.ok(w.db.FinishTransfer(w.Context(), job, w.now))
	any(store.S3, true)
	for _, k := range []store.Kind{store.Local, store.Disk, store.Ceph, store.OSS} {
		any(k, false)
	}
}

// The counts stay right through everything that changes them.
func contentsCounted(w *world) {
	docs := w.folder(w.alice, "/docs/deep")
	for i := range 5 {
		w.file(w.alice, docs, "x", fmt.Sprint(i%3), int64(i%3+1))
		w.file(w.bob, "", "x", fmt.Sprint(i%2), int64(i%2+1))
	}
	w.begin(w.alice, sums("open", 50))
	w.counted()
	e, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"docs"})
	w.ok(err)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.counted()
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	w.account(w.alice, 0, 50)
	fixed, err := w.db.CountRefs(w.Context(), true, 10)
	w.ok(err)
	if len(fixed) != 0 {
		w.Errorf("repaired %v", fixed)
	}
}

func contentsUnknown(w *world) {
	_, err := w.db.Content(w.Context(), sums("nobody", 1).Digest)
	w.is(err, store.ErrNotFound)
	cs, err := w.db.ListContents(w.Context(), 0, 10)
	w.ok(err)
	if len(cs) != 0 {
		w.Errorf("contents: %v", cs)
	}
}

func contentsPossesses(w *world) {
	e := w.file(w.alice, "", "a", "a", 1)
	d := e.Content.Sums.Digest
	possesses := func(u store.User, d store.Digest, want bool) {
		w.Helper()
		got, err := w.db.Possesses(w.Context(), u.ID, d)
		w.ok(err)
		if got != want {
			w.Errorf("%s possesses %s: %v, want %v", u.Name, d, got, want)
		}
	}
	possesses(w.alice, d, true)
	possesses(w.bob, d, false)
	possesses(w.alice, sums("nobody's", 1).Digest, false)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	possesses(w.alice, d, true)
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	possesses(w.alice, d, false)
}
