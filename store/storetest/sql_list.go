package storetest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// List tests store.Entries.List.
func List(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"EveryOrderIsWhole":        listOrders,
		"TiesNeverSkipOrRepeat":    listTies,
		"InsertsWhilePaging":       listInserts,
		"HidesWhilePaging":         listHides,
		"FilesOfAllFolders":        listFiles,
		"Trash":                    listTrash,
		"BadCursors":               listBadCursors,
		"Empty":                    listEmpty,
		"FolderGone":               listGone,
		"LastPageHasNoCursor":      listLastPage,
		"CursorsTellNoRowNumbers":  listCursorIsOpaque,
		"StrangeNamesInTheCursors": listStrangeNames,
	})
}

// orders are the orders of alice's lists, each in both directions.
func (w *world) orders() (qs []store.Query) {
	for _, s := range []store.Sort{store.ByName, store.BySize, store.ByTime, store.Newest} {
		qs = append(qs, store.Query{User: w.alice.ID, Sort: s}, store.Query{User: w.alice.ID, Sort: s, Back: true})
	}
	return qs
}

// pages reads a listing to its end, and calls between each two pages.
func (w *world) pages(q store.Query, between func(page int)) []store.Entry {
	w.Helper()
	var all []store.Entry
	for page := 0; ; page++ {
		es, next, err := w.db.List(w.Context(), q)
		w.ok(err)
		if len(es) > q.Limit || (next != "" && len(es) < q.Limit) {
			w.Fatalf("%d entries on a page of %d", len(es), q.Limit)
		}
		all = append(all, es...)
		if next == "" {
			return all
		}
		q.Cursor = next
		if between != nil {
			between(page)
		}
	}
}

// before is the promised order of two entries: less than 0, or 0 where it is left open.
func before(s store.Sort, back bool, a, b store.Entry) int {
	if s != store.Newest && a.Kind != b.Kind {
		return -cmp.Compare(a.Kind, b.Kind) // "folder" is greater than "file"
	}
	if back {
		a, b = b, a
	}
	switch s {
	case store.Newest:
		return b.Created.Compare(a.Created)
	case store.BySize:
		return cmp.Compare(b.Content.Sums.Size, a.Content.Sums.Size)
	case store.ByTime:
		return b.Updated.Compare(a.Updated)
	}
	return cmp.Compare(a.Name, b.Name)
}

func (w *world) inOrder(q store.Query, es []store.Entry, want int) {
	w.Helper()
	s := fmt.Sprintf("%s, back %t", q.Sort, q.Back)
	seen := map[store.EntryID]bool{}
	for i, e := range es {
		if seen[e.ID] {
			w.Errorf("%s: %q comes twice", s, e.Name)
		}
		seen[e.ID] = true
		if i > 0 && before(q.Sort, q.Back, es[i-1], e) > 0 {
			w.Errorf("%s: %q comes before %q", s, es[i-1].Name, e.Name)
		}
	}
	if len(es) != want {
		w.Errorf("%s: %d entries, want %d", s, len(es), want)
	}
}

func listOrders(w *world) {
	docs := w.folder(w.alice, "/docs")
	for i := range 9 {
		w.file(w.alice, docs, fmt.Sprintf("file %d", i*7%9), fmt.Sprint(i), int64(i*5%9))
		w.folder(w.alice, fmt.Sprintf("/docs/folder %d", i*4%9))
	}
	w.file(w.alice, "", "elsewhere", "elsewhere", 1)
	w.file(w.bob, "", "bob's", "bob's", 1)
	moved, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{"docs", "file 3"})
	w.ok(err)
	_, err = w.db.Move(w.Context(), w.alice.ID, moved.ID, store.NewPlace{Parent: docs, Name: "moved", When: w.later(time.Hour)})
	w.ok(err)
	for _, q := range w.orders() {
		for _, limit := range []int{1, 2, 5, 9, 17, 18, 19} {
			q.Parent, q.Limit = docs, limit
			w.inOrder(q, w.pages(q, nil), 18)
		}
	}
	for _, e := range w.pages(store.Query{User: w.alice.ID, Parent: docs, Sort: store.ByName, Limit: 5}, nil) {
		got, err := w.db.Entry(w.Context(), w.alice.ID, e.ID)
		w.ok(err)
		if got != e || e.Parent != docs {
			w.Errorf("listed %+v, found %+v", e, got)
		}
	}
}

// All sizes and times are the same.
func listTies(w *world) {
	for i := range 10 {
		w.tied(fmt.Sprint(i))
	}
	for _, q := range w.orders() {
		for _, limit := range []int{1, 3, 9, 10, 11} {
			q.Limit, q.Files = limit, false
			w.inOrder(q, w.pages(q, nil), 20)
			q.Files = true
			w.inOrder(q, w.pages(q, nil), 10)
		}
	}
}

// tied makes a file and a folder that no order but that of names tells from others.
func (w *world) tied(name string) {
	w.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := w.completion(w.alice, "file "+name, sums(name, 5))
	c.When = at
	w.complete(c)
	_, err := w.db.MakeFolder(w.Context(), w.alice.ID, store.Path{"folder " + name}, at)
	w.ok(err)
}

func listInserts(w *world) {
	n := 0
	add := func() {
		w.tied(fmt.Sprint(100 + n*37%100))
		w.file(w.alice, "", fmt.Sprintf("other %d", n*53%100), fmt.Sprint("other", n), int64(n%4))
		n++
	}
	for range 8 {
		add()
	}
	for _, files := range []bool{false, true} {
		for _, q := range w.orders() {
			q.Files, q.Limit = files, 3
			old := w.pages(q, nil)
			got := w.pages(q, func(page int) {
				if page < 3 {
					add()
				}
			})
			w.inOrder(q, got, len(got))
			for _, e := range old {
				if !slices.ContainsFunc(got, func(g store.Entry) bool { return g.ID == e.ID }) {
					w.Errorf("%s: %q was skipped", q.Sort, e.Name)
				}
			}
		}
	}
}

// The entry that a cursor stands on goes away.
func listHides(w *world) {
	for i := range 12 {
		w.tied(fmt.Sprint(i))
	}
	for _, q := range w.orders() {
		q.Limit = 4
		all := w.pages(q, nil)
		page, next, err := w.db.List(w.Context(), q)
		w.ok(err)
		last := page[3].ID
		w.ok(w.db.Trash(w.Context(), w.alice.ID, last, 0, w.now))
		w.ok(w.db.Purge(w.Context(), w.alice.ID, last, w.now))
		q.Cursor = next
		rest := w.pages(q, nil)
		if len(rest) != len(all)-4 || rest[0].ID != all[4].ID {
			w.Errorf("%+v: %d of %d after a page of 4", q, len(rest), len(all))
		}
	}
}

func listFiles(w *world) {
	var want []string
	for i := range 6 {
		name := fmt.Sprintf("f%d", i)
		w.file(w.alice, w.folder(w.alice, fmt.Sprintf("/d%d/e", i%3)), name, name, int64(i))
		want = append([]string{name}, want...)
	}
	w.file(w.bob, "", "x", "x", 1)
	es := w.pages(store.Query{User: w.alice.ID, Files: true, Sort: store.Newest, Limit: 4}, nil)
	var got []string
	for _, e := range es {
		got = append(got, e.Name)
		path, err := w.db.PathOf(w.Context(), w.alice.ID, e.Parent)
		w.ok(err)
		if len(path) != 2 {
			w.Errorf("%s lies in %s", e.Name, path)
		}
	}
	if !slices.Equal(got, want) {
		w.Errorf("files are %q, want %q", got, want)
	}
}

func listTrash(w *world) {
	docs := w.folder(w.alice, "/docs")
	w.file(w.alice, docs, "inside", "inside", 1)
	for i := range 5 {
		e := w.file(w.alice, "", "f", fmt.Sprint(i), 1)
		w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.later(time.Second)))
	}
	w.ok(w.db.Trash(w.Context(), w.alice.ID, docs, 0, w.later(time.Second)))
	for limit := 1; limit < 8; limit++ {
		es := w.pages(store.Query{User: w.alice.ID, Trash: true, Limit: limit}, nil)
		if len(es) != 6 || es[0].ID != docs {
			w.Fatalf("trash: %+v", es)
		}
		for i, e := range es {
			if e.Status != store.EntryTrashed || e.TrashOf != e.ID || e.Deleted.IsZero() || (i > 0 && e.Deleted.After(es[i-1].Deleted)) {
				w.Errorf("trashed entry %d is %+v", i, e)
			}
		}
	}
	there := w.pages(store.Query{User: w.alice.ID, Trash: true, Limit: 100}, nil)
	slices.Reverse(there)
	for limit := 1; limit < 8; limit++ {
		if back := w.pages(store.Query{User: w.alice.ID, Trash: true, Back: true, Limit: limit}, nil); !slices.Equal(back, there) {
			w.Errorf("the trash the other way round, in pages of %d: %+v, want %+v", limit, back, there)
		}
	}
	if es := w.pages(store.Query{User: w.bob.ID, Trash: true, Limit: 5}, nil); len(es) != 0 {
		w.Errorf("bob's trash: %v", es)
	}
}

func listBadCursors(w *world) {
	w.tied("a")
	w.tied("b")
	q := store.Query{User: w.alice.ID, Sort: store.ByName, Limit: 1}
	_, good, err := w.db.List(w.Context(), q)
	w.ok(err)
	for _, bad := range []string{"x", good + "x", good[1:], "%", base64.RawURLEncoding.EncodeToString([]byte(`{}`)), "null", "bnVsbA"} {
		q.Cursor = bad
		_, _, err := w.db.List(w.Context(), q)
		w.is(err, store.ErrInvalid)
	}
	for _, other := range []store.Query{{Sort: store.BySize}, {Sort: store.ByName, Back: true}, {Sort: store.ByName, Files: true}, {Trash: true}} {
		other.User, other.Limit, other.Cursor = w.alice.ID, 1, good
		_, _, err := w.db.List(w.Context(), other)
		w.is(err, store.ErrInvalid)
	}
	for _, q := range []store.Query{{Sort: "random", Limit: 1}, {Sort: store.ByName}, {Sort: store.ByName, Limit: -1}} {
		q.User = w.alice.ID
		_, _, err := w.db.List(w.Context(), q)
		w.is(err, store.ErrInvalid)
	}
}

func listEmpty(w *world) {
	for _, q := range w.orders() {
		for _, files := range []bool{false, true} {
			q.Files, q.Limit = files, 10
			es, next, err := w.db.List(w.Context(), q)
			w.ok(err)
			if es == nil || len(es) != 0 || next != "" {
				w.Errorf("nothing is %#v, %q", es, next)
			}
		}
	}
}

func listGone(w *world) {
	docs := w.folder(w.alice, "/docs")
	file := w.file(w.alice, "", "f", "f", 1)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, docs, 0, w.now))
	for _, parent := range []store.EntryID{docs, file.ID, store.NewEntryID()} {
		_, _, err := w.db.List(w.Context(), store.Query{User: w.alice.ID, Parent: parent, Sort: store.ByName, Limit: 1})
		w.is(err, store.ErrNotFound)
	}
}

func listLastPage(w *world) {
	for i := range 6 {
		w.file(w.alice, "", fmt.Sprint(i), fmt.Sprint(i), 1)
	}
	for limit, pages := range map[int]int{1: 6, 2: 3, 3: 2, 5: 2, 6: 1, 7: 1} {
		n := 1
		w.pages(store.Query{User: w.alice.ID, Sort: store.Newest, Limit: limit}, func(int) { n++ })
		if n != pages {
			w.Errorf("%d pages of %d, want %d", n, limit, pages)
		}
	}
}

// Whoever is alone on the drive, or comes after a thousand others, gets the same cursor.
func listCursorIsOpaque(w *world) {
	cursor := func(u store.User) string {
		for i := range 2 {
			c := w.completion(u, fmt.Sprint(i), sums(fmt.Sprint(i), 1))
			c.When = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			w.complete(c)
		}
		_, next, err := w.db.List(w.Context(), store.Query{User: u.ID, Sort: store.ByName, Limit: 1})
		w.ok(err)
		return next
	}
	if a, b := cursor(w.alice), cursor(w.bob); a != b {
		w.Errorf("cursors %s and %s tell more than the user's own entries", a, b)
	}
}

func listStrangeNames(w *world) {
	names := []string{`"`, `\`, "<&>", "\u2028", "😀", "é", "e\u0301", "%00", "{}", "\u00a0", "\ufffd", "\U0010ffff"}
	for _, name := range names {
		w.file(w.alice, "", name, name, 1)
	}
	for _, back := range []bool{false, true} {
		q := store.Query{User: w.alice.ID, Sort: store.ByName, Back: back, Limit: 1}
		w.inOrder(q, w.pages(q, nil), len(names))
	}
}
