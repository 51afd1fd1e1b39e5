package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Search tests store.EntryTrees.SearchEntries.
func Search(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Letters":        searchLetters,
		"Orders":         searchOrders,
		"Hostile":        searchHostile,
		"Below":          searchBelow,
		"OwnAndVisible":  searchOwn,
		"BoundedWork":    searchScan,
		"Refused":        searchRefused,
		"WhileItChanges": searchChanges,
	})
}

// search reads a search to its end, in pages of limit.
func (w *world) search(q store.Search) []store.Entry {
	w.Helper()
	q.User = w.alice.ID
	if q.Sort == "" {
		q.Sort = store.ByName
	}
	if q.Limit == 0 {
		q.Limit = 3
	}
	if q.Scan == 0 {
		q.Scan = 5
	}
	var all []store.Entry
	for range 10_000 {
		es, next, err := w.db.SearchEntries(w.Context(), q)
		w.ok(err)
		if len(es) > q.Limit || es == nil {
			w.Fatalf("%d entries on a page of %d", len(es), q.Limit)
		}
		all = append(all, es...)
		if next == "" {
			return all
		}
		if next == q.Cursor {
			w.Fatal("the cursor stands still")
		}
		q.Cursor = next
	}
	w.Fatal("a search without end")
	return nil
}

func (w *world) wantFound(q store.Search, want ...string) {
	w.Helper()
	got := []string{}
	for _, e := range w.search(q) {
		got = append(got, e.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("%q finds %q, want %q", q.Text, got, want)
	}
}

func searchLetters(w *world) {
	for i, name := range []string{"Report.PDF", "report 2.pdf", "Überblick.txt", "秒传说明.txt", "ΣΊΣΥΦΟΣ", "Straße", "100%_done", "a\\b", "İstanbul", "O'Neill"} {
		w.file(w.alice, "", name, fmt.Sprint(i), 1)
	}
	w.folder(w.alice, "/REPORTS")
	for text, want := range map[string][]string{
		"report":    {"Report.PDF", "report 2.pdf", "REPORTS"},
		"PORT":      {"Report.PDF", "report 2.pdf", "REPORTS"},
		".pdf":      {"Report.PDF", "report 2.pdf"},
		"überBLICK": {"Überblick.txt"},
		"说":         {"秒传说明.txt"},
		"σίσυφος":   {"ΣΊΣΥΦΟΣ"},
		"STRASSE":   {},
		"straße":    {"Straße"},
		"%":         {"100%_done"},
		"_":         {"100%_done"},
		"%_d":       {"100%_done"},
		"\\":        {"a\\b"},
		"'":         {"O'Neill"},
		" ":         {"report 2.pdf"},
		"x":         {"Überblick.txt", "秒传说明.txt"},
		"zzz":       {},
	} {
		w.wantFound(store.Search{Text: text}, want...)
		w.wantFound(store.Search{Text: text, Sort: store.Newest, Scan: 1, Limit: 1}, want...)
	}
}

func searchOrders(w *world) {
	for i := range 12 {
		w.tied(fmt.Sprint(i * 7 % 12))
		w.file(w.alice, "", fmt.Sprintf("late file %d", i*5%12), fmt.Sprint("late", i), 1)
		w.file(w.alice, "", fmt.Sprintf("none %d", i), fmt.Sprint("none", i), 1)
	}
	for _, q := range []store.Search{{Sort: store.ByName}, {Sort: store.ByName, Back: true}, {Sort: store.Newest}, {Sort: store.Newest, Back: true}} {
		q.Text, q.Limit, q.Scan = "f", 1000, 1000
		want := w.search(q)
		for i := 1; i < len(want); i++ {
			a, b := want[i-1], want[i]
			if a.Kind == store.File && b.Kind == store.Folder || a.Kind == b.Kind && before(q.Sort, q.Back, a, b) > 0 {
				w.Errorf("%s, back %t: %q comes before %q", q.Sort, q.Back, a.Name, b.Name)
			}
		}
		if len(want) != 36 {
			w.Errorf("%s, back %t: %d entries", q.Sort, q.Back, len(want))
		}
		for _, limit := range []int{1, 2, 7, 36, 37} {
			for _, scan := range []int{1, 3, 48, 1000} {
				q.Limit, q.Scan = limit, scan
				if got := w.search(q); !slices.Equal(got, want) {
					w.Errorf("%s, back %t, pages of %d, %d names each: %d entries, want %d", q.Sort, q.Back, limit, scan, len(got), len(want))
				}
			}
		}
	}
}

func searchHostile(w *world) {
	w.file(w.alice, "", "plain", "plain", 1)
	w.file(w.alice, "", strings.Repeat("x", store.MaxName), "long", 1)
	for _, text := range []string{
		"%", "_", "[a-z]", "*", ".*", "' OR 1=1 --", "\x00", "\xff", strings.Repeat("x", store.MaxName+1),
		strings.Repeat("%", 10<<10), strings.Repeat("秒", 10<<10), "\\'\"", "\u202e", "\n",
	} {
		w.wantFound(store.Search{Text: text})
	}
	w.wantFound(store.Search{Text: strings.Repeat("X", store.MaxName)}, strings.Repeat("x", store.MaxName))
}

func searchBelow(w *world) {
	t := w.grove()
	w.file(w.alice, "", "1", "beside", 1)
	sub, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"t", "sub"})
	w.ok(err)
	for _, scan := range []int{1, 4, 100} {
		w.wantFound(store.Search{Text: "1", Scan: scan}, "1", "1", "1", "1")
		w.wantFound(store.Search{Text: "1", Below: t, Scan: scan}, "1", "1", "1")
		w.wantFound(store.Search{Text: "1", Below: sub.ID, Scan: scan, Sort: store.Newest, Limit: 1}, "1", "1")
		w.wantFound(store.Search{Text: "e", Below: t, Scan: scan}, "deep", "empty")
		w.wantFound(store.Search{Text: "t", Below: t, Scan: scan}, "empty") // the folder itself is not in it
	}
}

func searchOwn(w *world) {
	w.file(w.bob, "", "secret", "secret", 1)
	gone := w.file(w.alice, "", "secret of old", "old", 1)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, gone.ID, 0, w.now))
	t := w.folder(w.alice, "/thrown/away")
	w.file(w.alice, t, "secret", "mine", 1)
	thrown, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"thrown"})
	w.ok(err)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, thrown.ID, 0, w.now))
	w.wantFound(store.Search{Text: "secret"})
	_, err = w.db.Restore(w.Context(), w.alice.ID, thrown.ID, w.now)
	w.ok(err)
	w.wantFound(store.Search{Text: "secret"}, "secret")
}

// However little is found, a page looks at no more names than it may, and says where to go on.
func searchScan(w *world) {
	for i := range 20 {
		w.file(w.alice, "", fmt.Sprintf("n%02d", i), fmt.Sprint(i), 1)
	}
	q := store.Search{User: w.alice.ID, Text: "n19", Sort: store.ByName, Limit: 10, Scan: 6}
	for page, want := range []int{0, 0, 0, 1} {
		es, next, err := w.db.SearchEntries(w.Context(), q)
		w.ok(err)
		if len(es) != want || (next == "") != (page == 3) {
			w.Errorf("page %d: %d entries, cursor %q", page, len(es), next)
		}
		q.Cursor = next
	}
}

func searchRefused(w *world) {
	w.tied("a")
	w.tied("b")
	good := store.Search{User: w.alice.ID, Text: "f", Sort: store.ByName, Limit: 1, Scan: 10}
	_, cursor, err := w.db.SearchEntries(w.Context(), good)
	w.ok(err)
	_, listed, err := w.db.List(w.Context(), store.Query{User: w.alice.ID, Sort: store.ByName, Limit: 1})
	w.ok(err)
	for name, change := range map[string]func(*store.Search){
		"no text":          func(q *store.Search) { q.Text = "" },
		"no limit":         func(q *store.Search) { q.Limit = 0 },
		"nothing to scan":  func(q *store.Search) { q.Scan = 0 },
		"no order":         func(q *store.Search) { q.Sort = "" },
		"by size":          func(q *store.Search) { q.Sort = store.BySize },
		"bad cursor":       func(q *store.Search) { q.Cursor = "x" },
		"a list's cursor":  func(q *store.Search) { q.Cursor = listed },
		"another's cursor": func(q *store.Search) { q.Cursor, q.Sort = cursor, store.Newest },
		"the other way":    func(q *store.Search) { q.Cursor, q.Back = cursor, true },
	} {
		q := good
		change(&q)
		if _, _, err := w.db.SearchEntries(w.Context(), q); err == nil {
			w.Errorf("%s is taken", name)
		} else {
			w.is(err, store.ErrInvalid)
		}
	}
	file := w.file(w.alice, "", "x", "x", 1)
	others := w.folder(w.bob, "/bob's")
	for _, id := range []store.EntryID{file.ID, others, store.NewEntryID()} {
		q := good
		q.Below = id
		_, _, err := w.db.SearchEntries(w.Context(), q)
		w.is(err, store.ErrNotFound)
	}
}

// What is there all the time is found once, whatever comes and goes.
func searchChanges(w *world) {
	want := map[store.EntryID]int{}
	for i := range 10 {
		want[w.file(w.alice, "", fmt.Sprintf("keep %d", i), fmt.Sprint(i), 1).ID] = 0
	}
	q := store.Search{User: w.alice.ID, Text: "keep", Sort: store.ByName, Limit: 2, Scan: 4}
	for n := 0; ; n++ {
		es, next, err := w.db.SearchEntries(w.Context(), q)
		w.ok(err)
		for _, e := range es {
			if _, ok := want[e.ID]; ok {
				want[e.ID]++
			}
		}
		if next == "" {
			break
		}
		q.Cursor = next
		e := w.file(w.alice, "", fmt.Sprintf("keep %d more", n%10), fmt.Sprint("more", n), 1)
		if n%2 == 0 {
			w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.later(time.Second)))
		}
		if n > 100 {
			w.Fatal("a search without end")
		}
	}
	for id, n := range want {
		if n != 1 {
			w.Errorf("%s was found %d times", id, n)
		}
	}
}
