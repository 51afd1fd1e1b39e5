package storetest

import (
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// GarbageList tests store.GarbageList.
func GarbageList(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"AddAndDrop":       garbageAdd,
		"RepeatedAddsStay": garbageRepeat,
		"NotWhatIsInUse":   garbageInUse,
		"DueByPlace":       garbageDue,
		"Multiparts":       garbageMultiparts,
		"Backlog":          garbageBacklog,
	})
}

func blobAt(node store.NodeID) store.Location {
	id := store.NewUploadID(node)
	return store.LocalLocation(node, store.NewBlobName(store.EmptyDigest, id))
}

func garbageAdd(w *world) {
	l := blobAt("n1")
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: l, S3Upload: "up", Since: w.now}))
	if g := w.garbage()[l]; g != (store.Garbage{Location: l, S3Upload: "up", Since: w.now}) {
		w.Errorf("garbage is %+v", g)
	}
	w.ok(w.db.DropGarbage(w.Context(), l))
	w.ok(w.db.DropGarbage(w.Context(), l))
	w.wantGarbage()
}

func garbageRepeat(w *world) {
	l := blobAt("n1")
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: l, Since: w.now}))
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: l, Since: w.now.Add(time.Hour)}))
	if g := w.garbage()[l]; !g.Since.Equal(w.now) {
		w.Errorf("garbage is %+v", g)
	}
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: l, S3Upload: "up", Since: w.now.Add(time.Hour)}))
	if g := w.garbage()[l]; !g.Since.Equal(w.now) || g.S3Upload != "up" {
		w.Errorf("garbage is %+v", g)
	}
	errs := together(10, func(int) error {
		return w.db.AddGarbage(w.Context(), store.Garbage{Location: blobAt("n1"), Since: w.now})
	})
	if count(errs, nil) != 10 || len(w.garbage()) != 11 {
		w.Errorf("results: %v", errs)
	}
}

func garbageInUse(w *world) {
	e := w.file(w.alice, "", "a", "a", 1)
	w.is(w.db.AddGarbage(w.Context(), store.Garbage{Location: e.Content.Location, Since: w.now}), store.ErrConflict)
	w.wantGarbage()
	elsewhere := store.Location{Kind: store.Disk, Key: e.Content.Location.Name().Key()} // the same name, another place
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: elsewhere, Since: w.now}))
	w.wantGarbage(elsewhere)
}

func garbageDue(w *world) {
	first, second, other := blobAt("n1"), blobAt("n1"), blobAt("n2")
	name := blobAt("n1").Name()
	disk := store.Location{Kind: store.Disk, Key: name.Key()}
	one := store.Location{Kind: store.Ceph, In: "one", Key: name.Key()}
	two := store.Location{Kind: store.Ceph, In: "two", Key: name.Key()}
	for i, l := range []store.Location{second, first, other, disk, one, two} {
		w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: l, Since: w.now.Add(-time.Duration(i) * time.Hour)}))
	}
	for _, c := range []struct {
		kind   store.Kind
		in     string
		before time.Duration
		limit  int
		want   []store.Location
	}{
		{store.Local, "n1", time.Second, 10, []store.Location{first, second}},
		{store.Local, "n1", 0, 10, []store.Location{first}},
		{store.Local, "n1", time.Second, 1, []store.Location{first}},
		{store.Local, "n2", time.Second, 10, []store.Location{other}},
		{store.Local, "n3", time.Second, 10, nil},
		{store.Disk, "", time.Second, 10, []store.Location{disk}},
		{store.Ceph, "ceph://", time.Second, 10, []store.Location{two, one}},
		{store.Ceph, "ceph://one/", time.Second, 10, []store.Location{one}},
		{store.Ceph, "ceph://on/", time.Second, 10, nil},
		{store.OSS, "", time.Second, 10, nil},
	} {
		gs, err := w.db.DueGarbage(w.Context(), c.kind, c.in, w.now.Add(c.before), c.limit)
		w.ok(err)
		if len(gs) != len(c.want) {
			w.Errorf("%s %s: %+v, want %v", c.kind, c.in, gs, c.want)
			continue
		}
		for i, g := range gs {
			if g.Location != c.want[i] {
				w.Errorf("%s %s: %+v, want %v", c.kind, c.in, gs, c.want)
			}
		}
	}
}

// A multipart upload is named by the job that sends it, then by the garbage row that waits for its end.
func garbageMultiparts(w *world) {
	job := w.moving("a")
	name, other := job.From.Name(), blobAt("n1").Name()
	want := func(name store.BlobName, upload string, want bool) {
		w.Helper()
		used, err := w.db.MultipartInUse(w.Context(), name, upload)
		w.ok(err)
		if used != want {
			w.Errorf("multipart upload %s of %s in use: %v, want %v", upload, name, used, want)
		}
	}
	want(name, "one", false)
	job.S3Upload = "one"
	w.save(&job)
	want(name, "one", true)
	want(name, "One", false)
	want(name, "two", false)
	want(other, "one", false)
	job.LastError, job.NextAttempt = "broken", w.now
	w.ok(w.db.ReleaseTransfer(w.Context(), job)) // it goes on later
	want(name, "one", true)
	e, err := w.db.EntryByDigest(w.Context(), w.alice.ID, job.Digest)
	w.ok(err)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	want(name, "one", true) // as garbage
	w.ok(w.db.DropGarbage(w.Context(), job.To))
	want(name, "one", false)
}

func garbageBacklog(w *world) {
	stats, garbage, err := w.db.Backlog(w.Context())
	w.ok(err)
	if stats != (store.TransferStats{}) || garbage != 0 {
		w.Errorf("backlog of nothing is %+v and %d", stats, garbage)
	}
	first := w.file(w.alice, "", "a", "a", 1)
	w.file(w.alice, "", "b", "b", 1)
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: blobAt("n1"), Since: w.now}))
	w.spare(w.bob, "n1", first.Content.Sums)
	stats, garbage, err = w.db.Backlog(w.Context())
	w.ok(err)
	if stats.Pending != 2 || stats.Failed != 0 || stats.Spares != 1 || !stats.Oldest.Equal(first.Created) || garbage != 1 {
		w.Errorf("backlog is %+v and %d", stats, garbage)
	}
}
