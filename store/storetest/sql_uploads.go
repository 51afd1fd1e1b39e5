package storetest

import (
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Uploads tests store.Uploads up to the completion, which Complete tests.
func Uploads(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"StartThenFind":             uploadsStart,
		"OneOpenPerDigest":          uploadsOnePerDigest,
		"OneOfManyStarts":           uploadsStartRace,
		"ManyWithoutDigest":         uploadsWithoutDigest,
		"QuotaToTheByte":            uploadsQuota,
		"QuotaRace":                 uploadsQuotaRace,
		"HugeSizeIsRefused":         uploadsHuge,
		"LimitOfOpen":               uploadsLimit,
		"LimitRace":                 uploadsLimitRace,
		"ParentMustBeVisibleFolder": uploadsParent,
		"OthersAreNotFound":         uploadsOthers,
		"OpenNewestFirst":           uploadsOpen,
		"Bind":                      uploadsBind,
		"End":                       uploadsEnd,
		"OneOfManyEnds":             uploadsEndRace,
		"NegativeSize":              uploadsNegative,
	})
}

func uploadsStart(w *world) {
	u := w.upload(w.alice, sums("a", 12345))
	u.Parent = w.folder(w.alice, "/docs")
	u.Name, u.Modified = "名前.txt", time.Unix(0, 0).UTC() // the epoch is a time, not a missing one
	w.ok(w.db.StartUpload(w.Context(), u, store.UploadLimits{}))
	u.Reserved = 12345
	got, err := w.db.Upload(w.Context(), w.alice.ID, u.ID)
	w.ok(err)
	byID, err := w.db.UploadByID(w.Context(), u.ID)
	w.ok(err)
	byDigest, err := w.db.OpenUpload(w.Context(), w.alice.ID, u.Digest)
	w.ok(err)
	if got != u || byID != u || byDigest != u {
		w.Errorf("found %+v, %+v, %+v, want %+v", got, byID, byDigest, u)
	}
	w.account(w.alice, 0, 12345)
}

func uploadsOnePerDigest(w *world) {
	up := w.begin(w.alice, sums("a", 10))
	again := w.upload(w.alice, sums("a", 10))
	w.is(w.db.StartUpload(w.Context(), again, store.UploadLimits{}), store.ErrExists)
	w.account(w.alice, 0, 10)
	w.begin(w.bob, sums("a", 10)) // another user's business
	w.ok(w.db.EndUpload(w.Context(), up.ID))
	w.ok(w.db.StartUpload(w.Context(), again, store.UploadLimits{}))
	w.ok(w.db.EndUpload(w.Context(), again.ID))
	w.begin(w.alice, sums("a", 10)) // two ended ones do not stand in each other's way
}

func uploadsStartRace(w *world) {
	uploads := make([]store.Upload, 50)
	for i := range uploads {
		uploads[i] = w.upload(w.alice, sums("same", 100))
	}
	errs := together(50, func(i int) error { return w.db.StartUpload(w.Context(), uploads[i], store.UploadLimits{}) })
	if count(errs, nil) != 1 || count(errs, store.ErrExists) != 49 {
		w.Errorf("results: %v", errs)
	}
	w.account(w.alice, 0, 100)
}

func uploadsWithoutDigest(w *world) {
	unknown := store.Sums{Size: 5}
	first, second := w.begin(w.alice, unknown), w.begin(w.alice, unknown)
	if !first.Digest.IsZero() || first.ID == second.ID {
		w.Fatal("test is wrong")
	}
	_, err := w.db.OpenUpload(w.Context(), w.alice.ID, store.Digest{})
	w.is(err, store.ErrNotFound)
	w.account(w.alice, 0, 10)
}

func uploadsQuota(w *world) {
	poor := w.user("poor", 1000)
	w.file(poor, "", "used", "used", 300)
	w.begin(poor, sums("reserved", 600))
	w.is(w.db.StartUpload(w.Context(), w.upload(poor, sums("x", 101)), store.UploadLimits{}), store.ErrQuota)
	w.account(poor, 300, 600)
	w.begin(poor, sums("y", 100))
	w.is(w.db.StartUpload(w.Context(), w.upload(poor, sums("z", 1)), store.UploadLimits{}), store.ErrQuota)
	w.begin(poor, sums("", 0))
	w.account(poor, 300, 700)
}

func uploadsQuotaRace(w *world) {
	poor := w.user("poor", 1099) // enough for ten of 100
	uploads := make([]store.Upload, 50)
	for i := range uploads {
		uploads[i] = w.upload(poor, sums(string(store.NewUploadID("n1")), 100))
	}
	errs := together(50, func(i int) error { return w.db.StartUpload(w.Context(), uploads[i], store.UploadLimits{}) })
	if count(errs, nil) != 10 || count(errs, store.ErrQuota) != 40 {
		w.Errorf("results: %v", errs)
	}
	w.account(poor, 0, 1000)
}

func uploadsHuge(w *world) {
	for _, size := range []int64{1 << 62, 1<<63 - 1, plenty + 1} {
		w.begin(w.bob, sums("small", 1))
		w.is(w.db.StartUpload(w.Context(), w.upload(w.bob, sums("huge", size)), store.UploadLimits{}), store.ErrQuota)
		us, err := w.db.OpenUploads(w.Context(), w.bob.ID)
		w.ok(err)
		w.ok(w.db.EndUpload(w.Context(), us[0].ID))
	}
	w.account(w.bob, 0, 0)
}

func uploadsLimit(w *world) {
	limit := store.UploadLimits{Open: 2}
	first := w.upload(w.alice, sums("1", 1))
	w.ok(w.db.StartUpload(w.Context(), first, limit))
	w.ok(w.db.StartUpload(w.Context(), w.upload(w.alice, sums("2", 1)), limit))
	w.is(w.db.StartUpload(w.Context(), w.upload(w.alice, sums("3", 1)), limit), store.ErrTooMany)
	w.is(w.db.StartUpload(w.Context(), w.upload(w.alice, sums("2", 1)), limit), store.ErrExists)
	w.ok(w.db.EndUpload(w.Context(), first.ID))
	w.ok(w.db.StartUpload(w.Context(), w.upload(w.alice, sums("3", 1)), limit))
	w.account(w.alice, 0, 2)
}

func uploadsLimitRace(w *world) {
	uploads := make([]store.Upload, 30)
	for i := range uploads {
		uploads[i] = w.upload(w.alice, sums(string(store.NewUploadID("n1")), 1))
	}
	errs := together(30, func(i int) error { return w.db.StartUpload(w.Context(), uploads[i], store.UploadLimits{Open: 7}) })
	if count(errs, nil) != 7 || count(errs, store.ErrTooMany) != 23 {
		w.Errorf("results: %v", errs)
	}
}

func uploadsParent(w *world) {
	gone := w.folder(w.alice, "/gone")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, gone, 0, w.now))
	for name, parent := range map[string]store.EntryID{
		"unknown": store.NewEntryID(), "trashed": gone, "another's": w.folder(w.bob, "/bobs"),
		"a file": w.file(w.alice, "", "file", "file", 1).ID,
	} {
		up := w.upload(w.alice, sums("a", 1))
		up.Parent = parent
		if err := w.db.StartUpload(w.Context(), up, store.UploadLimits{}); count([]error{err}, store.ErrNotFound) != 1 {
			w.Errorf("%s: %v", name, err)
		}
	}
	w.account(w.alice, 1, 0)
}

func uploadsOthers(w *world) {
	up := w.begin(w.alice, sums("a", 1))
	_, err := w.db.Upload(w.Context(), w.bob.ID, up.ID)
	w.is(err, store.ErrNotFound)
	_, err = w.db.OpenUpload(w.Context(), w.bob.ID, up.Digest)
	w.is(err, store.ErrNotFound)
	w.is(w.db.BindUpload(w.Context(), w.bob.ID, up.ID, up.Digest), store.ErrNotFound)
	c := w.finishing(up, sums("a", 1))
	c.User = w.bob.ID
	_, err = w.db.CompleteUploads(w.Context(), []store.Completion{c})
	w.is(err, store.ErrNotFound)
	us, err := w.db.OpenUploads(w.Context(), w.bob.ID)
	w.ok(err)
	if len(us) != 0 {
		w.Errorf("bob sees %v", us)
	}
	w.is(w.db.StartUpload(w.Context(), w.upload(store.User{ID: 4711}, sums("a", 1)), store.UploadLimits{}), store.ErrNotFound)
}

func uploadsOpen(w *world) {
	first, second, third := w.begin(w.alice, sums("1", 1)), w.begin(w.alice, sums("2", 1)), w.begin(w.alice, sums("3", 1))
	w.ok(w.db.EndUpload(w.Context(), second.ID))
	us, err := w.db.OpenUploads(w.Context(), w.alice.ID)
	w.ok(err)
	if len(us) != 2 || us[0].ID != third.ID || us[1].ID != first.ID {
		w.Errorf("open uploads are %v", us)
	}
}

func uploadsBind(w *world) {
	up := w.begin(w.alice, store.Sums{Size: 5})
	d := sums("bound", 5).Digest
	w.ok(w.db.BindUpload(w.Context(), w.alice.ID, up.ID, d))
	w.ok(w.db.BindUpload(w.Context(), w.alice.ID, up.ID, d))
	w.is(w.db.BindUpload(w.Context(), w.alice.ID, up.ID, sums("other", 5).Digest), store.ErrConflict)
	got, err := w.db.OpenUpload(w.Context(), w.alice.ID, d)
	w.ok(err)
	if got.ID != up.ID {
		w.Errorf("found %s, want %s", got.ID, up.ID)
	}
	second := w.begin(w.alice, store.Sums{Size: 5})
	w.is(w.db.BindUpload(w.Context(), w.alice.ID, second.ID, d), store.ErrExists)
	w.is(w.db.BindUpload(w.Context(), w.alice.ID, store.NewUploadID("n1"), d), store.ErrNotFound)
	w.ok(w.db.EndUpload(w.Context(), up.ID))
	w.is(w.db.BindUpload(w.Context(), w.alice.ID, up.ID, d), store.ErrConflict)
	w.ok(w.db.BindUpload(w.Context(), w.alice.ID, second.ID, d))
}

func uploadsEnd(w *world) {
	up := w.begin(w.alice, sums("a", 100))
	w.ok(w.db.EndUpload(w.Context(), up.ID))
	w.ok(w.db.EndUpload(w.Context(), up.ID))
	w.account(w.alice, 0, 0)
	got, err := w.db.Upload(w.Context(), w.alice.ID, up.ID)
	w.ok(err)
	if got.State != store.UploadCancelled || got.Reserved != 0 {
		w.Errorf("ended upload is %+v", got)
	}
	_, err = w.db.CompleteUploads(w.Context(), []store.Completion{w.finishing(up, sums("a", 100))})
	w.is(err, store.ErrConflict)
	w.is(w.db.EndUpload(w.Context(), store.NewUploadID("n1")), store.ErrNotFound)
	done := w.begin(w.alice, sums("b", 100))
	w.complete(w.finishing(done, sums("b", 100)))
	w.is(w.db.EndUpload(w.Context(), done.ID), store.ErrConflict)
	w.account(w.alice, 100, 0)
}

func uploadsEndRace(w *world) {
	up := w.begin(w.alice, sums("a", 100))
	w.begin(w.alice, sums("b", 100))
	errs := together(20, func(int) error { return w.db.EndUpload(w.Context(), up.ID) })
	if count(errs, nil) != 20 {
		w.Errorf("results: %v", errs)
	}
	w.account(w.alice, 0, 100)
}

func uploadsNegative(w *world) {
	up := w.upload(w.alice, sums("a", -1))
	w.is(w.db.StartUpload(w.Context(), up, store.UploadLimits{}), store.ErrInvalid)
	w.account(w.alice, 0, 0)
}

// UploadKeeper tests store.UploadKeeper.
func UploadKeeper(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Extend":  keeperExtend,
		"Expired": keeperExpired,
		"Forget":  keeperForget,
	})
}

func keeperExtend(w *world) {
	up := w.begin(w.alice, sums("a", 1))
	later := up.Expires.Add(time.Hour)
	w.ok(w.db.ExtendUpload(w.Context(), up.ID, later))
	w.ok(w.db.ExtendUpload(w.Context(), up.ID, up.Expires))
	got, err := w.db.UploadByID(w.Context(), up.ID)
	w.ok(err)
	if !got.Expires.Equal(later) {
		w.Errorf("expires at %v, want %v", got.Expires, later)
	}
	w.ok(w.db.EndUpload(w.Context(), up.ID))
	w.ok(w.db.ExtendUpload(w.Context(), up.ID, later.Add(time.Hour)))
	w.ok(w.db.ExtendUpload(w.Context(), store.NewUploadID("n1"), later))
	_, err = w.db.UploadByID(w.Context(), store.NewUploadID("n1"))
	w.is(err, store.ErrNotFound)
}

func keeperExpired(w *world) {
	first, second, ended := w.begin(w.alice, sums("1", 1)), w.begin(w.bob, sums("2", 1)), w.begin(w.bob, sums("3", 1))
	w.ok(w.db.EndUpload(w.Context(), ended.ID))
	w.ok(w.db.ExtendUpload(w.Context(), first.ID, second.Expires.Add(time.Minute)))
	for _, c := range []struct {
		at    time.Time
		limit int
		want  []store.UploadID
	}{
		{second.Expires, 10, nil},
		{second.Expires.Add(time.Second), 10, []store.UploadID{second.ID}},
		{second.Expires.Add(time.Hour), 10, []store.UploadID{second.ID, first.ID}},
		{second.Expires.Add(time.Hour), 1, []store.UploadID{second.ID}},
	} {
		us, err := w.db.ExpiredUploads(w.Context(), c.at, c.limit)
		w.ok(err)
		if len(us) != len(c.want) {
			w.Fatalf("expired: %v, want %v", us, c.want)
		}
		for i, u := range us {
			if u.ID != c.want[i] {
				w.Errorf("expired: %v, want %v", us, c.want)
			}
		}
	}
}

func keeperForget(w *world) {
	open, done := w.begin(w.alice, sums("1", 1)), w.begin(w.alice, sums("2", 1))
	w.complete(w.finishing(done, sums("2", 1)))
	n, err := w.db.ForgetUploads(w.Context(), w.now)
	w.ok(err)
	if n != 0 {
		w.Errorf("%d forgotten early", n)
	}
	n, err = w.db.ForgetUploads(w.Context(), w.now.Add(time.Second))
	w.ok(err)
	if n != 1 {
		w.Errorf("%d forgotten, want 1", n)
	}
	_, err = w.db.UploadByID(w.Context(), done.ID)
	w.is(err, store.ErrNotFound)
	_, err = w.db.UploadByID(w.Context(), open.ID)
	w.ok(err)
	w.account(w.alice, 1, 1)
}
