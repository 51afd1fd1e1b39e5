package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/store"
)

// Spares tests store.Spares, and what CompleteUploads and a purge do about spares.
func Spares(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"DueByNode":             sparesDue,
		"PostponedAndWanted":    sparesPostponed,
		"MainIsRight":           sparesMainIsRight,
		"OneOfThemIsRight":      sparesOneIsRight,
		"NewerSparesStay":       sparesNewerStay,
		"MainHasMoved":          sparesMainHasMoved,
		"Promoted":              sparesPromoted,
		"PromotedFromDamaged":   sparesPromotedFromDamaged,
		"TransferUnderWay":      sparesTransferUnderWay,
		"NotRightItself":        sparesDropped,
		"Purged":                sparesPurged,
		"InUse":                 sparesInUse,
		"RepeatedCompletion":    sparesRepeated,
		"RepeatedWhereDamaged":  sparesRepeatedWhereDamaged,
		"CollisionIsNone":       sparesCollision,
		"ConfirmRacesPromotion": sparesRace,
		"CompleteRacesPurge":    sparesPurgeRace,
	})
}

// spare completes another upload of a content on a node and returns where its blob is.
func (w *world) spare(u store.User, node store.NodeID, s store.Sums) store.Location {
	w.Helper()
	c := w.completion(u, "again "+string(store.NewEntryID()), s)
	c.Upload = store.NewUploadID(node)
	c.Location = store.LocalLocation(node, store.NewBlobName(s.Digest, c.Upload))
	if done := w.complete(c); done.Stored {
		w.Fatalf("the blob of a known content is stored: %+v", done)
	}
	return c.Location
}

// wantSpares fails unless exactly these are the spares of a content, in order, and returns them.
func (w *world) wantSpares(s store.Sums, want ...store.Location) []store.Spare {
	w.Helper()
	spares, err := w.db.SparesOf(w.Context(), s.Digest)
	w.ok(err)
	got := []store.Location{}
	for _, sp := range spares {
		if sp.Sums != s {
			w.Errorf("spare is %+v, want sums %+v", sp, s)
		}
		got = append(got, sp.Location)
	}
	if diff := cmp.Diff(append([]store.Location{}, want...), got); diff != "" {
		w.Errorf("spares: %s", diff)
	}
	return spares
}

func (w *world) due(node store.NodeID, now time.Time, limit int) []store.Location {
	w.Helper()
	due, err := w.db.DueSpares(w.Context(), node, now, limit)
	w.ok(err)
	got := []store.Location{}
	for _, sp := range due {
		got = append(got, sp.Location)
	}
	return got
}

func (w *world) wantDue(node store.NodeID, now time.Time, limit int, want ...store.Location) {
	w.Helper()
	if diff := cmp.Diff(append([]store.Location{}, want...), w.due(node, now, limit)); diff != "" {
		w.Errorf("due at %v: %s", now, diff)
	}
}

func (w *world) confirm(s store.Sums, good store.Location, spares ...store.Location) []store.Location {
	w.Helper()
	dropped, err := w.db.ConfirmCopy(w.Context(), s.Digest, good, spares, w.later(time.Second))
	w.ok(err)
	return dropped
}

func sparesDue(w *world) {
	a, b := sums("a", 10), sums("b", 20)
	w.file(w.alice, "", "a", "a", 10)
	w.file(w.alice, "", "b", "b", 20)
	w.wantSpares(a)
	w.wantSpares(sums("nobody's", 1))
	first := w.spare(w.bob, "n1", a)
	began := w.now
	second := w.spare(w.bob, "n2", a)
	third := w.spare(w.alice, "n1", b)
	fourth := w.spare(w.alice, "n1", a)
	spares := w.wantSpares(a, first, second, fourth)
	if s := spares[0]; !s.Created.Equal(began) || !s.Due.Equal(began) || s.Attempts != 0 || s.Wanted {
		w.Errorf("spare is %+v", s)
	}
	w.wantDue("n1", w.now, 10, first, third, fourth)
	w.wantDue("n1", w.now, 2, first, third)
	w.wantDue("n1", began, 10, first)
	w.wantDue("n2", w.now, 10, second)
	w.wantDue("n3", w.now, 10)
	w.wantGarbage()
	w.content(a, 4)
	w.account(w.bob, 20, 0) // for two entries; the spares are not charged
}

func sparesPostponed(w *world) {
	a := sums("a", 10)
	w.file(w.alice, "", "a", "a", 10)
	one, two, other := w.spare(w.bob, "n1", a), w.spare(w.bob, "n1", a), w.spare(w.bob, "n2", a)
	later := w.now.Add(time.Hour)
	w.ok(w.db.PostponeSpares(w.Context(), a.Digest, "n1", false, later))
	w.wantDue("n1", w.now, 10)
	w.wantDue("n1", later, 10, one, two)
	w.wantDue("n2", w.now, 10, other)
	if s := w.wantSpares(a, one, two, other); s[0].Attempts != 1 || s[1].Attempts != 1 || s[2].Attempts != 0 {
		w.Errorf("spares are %+v", s)
	}
	w.ok(w.db.WantSpares(w.Context(), a.Digest, w.now))
	w.wantDue("n1", w.now, 10, one, two)
	if s := w.wantSpares(a, one, two, other); !s[0].Wanted || !s[2].Wanted || s[0].Attempts != 1 {
		w.Errorf("spares are %+v", s)
	}
	w.ok(w.db.PostponeSpares(w.Context(), a.Digest, "n1", false, later)) // by one that does not know yet that they are wanted
	w.wantDue("n1", w.now, 10, one, two)
	w.ok(w.db.PostponeSpares(w.Context(), a.Digest, "n1", true, later))
	w.ok(w.db.WantSpares(w.Context(), a.Digest, w.now)) // wanted already: it does not come sooner again
	w.wantDue("n1", w.now, 10)
	w.ok(w.db.WantSpares(w.Context(), sums("nobody's", 1).Digest, w.now))
}

func sparesMainIsRight(w *world) {
	a, b := sums("a", 10), sums("b", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	w.file(w.alice, "", "b", "b", 10)
	one, two := w.spare(w.bob, "n1", a), w.spare(w.bob, "n2", a)
	foreign := w.spare(w.bob, "n1", b)
	dropped := w.confirm(a, main, one, two, foreign, blobAt("n1"))
	if len(dropped) != 2 || !slices.Contains(dropped, one) || !slices.Contains(dropped, two) {
		w.Errorf("dropped %v, want %s and %s", dropped, one, two)
	}
	if c := w.content(a, 3); c.Location != main || c.Status != store.ContentLive || !c.Verified.Equal(w.now) {
		w.Errorf("content is %+v", c)
	}
	w.wantSpares(a)
	w.wantSpares(b, foreign)
	w.wantGarbage(one, two)
	if again := w.confirm(a, main, one, two); len(again) != 0 {
		w.Errorf("dropped again: %v", again)
	}
}

func sparesOneIsRight(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content
	one, two, three := w.spare(w.bob, "n1", a), w.spare(w.bob, "n1", a), w.spare(w.bob, "n2", a)
	dropped := w.confirm(a, two, one, two)
	if diff := cmp.Diff([]store.Location{one}, dropped); diff != "" {
		w.Error(diff)
	}
	w.wantSpares(a, two, three)
	w.wantGarbage(one)
	if c := w.content(a, 4); !c.Verified.Equal(main.Verified) {
		w.Errorf("content is %+v: its own blob was not read", c)
	}
}

func sparesNewerStay(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	one := w.spare(w.bob, "n1", a)
	newer := w.spare(w.bob, "n1", a) // recorded after the reading began
	w.confirm(a, main, one)
	w.wantSpares(a, newer)
	w.wantGarbage(one)
}

func sparesMainHasMoved(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	one := w.spare(w.bob, "n1", a)
	job, err := w.db.LeaseTransfer(w.Context(), a.Digest, w.now, w.now.Add(time.Minute), nil)
	w.ok(err)
	job.To = store.Location{Kind: store.Disk, Key: main.Name().Key()}
	w.ok(w.db.FinishTransfer(w.Context(), job, w.now))
	_, err = w.db.ConfirmCopy(w.Context(), a.Digest, main, []store.Location{one}, w.now)
	w.is(err, store.ErrConflict)
	spares := w.wantSpares(a, one)
	w.is(w.db.PromoteSpare(w.Context(), spares[0], main, store.Disk, w.now), store.ErrConflict)
	w.wantSpares(a, one)
	w.wantGarbage(main)
	w.confirm(a, job.To, one)
	w.wantGarbage(main, one)
	_, err = w.db.ConfirmCopy(w.Context(), sums("nobody's", 1).Digest, main, nil, w.now)
	w.is(err, store.ErrConflict)
}

func sparesPromoted(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	one, two := w.spare(w.bob, "n1", a), w.spare(w.bob, "n2", a)
	spares := w.wantSpares(a, one, two)
	when := w.later(time.Hour)
	w.ok(w.db.PromoteSpare(w.Context(), spares[0], main, store.Ceph, when))
	if c := w.content(a, 3); c.Location != one || c.Status != store.ContentLive || !c.Verified.Equal(when) {
		w.Errorf("content is %+v", c)
	}
	w.wantSpares(a, two)
	w.wantGarbage(main)
	jobs, err := w.db.DueTransfers(w.Context(), when, 10)
	w.ok(err)
	if len(jobs) != 1 || jobs[0].From != one || jobs[0].Target != store.Ceph || !jobs[0].To.IsZero() {
		w.Errorf("jobs are %+v", jobs)
	}
	w.is(w.db.PromoteSpare(w.Context(), spares[0], main, store.Ceph, when), store.ErrConflict) // not again
	w.is(w.db.PromoteSpare(w.Context(), spares[0], one, store.Ceph, when), store.ErrConflict)
	w.counted()
}

func sparesPromotedFromDamaged(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	one := w.spare(w.bob, "n1", a)
	w.ok(w.db.MarkContent(w.Context(), a.Digest, main, store.ContentDamaged, w.now))
	_, err := w.db.ConfirmCopy(w.Context(), a.Digest, main, []store.Location{one}, w.now)
	w.is(err, store.ErrConflict)
	spares := w.wantSpares(a, one)
	w.ok(w.db.PromoteSpare(w.Context(), spares[0], main, "", w.now))
	if c := w.content(a, 2); c.Location != one || c.Status != store.ContentLive {
		w.Errorf("content is %+v", c)
	}
	jobs, err := w.db.ListTransfers(w.Context(), store.TransferPending, 10)
	w.ok(err)
	if len(jobs) != 0 { // there is nowhere to move it
		w.Errorf("jobs are %+v", jobs)
	}
	w.wantSpares(a)
	w.wantGarbage(main)
}

// A worker that moves the main blob is refused once a spare has taken its place.
func sparesTransferUnderWay(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	one := w.spare(w.bob, "n1", a)
	job, err := w.db.LeaseTransfer(w.Context(), a.Digest, w.now, w.now.Add(time.Minute), nil)
	w.ok(err)
	job.To, job.S3Upload = store.Location{Kind: store.Ceph, In: "bucket", Key: main.Name().Key()}, "parts"
	w.ok(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute)))
	spares := w.wantSpares(a, one)
	w.ok(w.db.PromoteSpare(w.Context(), spares[0], main, store.Ceph, w.now))
	w.wantGarbage(main, job.To)
	w.is(w.db.SaveTransfer(w.Context(), job, w.now.Add(time.Minute)), store.ErrConflict)
	w.is(w.db.FinishTransfer(w.Context(), job, w.now), store.ErrConflict)
	if c := w.content(a, 2); c.Location != one {
		w.Errorf("content is %+v", c)
	}
}

func sparesDropped(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	one, two := w.spare(w.bob, "n1", a), w.spare(w.bob, "n1", a)
	for range 2 {
		w.ok(w.db.DropSpare(w.Context(), one, w.now))
	}
	w.ok(w.db.DropSpare(w.Context(), main, w.now)) // no spare
	w.ok(w.db.DropSpare(w.Context(), blobAt("n1"), w.now))
	w.wantSpares(a, two)
	w.wantGarbage(one)
}

func sparesPurged(w *world) {
	a := sums("a", 10)
	e := w.file(w.alice, "", "a", "a", 10)
	keep := w.file(w.alice, "", "keep", "keep", 10)
	kept := w.spare(w.alice, "n1", keep.Content.Sums)
	one, two := w.spare(w.alice, "n1", a), w.spare(w.alice, "n2", a)
	entries, _, err := w.db.List(w.Context(), store.Query{User: w.alice.ID, Files: true, Sort: store.ByName, Limit: 10})
	w.ok(err)
	var left []store.Entry
	for _, e := range entries {
		if e.Content.Sums == a {
			left = append(left, e)
		}
	}
	for i, e := range left {
		w.wantSpares(a, one, two) // as long as anybody has it
		if i == 0 {
			w.wantGarbage()
		}
		w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
		w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	}
	w.content(a, 0)
	w.wantSpares(a)
	w.wantGarbage(e.Content.Location, one, two)
	w.wantSpares(keep.Content.Sums, kept)
	w.wantDue("n1", w.now, 10, kept)
}

func sparesInUse(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	one := w.spare(w.bob, "n1", a)
	used, err := w.db.BlobInUse(w.Context(), one.Name())
	w.ok(err)
	if !used {
		w.Error("a spare is called an orphan")
	}
	w.is(w.db.AddGarbage(w.Context(), store.Garbage{Location: one, Since: w.now}), store.ErrConflict)
	w.wantGarbage()
	w.confirm(a, main, one)
	w.ok(w.db.DropGarbage(w.Context(), one))
	used, err = w.db.BlobInUse(w.Context(), one.Name())
	w.ok(err)
	if used {
		w.Error("a dropped spare is in use")
	}
	gone := w.completion(w.bob, "x", a)
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: gone.Location, Since: w.now}))
	_, err = w.db.CompleteUploads(w.Context(), []store.Completion{gone}) // its blob may be removed any moment
	w.is(err, store.ErrConflict)
	w.wantSpares(a)
}

func sparesRepeated(w *world) {
	a := sums("a", 10)
	w.file(w.alice, "", "a", "a", 10)
	c := w.completion(w.bob, "b", a)
	first := w.complete(c)
	if again := w.complete(c); again.Entry.ID != first.Entry.ID || again.Stored {
		w.Errorf("repeated: %+v, first %+v", again, first)
	}
	w.wantSpares(a, c.Location)
	w.wantGarbage()
}

// A completion whose answer was lost is repeated after its content was found damaged.
func sparesRepeatedWhereDamaged(w *world) {
	a := sums("a", 10)
	main := w.file(w.alice, "", "a", "a", 10).Content.Location
	c := w.completion(w.bob, "b", a)
	w.complete(c)
	w.ok(w.db.MarkContent(w.Context(), a.Digest, main, store.ContentDamaged, w.now))
	if again := w.complete(c); !again.Stored {
		w.Errorf("repeated: %+v", again)
	}
	if got := w.content(a, 2); got.Location != c.Location || got.Status != store.ContentLive {
		w.Errorf("content is %+v", got)
	}
	w.wantSpares(a)
	w.wantGarbage(main)
}

func sparesCollision(w *world) {
	a := sums("a", 10)
	w.file(w.alice, "", "a", "a", 10)
	other := a
	other.SHA256[0] ^= 1
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{w.completion(w.bob, "b", other)})
	w.is(err, store.ErrCollision)
	w.wantSpares(a)
}

// Whatever is said of them at once, one copy stays and nothing in use is garbage.
func sparesRace(w *world) {
	for range 10 {
		e := w.file(w.alice, "", "a", string(store.NewEntryID()), 10)
		a, main := e.Content.Sums, e.Content.Location
		one, two := w.spare(w.bob, "n1", a), w.spare(w.bob, "n1", a)
		spares := w.wantSpares(a, one, two)
		errs := together(4, func(i int) error {
			switch i {
			case 0:
				_, err := w.db.ConfirmCopy(w.Context(), a.Digest, main, []store.Location{one, two}, w.now)
				return err
			case 1:
				return w.db.PromoteSpare(w.Context(), spares[0], main, store.Disk, w.now)
			case 2:
				_, err := w.db.ConfirmCopy(w.Context(), a.Digest, two, []store.Location{one}, w.now)
				return err
			}
			return w.db.DropSpare(w.Context(), two, w.now)
		})
		if count(errs, nil)+count(errs, store.ErrConflict) != len(errs) {
			w.Fatalf("results: %v", errs)
		}
		garbage := w.garbage()
		c := w.content(a, 3)
		left, err := w.db.SparesOf(w.Context(), a.Digest)
		w.ok(err)
		used := []store.Location{c.Location}
		for _, s := range left {
			used = append(used, s.Location)
		}
		for _, l := range used {
			if _, listed := garbage[l]; listed {
				w.Errorf("%s is in use and garbage: %v", l, errs)
			}
		}
		for _, l := range []store.Location{main, one, two} {
			_, listed := garbage[l]
			if !listed && l != c.Location && !(len(left) > 0 && (l == left[0].Location || l == left[len(left)-1].Location)) {
				w.Errorf("%s is neither in use nor garbage: %v", l, errs)
			}
		}
	}
}

// A content that is purged while an upload of it completes leaves no spare without a content.
func sparesPurgeRace(w *world) {
	for range 10 {
		e := w.file(w.alice, "", "a", string(store.NewEntryID()), 10)
		a := e.Content.Sums
		w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
		c := w.completion(w.bob, "b", a)
		errs := together(2, func(i int) error {
			if i == 0 {
				return w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now)
			}
			_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
			return err
		})
		if count(errs, nil) != 2 {
			w.Fatalf("results: %v", errs)
		}
		got := w.content(a, 1)
		if got.Location == c.Location {
			w.wantSpares(a) // the purge came first
		} else {
			w.wantSpares(a, c.Location)
		}
		if _, listed := w.garbage()[c.Location]; listed {
			w.Errorf("the blob of the upload is garbage: %v", errs)
		}
	}
}
