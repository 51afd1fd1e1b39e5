package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Storm tests many users' workers on few names, folders and contents at once: whatever each is told, what is left at the
// end is a drive.
func Storm(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){"Everything": stormEverything})
}

// told are the errors that a caller may be told when others are at work on the same things.
var told = []error{store.ErrNotFound, store.ErrExists, store.ErrConflict, store.ErrInvalid, store.ErrBusy, store.ErrQuota}

// A stormer is one worker.
type stormer struct {
	*world
	user store.User
	rand *rand.Rand
	now  time.Time
}

func (s *stormer) pick(n int) string { return fmt.Sprint(s.rand.IntN(n)) }

func stormEverything(w *world) {
	const workers, steps = 6, 60
	poor := w.user("poor", 200)
	users := []store.User{w.alice, w.bob, poor}
	errs := together(workers, func(i int) error {
		s := &stormer{w, users[i%len(users)], rand.New(rand.NewPCG(uint64(i), 7)), w.now}
		for range steps {
			s.now = s.now.Add(time.Second)
			if err := s.step(); err != nil && !oneOf(err, told) {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		w.ok(err)
	}
	w.settled(users)
}

func oneOf(err error, targets []error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// step does one thing of those that users and workers do.
func (s *stormer) step() error {
	ctx := s.Context()
	switch s.rand.IntN(10) {
	case 0:
		_, err := s.db.MakeFolder(ctx, s.user.ID, store.Path{"d" + s.pick(2), "e" + s.pick(2)}, s.now)
		return err
	case 1, 2, 3:
		return s.bring()
	case 4:
		word := s.pick(4)
		_, err := s.db.LinkContent(ctx, store.NewEntry{User: s.user.ID, Digest: sums(word, 10).Digest, Size: 10, Name: s.pick(3), When: s.now})
		return err
	case 5:
		return s.move()
	case 6:
		e, err := s.some(store.Query{User: s.user.ID, Sort: store.ByName, Limit: 20})
		if err != nil {
			return err
		}
		return s.db.Trash(ctx, s.user.ID, e.ID, 0, s.now)
	case 7, 8:
		e, err := s.some(store.Query{User: s.user.ID, Trash: true, Limit: 20})
		if err != nil {
			return err
		}
		if e.Kind == store.Folder && s.rand.IntN(2) == 0 {
			if e, err = s.some(store.Query{User: s.user.ID, Trash: true, Parent: e.ID, Limit: 20}); err != nil {
				return err
			}
		}
		if s.rand.IntN(3) == 0 {
			_, err = s.db.Restore(ctx, s.user.ID, e.ID, s.now)
			return err
		}
		return s.db.Purge(ctx, s.user.ID, e.ID, s.now)
	}
	return s.transfer()
}

func (s *stormer) some(q store.Query) (store.Entry, error) {
	es, _, err := s.db.List(s.Context(), q)
	if err != nil || len(es) == 0 {
		return store.Entry{}, errors.Join(err, store.ErrNotFound)
	}
	return es[s.rand.IntN(len(es))], nil
}

// bring uploads one of few contents.
func (s *stormer) bring() error {
	word := sums(s.pick(4), 10)
	id := store.NewUploadID("n1")
	up := store.Upload{
		ID: id, User: s.user.ID, Digest: word.Digest, Layout: store.Layout{Size: 10, ChunkSize: 10}, Name: s.pick(3), Created: s.now, Expires: s.now,
	}
	if err := s.db.StartUpload(s.Context(), up, store.UploadLimits{}); err != nil {
		return err
	}
	if s.rand.IntN(5) == 0 {
		return s.db.EndUpload(s.Context(), id)
	}
	c := store.Completion{
		Upload: id, User: s.user.ID, Row: true, Sums: word, Location: store.LocalLocation("n1", store.NewBlobName(word.Digest, id)),
		Target: store.Disk, Name: up.Name, When: s.now,
	}
	if s.rand.IntN(3) == 0 {
		c.Clash = store.ClashReplace
	}
	_, err := s.db.CompleteUploads(s.Context(), []store.Completion{c})
	return err
}

func (s *stormer) move() error {
	e, err := s.some(store.Query{User: s.user.ID, Sort: store.ByName, Limit: 20})
	if err != nil {
		return err
	}
	to, err := s.some(store.Query{User: s.user.ID, Sort: store.ByName, Limit: 3})
	if err != nil || to.Kind != store.Folder {
		to.ID = ""
	}
	clash := []store.Clash{store.ClashFail, store.ClashRename, store.ClashReplace}[s.rand.IntN(3)]
	_, err = s.db.Move(s.Context(), s.user.ID, e.ID, store.NewPlace{Parent: to.ID, Name: "m" + s.pick(3), Clash: clash, When: s.now})
	return err
}

// transfer is a worker's whole job.
func (s *stormer) transfer() error {
	jobs, err := s.db.DueTransfers(s.Context(), s.now.Add(time.Hour), 5)
	if err != nil || len(jobs) == 0 {
		return err
	}
	at := s.now.Add(time.Hour)
	job, err := s.db.LeaseTransfer(s.Context(), jobs[s.rand.IntN(len(jobs))].Digest, at, at.Add(time.Minute), nil)
	if err != nil {
		return err
	}
	job.To = destination(job)
	if err := s.db.SaveTransfer(s.Context(), job, at.Add(time.Minute)); err != nil {
		return err
	}
	return s.db.FinishTransfer(s.Context(), job, at)
}

// settled fails unless every count is right, nothing in use is garbage, everything visible has a path, all that is charged for is
// found, and no reservation is left behind.
func (w *world) settled(users []store.User) {
	w.Helper()
	w.counted()
	garbage := w.garbage()
	contents, err := w.db.ListContents(w.Context(), 0, 1000)
	w.ok(err)
	for _, c := range contents {
		if _, ok := garbage[c.Location]; ok || c.Refs == 0 {
			w.Errorf("%+v is garbage: %v", c, ok)
		}
		spares, err := w.db.SparesOf(w.Context(), c.Sums.Digest)
		w.ok(err)
		for _, s := range spares {
			if _, ok := garbage[s.Location]; ok || s.Location == c.Location {
				w.Errorf("%+v is a spare of %+v, and garbage: %v", s, c, ok)
			}
		}
	}
	for _, u := range users {
		got, err := w.db.User(w.Context(), u.ID)
		w.ok(err)
		if open, err := w.db.OpenUploads(w.Context(), u.ID); err != nil || got.Reserved != int64(len(open))*10 || got.Used > got.Quota {
			w.Errorf("%+v with %d open uploads, %v", got, len(open), err)
		}
		w.whole(u)
		es, _, err := w.db.List(w.Context(), store.Query{User: u.ID, Files: true, Sort: store.ByName, Limit: 1000})
		w.ok(err)
		for _, e := range es {
			p, err := w.db.PathOf(w.Context(), u.ID, e.ID)
			w.ok(err)
			at, err := w.db.EntryAt(w.Context(), u.ID, p)
			w.ok(err)
			if at.ID != e.ID {
				w.Errorf("%s is at %s, where %s is found", e.ID, p, at.ID)
			}
		}
	}
}
