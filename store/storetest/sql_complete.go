package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Complete tests store.Uploads.CompleteUploads.
func Complete(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"NewContent":                   completeNew,
		"KnownContent":                 completeKnown,
		"TwiceIsOnce":                  completeTwice,
		"ManyAtOnceIsOnce":             completeRace,
		"TwoUsersAtOnce":               completeUsersRace,
		"SameNameSameContent":          completeSameName,
		"SameNameOtherContent":         completeNumbered,
		"StreamedIsChargedToTheByte":   completeStreamed,
		"StreamedQuotaRace":            completeQuotaRace,
		"AllOrNone":                    completeAllOrNone,
		"Batch":                        completeBatch,
		"Collision":                    completeCollision,
		"Damaged":                      completeDamaged,
		"FolderGone":                   completeFolderGone,
		"RefusedMakesNoFolder":         completeNewFolder,
		"WrongBytesAreRefused":         completeWrong,
		"UnboundGetsItsDigest":         completeUnbound,
		"ResultInTheTrash":             completeTrashed,
		"GarbageIsNotTakenAgain":       completeGarbage,
		"NothingToMoveWithoutATarget":  completeNoTarget,
		"SameLocationIsNotItsGarbage":  completeSameLocation,
		"BadNamesAreRefused":           completeBadNames,
		"CancelledContextDoesNothing":  completeCancelled,
		"EmptyFile":                    completeEmpty,
		"OpenUploadsOfOneContentMerge": completeMerge,
	})
}

func completeNew(w *world) {
	s := sums("a", 1000)
	up := w.begin(w.alice, s)
	c := w.finishing(up, s)
	c.Name, c.Modified = "final.txt", w.now.Add(-1e9)
	done := w.complete(c)
	e := done.Entry
	if !done.Stored || e.Name != "final.txt" || e.Kind != store.File || e.Parent != "" || !e.Modified.Equal(c.Modified) ||
		!e.Created.Equal(c.When) || !e.Updated.Equal(c.When) || e.Revision != 1 || e.User != w.alice.ID {
		w.Errorf("completed: %+v", done)
	}
	content := w.content(s, 1)
	if content.Location != c.Location || content != e.Content || !content.Verified.Equal(c.When) {
		w.Errorf("content is %+v, the entry's %+v", content, e.Content)
	}
	got, err := w.db.Upload(w.Context(), w.alice.ID, up.ID)
	w.ok(err)
	if got.State != store.UploadDone || got.Entry != e.ID || got.Reserved != 0 {
		w.Errorf("upload is %+v", got)
	}
	jobs, err := w.db.DueTransfers(w.Context(), c.When, 10)
	w.ok(err)
	if len(jobs) != 1 || jobs[0].Sums != s || jobs[0].From != c.Location || jobs[0].Target != store.Disk || !jobs[0].To.IsZero() {
		w.Errorf("jobs are %+v", jobs)
	}
	w.account(w.alice, 1000, 0)
	w.wantGarbage()
}

// completeNewFolder: new files, by upload or by link, create their folder, and those that are refused create none.
func completeNewFolder(w *world) {
	ctx := w.Context()
	folder := &store.Path{"new", "sub"}
	s, huge := sums("a", 1000), sums("huge", 1<<50)
	w.file(w.alice, "", "taken", "taken", 5)
	completion := func(s store.Sums, name string) store.Completion {
		c := w.completion(w.alice, name, s)
		c.Folder, c.Clash = folder, store.ClashFail
		return c
	}
	blocked := completion(s, "b")
	blocked.Folder = &store.Path{"taken", "sub"}
	for want, cs := range map[error][]store.Completion{
		store.ErrExists:   {completion(s, "a"), completion(sums("b", 2), "a")},
		store.ErrQuota:    {completion(s, "a"), completion(huge, "b")},
		store.ErrInTheWay: {completion(s, "a"), blocked},
	} {
		if _, err := w.db.CompleteUploads(ctx, cs); !errors.Is(err, want) {
			w.Errorf("got %v, want %v", err, want)
		}
		w.wantNames(w.alice, "", "taken")
	}
	done, err := w.db.CompleteUploads(ctx, []store.Completion{completion(s, "a"), completion(sums("b", 2), "b")})
	w.ok(err)
	w.wantNames(w.alice, done[0].Entry.Parent, "a", "b")
	w.at(w.alice, done[1].Entry.ID, "/new/sub/b")

	link := store.NewEntry{User: w.alice.ID, Digest: s.Digest, Size: 1000, Name: "c", When: w.now}
	link.Folder = &store.Path{"linked"}
	for want, change := range map[error]func(*store.NewEntry){
		store.ErrNotFound: func(n *store.NewEntry) { n.Digest = huge.Digest },
		store.ErrInvalid:  func(n *store.NewEntry) { n.Name = "a/b" },
		store.ErrInTheWay: func(n *store.NewEntry) { n.Folder = &store.Path{"taken", "sub"} },
	} {
		n := link
		change(&n)
		if _, err := w.db.LinkContent(ctx, n); !errors.Is(err, want) {
			w.Errorf("link: got %v, want %v", err, want)
		}
		w.wantNames(w.alice, "", "new", "taken")
	}
	e, err := w.db.LinkContent(ctx, link)
	w.ok(err)
	w.at(w.alice, e.ID, "/linked/c")
}

func completeKnown(w *world) {
	s := sums("a", 1000)
	first := w.complete(w.completion(w.alice, "a", s))
	up := w.begin(w.bob, s)
	c := w.finishing(up, s)
	second := w.complete(c)
	if second.Stored || second.Entry.Content.Location != first.Entry.Content.Location {
		w.Errorf("second is %+v", second)
	}
	w.content(s, 2)
	w.wantSpares(s, c.Location)
	w.wantGarbage()
	w.account(w.alice, 1000, 0)
	w.account(w.bob, 1000, 0)
}

func completeTwice(w *world) {
	s := sums("a", 1000)
	c := w.finishing(w.begin(w.alice, s), s)
	first := w.complete(c)
	c.Clash, c.When = store.ClashReplace, w.later(time.Second)
	second := w.complete(c)
	if second != first {
		w.Errorf("second is %+v, want %+v", second, first)
	}
	w.content(s, 1)
	w.account(w.alice, 1000, 0)
	w.wantGarbage()
	w.wantNames(w.alice, "", "upload.bin")
}

func completeSameName(w *world) {
	s := sums("a", 1000)
	first := w.file(w.alice, "", "a", "a", 1000)
	up := w.begin(w.alice, s)
	c := w.finishing(up, s)
	c.Name = "a"
	done := w.complete(c)
	if done.Entry.ID != first.ID || done.Entry.Revision != first.Revision {
		w.Errorf("a second entry: %+v", done.Entry)
	}
	w.content(s, 1)
	w.account(w.alice, 1000, 0)
	c = w.completion(w.alice, "b", s)
	w.complete(c)
	w.content(s, 2)
	w.account(w.alice, 2000, 0) // a second name is charged
}

func completeNumbered(w *world) {
	w.file(w.alice, "", "a.txt", "1", 1)
	for i := 2; i < 16; i++ {
		e := w.file(w.alice, "", "a.txt", fmt.Sprint(i), 1)
		if want := fmt.Sprintf("a (%d).txt", i); e.Name != want {
			w.Errorf("name is %q, want %q", e.Name, want)
		}
	}
	w.folder(w.alice, "/sub/a.txt") // taken by a folder
	sub, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"sub"})
	w.ok(err)
	if e := w.file(w.alice, sub.ID, "a.txt", "1", 1); e.Name != "a (2).txt" {
		w.Errorf("name beside a folder is %q", e.Name)
	}
}

func completeStreamed(w *world) {
	poor := w.user("poor", 1000)
	w.begin(poor, sums("reserved", 400))
	w.complete(w.completion(poor, "a", sums("a", 500)))
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{w.completion(poor, "b", sums("b", 101))})
	w.is(err, store.ErrQuota)
	w.content(sums("b", 101), 0)
	w.complete(w.completion(poor, "a", sums("a", 500))) // there already: nothing to pay
	w.complete(w.completion(poor, "c", sums("c", 100)))
	w.account(poor, 600, 400)
}

func completeCollision(w *world) {
	first := w.file(w.alice, "", "a", "a", 1000)
	evil := sums("a", 1000)
	evil.SHA256 = sums("evil", 1000).SHA256
	up := w.begin(w.bob, evil)
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{w.finishing(up, evil)})
	w.is(err, store.ErrCollision)
	longer := sums("a", 1001)
	_, err = w.db.CompleteUploads(w.Context(), []store.Completion{w.completion(w.bob, "x", longer)})
	w.is(err, store.ErrCollision)
	if c := w.content(sums("a", 1000), 1); c != first.Content {
		w.Errorf("content changed to %+v", c)
	}
	w.account(w.bob, 0, 1000)
	w.wantNames(w.bob, "")
	w.wantGarbage()
}

func completeDamaged(w *world) {
	s := sums("a", 1000)
	first := w.file(w.alice, "", "a", "a", 1000)
	to := store.Location{Kind: store.Disk, Key: first.Content.Location.Name().Key()}
	job, err := w.db.LeaseTransfer(w.Context(), s.Digest, w.now, w.now.Add(1e9), nil)
	w.ok(err)
	job.To, job.S3Upload = to, "part"
	w.ok(w.db.SaveTransfer(w.Context(), job, w.now.Add(1e9)))
	w.ok(w.db.MarkContent(w.Context(), s.Digest, first.Content.Location, store.ContentDamaged, w.now))
	c := w.completion(w.bob, "b", s)
	done := w.complete(c)
	now := w.content(s, 2)
	if !done.Stored || now.Status != store.ContentLive || now.Location != c.Location || now.ID != first.Content.ID {
		w.Errorf("completed %+v, content %+v", done, now)
	}
	w.wantGarbage(first.Content.Location, to)
	if g := w.garbage()[to]; g.S3Upload != "part" {
		w.Errorf("the destination's multipart upload is lost: %+v", g)
	}
	job.To = c.Location // whoever was moving the damaged blob is refused
	w.is(w.db.SaveTransfer(w.Context(), job, w.now), store.ErrConflict)
	fresh, err := w.db.LeaseTransfer(w.Context(), s.Digest, w.now, w.now.Add(1e9), nil)
	w.ok(err)
	if fresh.From != c.Location || !fresh.To.IsZero() || fresh.S3Upload != "" || fresh.Attempts != 1 {
		w.Errorf("job is %+v", fresh)
	}
	job.To = to
	w.is(w.db.FinishTransfer(w.Context(), job, w.now), store.ErrConflict)
}

func completeFolderGone(w *world) {
	trashed, other := w.folder(w.alice, "/trashed"), w.folder(w.bob, "/bobs")
	purged, mine := w.folder(w.alice, "/purged"), w.folder(w.alice, "/mine")
	up := w.upload(w.alice, sums("1", 1))
	up.Parent = trashed
	w.ok(w.db.StartUpload(w.Context(), up, store.UploadLimits{}))
	for _, id := range []store.EntryID{trashed, purged} {
		w.ok(w.db.Trash(w.Context(), w.alice.ID, id, 0, w.now))
	}
	w.ok(w.db.Purge(w.Context(), w.alice.ID, purged, w.now))
	c := w.finishing(up, sums("1", 1))
	c.Name = "1"
	if e := w.complete(c).Entry; e.Parent != "" {
		w.Errorf("parent is %s", e.Parent)
	}
	w.file(w.alice, purged, "2", "2", 1)
	w.file(w.alice, other, "3", "3", 1)
	w.file(w.alice, mine, "4", "4", 1)
	w.wantNames(w.alice, "", "mine", "1", "2", "3")
	w.wantNames(w.alice, mine, "4")
	w.wantNames(w.bob, other)
}

func completeWrong(w *world) {
	up := w.begin(w.alice, sums("a", 1000))
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{w.finishing(up, sums("b", 1000))})
	w.is(err, store.ErrDigestMismatch)
	_, err = w.db.CompleteUploads(w.Context(), []store.Completion{w.finishing(up, sums("a", 1001))})
	w.is(err, store.ErrLength)
	w.account(w.alice, 0, 1000)
	w.wantNames(w.alice, "")
}

func completeUnbound(w *world) {
	up := w.begin(w.alice, store.Sums{Size: 10})
	w.begin(w.alice, sums("a", 10)) // another open upload of the same content is no hindrance
	w.complete(w.finishing(up, sums("a", 10)))
	got, err := w.db.Upload(w.Context(), w.alice.ID, up.ID)
	w.ok(err)
	if got.Digest != sums("a", 10).Digest {
		w.Errorf("digest is %s", got.Digest)
	}
	w.account(w.alice, 10, 10)
}

func completeTrashed(w *world) {
	s := sums("a", 10)
	c := w.finishing(w.begin(w.alice, s), s)
	e := w.complete(c).Entry
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	if again := w.complete(c).Entry; again.ID != e.ID || again.Status != store.EntryTrashed {
		w.Errorf("result is %+v", again)
	}
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrNotFound)
	w.account(w.alice, 0, 0)
}

// A blob whose name has become garbage may be removed at any moment: no content may come to stand on it.
func completeGarbage(w *world) {
	c := w.completion(w.alice, "a", sums("a", 10))
	w.ok(w.db.AddGarbage(w.Context(), store.Garbage{Location: c.Location, Since: w.now}))
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrConflict)
	w.account(w.alice, 0, 0)
}

func completeNoTarget(w *world) {
	c := w.completion(w.alice, "a", sums("a", 10))
	c.Target = ""
	w.complete(c)
	_, err := w.db.LeaseTransfer(w.Context(), c.Sums.Digest, w.now, w.now, nil)
	w.is(err, store.ErrNotFound)
}

func completeSameLocation(w *world) {
	c := w.completion(w.alice, "a", sums("a", 10))
	first := w.complete(c)
	again := w.complete(c)
	if again != first {
		w.Errorf("again: %+v, want %+v", again, first)
	}
	w.wantGarbage()
	w.content(c.Sums, 1)
}

func completeBadNames(w *world) {
	for _, name := range badNames() {
		_, err := w.db.CompleteUploads(w.Context(), []store.Completion{w.completion(w.alice, name, sums("a", 10))})
		w.is(err, store.ErrInvalid)
	}
	w.account(w.alice, 0, 0)
}

func completeCancelled(w *world) {
	ctx, cancel := contextWithCancel(w)
	cancel()
	_, err := w.db.CompleteUploads(ctx, []store.Completion{w.completion(w.alice, "a", sums("a", 10))})
	if err == nil {
		w.Error("no error")
	}
	w.content(sums("a", 10), 0)
	w.account(w.alice, 0, 0)
}

func completeEmpty(w *world) {
	s := store.Sums{Digest: store.EmptyDigest, SHA256: sums("", 0).SHA256}
	e := w.complete(w.finishing(w.begin(w.alice, s), s)).Entry
	if e.Content.Sums != s {
		w.Errorf("content is %+v", e.Content)
	}
	w.account(w.alice, 0, 0)
}

// A user's unbound upload may turn out to be the content of another open upload; both complete.
func completeMerge(w *world) {
	s := sums("a", 10)
	first, second := w.begin(w.alice, s), w.begin(w.alice, store.Sums{Size: 10})
	one := w.complete(w.finishing(first, s))
	two := w.complete(w.finishing(second, s))
	if one.Entry.ID != two.Entry.ID {
		w.Errorf("entries %s and %s", one.Entry.ID, two.Entry.ID)
	}
	w.account(w.alice, 10, 0)
	w.content(s, 1)
}
