package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Copies tests store.EntryTrees.CopyEntry and EntriesBelow.
func Copies(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"File":              copyFile,
		"Folder":            copyFolder,
		"IntoItself":        copyIntoItself,
		"Clash":             copyClash,
		"Quota":             copyQuota,
		"Limit":             copyLimit,
		"Most":              copyMost,
		"Depth":             copyDepth,
		"Refused":           copyRefused,
		"TrashIsNotCopied":  copyTrash,
		"OriginalPurged":    copyOutlives,
		"Below":             below,
		"RaceWithPurge":     copyRacesPurge,
		"RaceForAName":      copyRacesName,
		"RaceForTheQuota":   copyRacesQuota,
		"RaceWithEverybody": copyStorm,
	})
}

// copy copies within the limit, into a folder by path, "" being where the original is.
func (w *world) copy(e store.EntryID, folder string, to store.CopyTo) (store.Entry, int, error) {
	w.Helper()
	if folder != "" {
		p, err := store.ParsePath(folder)
		w.ok(err)
		to.Folder = &p
	}
	if to.Limit == 0 {
		to.Limit = 1000
	}
	to.When = w.later(time.Second)
	return w.db.CopyEntry(w.Context(), w.alice.ID, e, to)
}

func (w *world) copied(e store.EntryID, folder string, to store.CopyTo) store.Entry {
	w.Helper()
	c, _, err := w.copy(e, folder, to)
	w.ok(err)
	return c
}

// copyMost: what costs no bytes has a limit, too, and the trash counts.
func copyMost(w *world) {
	ctx := w.Context()
	_, err := w.db.MakeFolder(ctx, w.alice.ID, store.Path{"f", "g"}, w.now)
	w.ok(err)
	f, err := w.db.EntryAt(ctx, w.alice.ID, store.Path{"f"})
	w.ok(err)
	twin := w.copied(f.ID, "", store.CopyTo{Most: 4})
	refused := func(folder string) {
		w.Helper()
		if _, _, err := w.copy(f.ID, folder, store.CopyTo{Most: 5}); !errors.Is(err, store.ErrQuota) {
			w.Errorf("a copy too many: %v", err)
		}
	}
	refused("")
	w.ok(w.db.Trash(ctx, w.alice.ID, twin.ID, 0, w.now))
	refused("/made")
	w.ok(w.db.Purge(ctx, w.alice.ID, twin.ID, w.now))
	w.copied(f.ID, "", store.CopyTo{Most: 4})
	w.wantNames(w.alice, "", "f", "f (2)")
}

func copyFile(w *world) {
	c := w.completion(w.alice, "a.txt", sums("a", 5))
	c.Modified = time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	e := w.complete(c).Entry
	twin := w.copied(e.ID, "", store.CopyTo{})
	w.wantNames(w.alice, "", "a (2).txt", "a.txt")
	if twin.ID == e.ID || twin.Name != "a (2).txt" || !twin.Modified.Equal(e.Modified) || !twin.Created.Equal(w.now) || twin.Revision != 1 || twin.Change <= e.Change {
		w.Errorf("the copy of %+v is %+v", e, twin)
	}
	far := w.copied(e.ID, "/x/y", store.CopyTo{Name: "b.txt"})
	p, err := w.db.PathOf(w.Context(), w.alice.ID, far.ID)
	w.ok(err)
	if p.String() != "/x/y/b.txt" {
		w.Errorf("the copy is at %s", p)
	}
	w.content(c.Sums, 3)
	w.account(w.alice, 15, 0)
	for _, id := range []store.EntryID{twin.ID, far.ID, e.ID} {
		w.ok(w.db.Trash(w.Context(), w.alice.ID, id, 0, w.now))
		w.ok(w.db.Purge(w.Context(), w.alice.ID, id, w.now))
	}
	w.account(w.alice, 0, 0)
	w.content(c.Sums, 0)
}

// grove makes 3 folders and 5 files in /t, of 3 contents.
func (w *world) grove() store.EntryID {
	w.Helper()
	t, sub, deep := w.folder(w.alice, "/t"), w.folder(w.alice, "/t/sub"), w.folder(w.alice, "/t/sub/deep")
	w.folder(w.alice, "/t/empty")
	w.file(w.alice, t, "1", "one", 1)
	w.file(w.alice, sub, "1", "one", 1)
	w.file(w.alice, sub, "2", "two", 2)
	w.file(w.alice, deep, "3", "three", 3)
	w.file(w.alice, deep, "1", "one", 1)
	return t
}

// shape writes all that is visible below a folder.
func (w *world) shape(folder store.EntryID) string {
	w.Helper()
	es, err := w.db.EntriesBelow(w.Context(), w.alice.ID, folder, 1000)
	w.ok(err)
	up, err := w.db.PathOf(w.Context(), w.alice.ID, folder)
	w.ok(err)
	shape := map[string]int64{}
	for _, e := range es {
		p, err := w.db.PathOf(w.Context(), w.alice.ID, e.ID)
		w.ok(err)
		shape[p[len(up):].String()+" "+string(e.Kind)] = e.Content.Sums.Size
	}
	return fmt.Sprint(shape)
}

func copyFolder(w *world) {
	t := w.grove()
	want := w.shape(t)
	c, n, err := w.copy(t, "/", store.CopyTo{})
	w.ok(err)
	if c.Name != "t (2)" || n != 9 || w.shape(c.ID) != want {
		w.Errorf("the copy is %q with %d entries, %s, want %s", c.Name, n, w.shape(c.ID), want)
	}
	again := w.copied(c.ID, "/t/empty", store.CopyTo{Name: "back"})
	if w.shape(again.ID) != want {
		w.Errorf("the copy's copy is %s", w.shape(again.ID))
	}
	w.content(sums("one", 1), 9)
	w.content(sums("two", 2), 3)
	w.account(w.alice, 3*8, 0)
	for _, q := range w.orders() { // no two entries are tied in any order
		q.Files, q.Limit = true, 2
		w.inOrder(q, w.pages(q, nil), 15)
	}
	es, err := w.db.EntriesBelow(w.Context(), w.alice.ID, c.ID, 100)
	w.ok(err)
	seen := map[int64]bool{}
	for _, e := range es {
		if seen[e.Change] || e.Revision != 1 || e.Change > again.Change {
			w.Errorf("change %d, revision %d of %s", e.Change, e.Revision, e.Name)
		}
		seen[e.Change] = true
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, t, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, t, w.now))
	w.account(w.alice, 8, 0)
	if w.shape(c.ID) != want {
		w.Errorf("the copy has lost something: %s", w.shape(c.ID))
	}
}

func copyIntoItself(w *world) {
	t := w.grove()
	for _, folder := range []string{"/t", "/t/sub/deep", "/t/new/one"} {
		_, _, err := w.copy(t, folder, store.CopyTo{})
		w.is(err, store.ErrInvalid)
	}
	w.account(w.alice, 8, 0)
	w.wantNames(w.alice, t, "empty", "sub", "1") // nothing was made on the way
}

func copyClash(w *world) {
	t := w.grove()
	e := w.file(w.alice, "", "1", "other", 50)
	_, _, err := w.copy(e.ID, "/t", store.CopyTo{Clash: store.ClashFail})
	w.is(err, store.ErrExists)
	_, _, err = w.copy(e.ID, "/t/1", store.CopyTo{})
	w.is(err, store.ErrInTheWay)
	// In its own place, in that of what it lies in, and across kinds.
	_, _, err = w.copy(e.ID, "", store.CopyTo{Clash: store.ClashReplace})
	w.is(err, store.ErrInvalid)
	inside, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"t", "sub", "2"})
	w.ok(err)
	_, _, err = w.copy(inside.ID, "/", store.CopyTo{Name: "t", Clash: store.ClashReplace})
	w.is(err, store.ErrExists)
	_, _, err = w.copy(t, "/", store.CopyTo{Name: "1", Clash: store.ClashReplace})
	w.is(err, store.ErrExists)
	_, _, err = w.copy(t, "/", store.CopyTo{Clash: store.ClashReplace})
	w.is(err, store.ErrInvalid)
	w.account(w.alice, 58, 0)

	c := w.copied(e.ID, "/t", store.CopyTo{Clash: store.ClashReplace})
	if c.Name != "1" {
		w.Errorf("called %q", c.Name)
	}
	w.wantNames(w.alice, t, "empty", "sub", "1")
	w.account(w.alice, 108, 0) // what it replaced is in the trash
	w.wantNames(w.alice, "", "t", "1")
	w.counted()
}

func copyQuota(w *world) {
	t := w.grove()
	poor := int64(15)
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{Quota: &poor}))
	_, _, err := w.copy(t, "/new", store.CopyTo{})
	w.is(err, store.ErrQuota)
	w.wantNames(w.alice, "", "t")
	w.account(w.alice, 8, 0)
	w.content(sums("one", 1), 3)
	poor = 16
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{Quota: &poor}))
	w.copied(t, "/new", store.CopyTo{})
	w.account(w.alice, 16, 0)
}

func copyLimit(w *world) {
	t := w.grove()
	_, _, err := w.copy(t, "/new", store.CopyTo{Limit: 8})
	w.is(err, store.ErrTooMany)
	w.wantNames(w.alice, "", "t")
	_, n, err := w.copy(t, "/new", store.CopyTo{Limit: 9})
	w.ok(err)
	if n != 9 {
		w.Errorf("%d entries", n)
	}
	_, _, err = w.db.CopyEntry(w.Context(), w.alice.ID, t, store.CopyTo{When: w.now})
	w.is(err, store.ErrInvalid)
}

func copyDepth(w *world) {
	deep := ""
	for i := range store.MaxDepth - 1 {
		deep += fmt.Sprintf("/%d", i)
	}
	w.folder(w.alice, deep)
	t := w.grove() // t, sub and deep are three
	_, _, err := w.copy(t, deep, store.CopyTo{})
	w.is(err, store.ErrInvalid)
	_, _, err = w.copy(t, deep+"/x", store.CopyTo{})
	w.is(err, store.ErrInvalid)
	leaf := w.file(w.alice, t, "leaf", "leaf", 1)
	w.copied(leaf.ID, deep+"/x", store.CopyTo{})
	w.counted()
}

func copyRefused(w *world) {
	t := w.grove()
	e := w.file(w.bob, "", "bob's", "bob's", 1)
	for _, id := range []store.EntryID{e.ID, store.NewEntryID(), ""} {
		_, _, err := w.copy(id, "/", store.CopyTo{})
		w.is(err, store.ErrNotFound)
	}
	_, _, err := w.copy(t, "/", store.CopyTo{Revision: 7})
	w.is(err, store.ErrConflict)
	for _, bad := range []string{"a/b", "..", "\x00", string(make([]byte, 300))} {
		_, _, err = w.copy(t, "/", store.CopyTo{Name: bad})
		w.is(err, store.ErrInvalid)
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, t, 0, w.now))
	_, _, err = w.copy(t, "/", store.CopyTo{})
	w.is(err, store.ErrNotFound)
	w.account(w.alice, 8, 0)
}

func copyTrash(w *world) {
	t := w.grove()
	sub, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"t", "sub"})
	w.ok(err)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, sub.ID, 0, w.now))
	c, n, err := w.copy(t, "/", store.CopyTo{})
	w.ok(err)
	w.wantNames(w.alice, c.ID, "empty", "1")
	if n != 3 {
		w.Errorf("%d entries", n)
	}
	w.account(w.alice, 9, 0)
}

// A copy keeps the content when the original is gone.
func copyOutlives(w *world) {
	e := w.file(w.alice, "", "a", "a", 5)
	c := w.copied(e.ID, "", store.CopyTo{})
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	w.content(e.Content.Sums, 1)
	w.wantGarbage()
	w.visible(w.alice, true, c.ID)
	w.account(w.alice, 5, 0)
}

func below(w *world) {
	t := w.grove()
	w.file(w.alice, "", "beside", "beside", 1)
	es, err := w.db.EntriesBelow(w.Context(), w.alice.ID, t, 8)
	w.ok(err)
	seen := map[store.EntryID]bool{t: true}
	for _, e := range es {
		if !seen[e.Parent] {
			w.Errorf("%s comes before its folder", e.Name)
		}
		seen[e.ID] = true
		got, err := w.db.Entry(w.Context(), w.alice.ID, e.ID)
		w.ok(err)
		if got != e {
			w.Errorf("found %+v, is %+v", e, got)
		}
	}
	if len(es) != 8 {
		w.Errorf("%d entries", len(es))
	}
	_, err = w.db.EntriesBelow(w.Context(), w.alice.ID, t, 7)
	w.is(err, store.ErrTooMany)
	all, err := w.db.EntriesBelow(w.Context(), w.alice.ID, "", 10)
	w.ok(err)
	if len(all) != 10 {
		w.Errorf("the root has %d entries", len(all))
	}
	file, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"beside"})
	w.ok(err)
	for _, id := range []store.EntryID{file.ID, store.NewEntryID()} {
		_, err = w.db.EntriesBelow(w.Context(), w.alice.ID, id, 10)
		w.is(err, store.ErrNotFound)
	}
	_, err = w.db.EntriesBelow(w.Context(), w.bob.ID, t, 10)
	w.is(err, store.ErrNotFound)
}

// A copy is there, whole and counted, or the original was gone first.
func copyRacesPurge(w *world) {
	for i := range 12 {
		t := w.folder(w.alice, fmt.Sprintf("/p%d", i))
		w.file(w.alice, t, "a", fmt.Sprint("a", i), 4)
		w.file(w.alice, t, "b", fmt.Sprint("b", i), 4)
		now := w.now
		errs := together(3, func(n int) error {
			switch n {
			case 0:
				_, _, err := w.db.CopyEntry(w.Context(), w.alice.ID, t, store.CopyTo{Name: fmt.Sprintf("q%d", i), Limit: 9, When: now})
				return err
			case 1:
				if err := w.db.Trash(w.Context(), w.alice.ID, t, 0, now); err != nil {
					return err
				}
			}
			err := w.db.Purge(w.Context(), w.alice.ID, t, now)
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return err
		})
		w.ok(errs[1])
		w.ok(errs[2])
		if errs[0] != nil {
			w.is(errs[0], store.ErrNotFound)
			continue
		}
		q, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{fmt.Sprintf("q%d", i)})
		w.ok(err)
		w.wantNames(w.alice, q.ID, "a", "b")
	}
	w.counted()
}

func copyRacesName(w *world) {
	t := w.grove()
	now := w.now
	const n = 8
	errs := together(n, func(int) error {
		_, _, err := w.db.CopyEntry(w.Context(), w.alice.ID, t, store.CopyTo{Limit: 9, When: now})
		return err
	})
	for _, err := range errs {
		w.ok(err)
	}
	if got := w.names(w.alice, ""); len(got) != n+1 {
		w.Errorf("names are %q", got)
	}
	w.account(w.alice, 8*(n+1), 0)
	errs = together(n, func(int) error {
		_, _, err := w.db.CopyEntry(w.Context(), w.alice.ID, t, store.CopyTo{Name: "one", Clash: store.ClashFail, Limit: 9, When: now})
		return err
	})
	if count(errs, nil) != 1 || count(errs, store.ErrExists) != n-1 {
		w.Errorf("%v", errs)
	}
	w.counted()
}

func copyRacesQuota(w *world) {
	t := w.grove()
	quota := int64(8 + 3*8 + 7)
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{Quota: &quota}))
	now := w.now
	errs := together(8, func(int) error {
		_, _, err := w.db.CopyEntry(w.Context(), w.alice.ID, t, store.CopyTo{Limit: 9, When: now})
		return err
	})
	if count(errs, nil) != 3 || count(errs, store.ErrQuota) != 5 {
		w.Errorf("%v", errs)
	}
	w.account(w.alice, 32, 0)
}

// Two users copy, throw away and purge the same contents at once.
func copyStorm(w *world) {
	users := []store.User{w.alice, w.bob}
	for _, u := range users {
		d := w.folder(u, "/d")
		w.file(u, d, "1", "one", 1)
		w.file(u, d, "2", "two", 2)
	}
	now := w.now
	errs := together(6, func(i int) error {
		s := &stormer{w, users[i%2], rand.New(rand.NewPCG(uint64(i), 3)), now}
		for range 40 {
			if err := s.copyStep(); err != nil && !oneOf(err, told) {
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

func (s *stormer) copyStep() error {
	switch s.rand.IntN(4) {
	case 0, 1:
		e, err := s.some(store.Query{User: s.user.ID, Sort: store.ByName, Limit: 20})
		if err != nil {
			return err
		}
		clash := []store.Clash{store.ClashFail, store.ClashRename, store.ClashReplace}[s.rand.IntN(3)]
		_, _, err = s.db.CopyEntry(s.Context(), s.user.ID, e.ID, store.CopyTo{Name: s.pick(3), Clash: clash, Limit: 100, When: s.now})
		if errors.Is(err, store.ErrTooMany) {
			return nil
		}
		return err
	case 2:
		e, err := s.some(store.Query{User: s.user.ID, Sort: store.ByName, Limit: 20})
		if err != nil {
			return err
		}
		return s.db.Trash(s.Context(), s.user.ID, e.ID, 0, s.now)
	}
	e, err := s.some(store.Query{User: s.user.ID, Trash: true, Limit: 20})
	if err != nil {
		return err
	}
	return s.db.Purge(s.Context(), s.user.ID, e.ID, s.now)
}
