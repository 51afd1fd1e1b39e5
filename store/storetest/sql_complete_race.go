package storetest

import (
	"fmt"
	"sync"

	"github.com/blinkdrive/blinkdrive/store"
)

func completeRace(w *world) {
	s := sums("a", 1000)
	c := w.finishing(w.begin(w.alice, s), s)
	var mu sync.Mutex
	entries := map[store.EntryID]bool{}
	errs := together(50, func(int) error {
		done, err := w.db.CompleteUploads(w.Context(), []store.Completion{c})
		if err == nil {
			mu.Lock()
			entries[done[0].Entry.ID] = true
			mu.Unlock()
		}
		return err
	})
	if count(errs, nil) != 50 || len(entries) != 1 {
		w.Errorf("%d entries, results: %v", len(entries), errs)
	}
	w.content(s, 1)
	w.account(w.alice, 1000, 0)
	w.wantGarbage()
	w.wantNames(w.alice, "", "upload.bin")
}

func completeUsersRace(w *world) {
	s := sums("a", 1000)
	cs := []store.Completion{w.finishing(w.begin(w.alice, s), s), w.finishing(w.begin(w.bob, s), s)}
	stored := make([]bool, 2)
	errs := together(2, func(i int) error {
		done, err := w.db.CompleteUploads(w.Context(), cs[i:i+1])
		if err == nil {
			stored[i] = done[0].Stored
		}
		return err
	})
	if count(errs, nil) != 2 || stored[0] == stored[1] {
		w.Fatalf("stored: %v, results: %v", stored, errs)
	}
	loser := cs[0].Location
	if stored[0] {
		loser = cs[1].Location
	}
	w.content(s, 2)
	w.wantSpares(s, loser)
	w.wantGarbage()
	w.account(w.alice, 1000, 0)
	w.account(w.bob, 1000, 0)
}

func completeQuotaRace(w *world) {
	poor := w.user("poor", 1050)
	cs := make([]store.Completion, 50)
	for i := range cs {
		cs[i] = w.completion(poor, "a", sums(fmt.Sprint(i), 100))
	}
	errs := together(50, func(i int) error {
		_, err := w.db.CompleteUploads(w.Context(), cs[i:i+1])
		return err
	})
	if count(errs, nil) != 10 || count(errs, store.ErrQuota) != 40 {
		w.Errorf("results: %v", errs)
	}
	w.account(poor, 1000, 0)
	if n := len(w.names(poor, "")); n != 10 {
		w.Errorf("%d entries", n)
	}
}

func completeAllOrNone(w *world) {
	poor := w.user("poor", 150)
	ended := w.begin(w.alice, sums("e", 1))
	w.ok(w.db.EndUpload(w.Context(), ended.ID))
	good := func() store.Completion { return w.completion(w.alice, "good", sums("good", 1)) }
	for name, bad := range map[string][]store.Completion{
		"quota":    {w.completion(poor, "1", sums("1", 100)), w.completion(poor, "2", sums("2", 100))},
		"conflict": {w.finishing(ended, sums("e", 1))},
		"unknown":  {w.finishing(w.upload(w.alice, sums("u", 1)), sums("u", 1))},
	} {
		if _, err := w.db.CompleteUploads(w.Context(), append([]store.Completion{good()}, bad...)); err == nil {
			w.Errorf("%s: no error", name)
		}
	}
	w.content(sums("good", 1), 0)
	w.content(sums("1", 100), 0)
	w.wantNames(w.alice, "")
	w.wantGarbage(w.finishing(ended, sums("e", 1)).Location) // which a failed complete may have left
	w.account(poor, 0, 0)
	w.account(w.alice, 0, 0)
}

func completeBatch(w *world) {
	var cs []store.Completion
	for i := range 20 {
		s := sums(fmt.Sprint(i%10), 10)
		cs = append(cs, w.finishing(w.begin([]store.User{w.alice, w.bob}[i/10], s), s))
	}
	done, err := w.db.CompleteUploads(w.Context(), cs)
	w.ok(err)
	if len(done) != 20 {
		w.Fatalf("%d results", len(done))
	}
	for i, d := range done {
		if d.Entry.Content.Sums != cs[i].Sums || d.Entry.User != cs[i].User || d.Stored != (i < 10) {
			w.Errorf("result %d is %+v", i, d)
		}
	}
	w.account(w.alice, 100, 0)
	w.account(w.bob, 100, 0)
	none, err := w.db.CompleteUploads(w.Context(), nil)
	w.ok(err)
	if len(none) != 0 {
		w.Errorf("results of nothing: %v", none)
	}
}
