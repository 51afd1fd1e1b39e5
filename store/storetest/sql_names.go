package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/blinkdrive/blinkdrive/store"
)

func badNames() []string {
	return []string{"", ".", "..", "a/b", "a\x00b", "a\nb", "a\rb", "\x7f", "\xff", strings.Repeat("x", 256), strings.Repeat("é", 128)}
}

func entriesNamesAreBytes(w *world) {
	names := []string{"x", "x ", " x", "X", "é", "e\u0301", "É", "ｘ", "😀.txt", "\u202exe.txt", "<script>", `"'\`, "x.", "ß", "ss", "%", "_", "*"}
	for i, name := range names {
		if e := w.file(w.alice, "", name, fmt.Sprint(i), 1); e.Name != name {
			w.Errorf("%q became %q", name, e.Name)
		}
	}
	for i, name := range names {
		e, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{name})
		w.ok(err)
		if e.Name != name || e.Content.Sums.Digest != sums(fmt.Sprint(i), 1).Digest {
			w.Errorf("%q found %q", name, e.Name)
		}
	}
	slices.Sort(names)
	w.wantNames(w.alice, "", names...)
}

func entriesLongestName(w *world) {
	longest := strings.Repeat("x", 251) + ".txt"
	e := w.file(w.alice, "", longest, "a", 1)
	id, err := w.db.MakeFolder(w.Context(), w.alice.ID, store.Path{strings.Repeat("é", 127) + "f"}, w.now)
	w.ok(err)
	if e.Name != longest || id == "" {
		w.Errorf("entry is %+v", e)
	}
	for _, name := range badNames() {
		_, err := w.db.MakeFolder(w.Context(), w.alice.ID, store.Path{name}, w.now)
		w.is(err, store.ErrInvalid)
		_, err = w.db.Move(w.Context(), w.alice.ID, e.ID, store.NewPlace{Parent: "", Name: name, When: w.now})
		w.is(err, store.ErrInvalid)
		_, err = w.db.LinkContent(w.Context(), store.NewEntry{User: w.bob.ID, Digest: e.Content.Sums.Digest, Size: 1, Name: name, When: w.now})
		w.is(err, store.ErrInvalid)
	}
	w.account(w.bob, 0, 0)
}

func entriesLongNumbers(w *world) {
	for _, name := range []string{
		strings.Repeat("x", 255), strings.Repeat("x", 251) + ".txt", strings.Repeat("é", 127), strings.Repeat("😀", 62) + ".jpeg",
		"." + strings.Repeat("h", 254), "a." + strings.Repeat("e", 253), ".hidden", "no extension", "a.tar.gz", "dot.",
	} {
		for i := range 3 {
			e := w.file(w.alice, "", name, fmt.Sprint(name, i), 1)
			if err := store.CheckName(e.Name); err != nil {
				w.Errorf("%q became %q: %v", name, e.Name, err)
			}
			if i > 0 && !strings.Contains(e.Name, fmt.Sprintf(" (%d)", i+1)) {
				w.Errorf("%q became %q", name, e.Name)
			}
		}
	}
	for name, want := range map[string]string{
		".hidden": ".hidden (2)", "a.tar.gz": "a (2).tar.gz", "no extension": "no extension (2)",
		strings.Repeat("x", 251) + ".txt": strings.Repeat("x", 247) + " (2).txt",
	} {
		if _, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{want}); err != nil {
			w.Errorf("%q: no %q: %v", name, want, err)
		}
	}
}

// A hundred files of one name: were each clash asked for, one after the other, this would be 5,000 questions.
func entriesClashes(w *world) {
	var cs []store.Completion
	for i := range 100 {
		cs = append(cs, w.completion(w.alice, "a.txt", sums(fmt.Sprint(i), 1)))
	}
	done, err := w.db.CompleteUploads(w.Context(), cs)
	w.ok(err)
	for i, d := range done[1:] {
		if want := fmt.Sprintf("a (%d).txt", i+2); d.Entry.Name != want {
			w.Fatalf("name is %q, want %q", d.Entry.Name, want)
		}
	}
}

func entriesGaps(w *world) {
	ids := map[int]store.EntryID{}
	for i := 1; i <= 6; i++ {
		ids[i] = w.file(w.alice, "", "a", fmt.Sprint(i), 1).ID
	}
	for _, gap := range []int{1, 2, 4} {
		w.ok(w.db.Trash(w.Context(), w.alice.ID, ids[gap], 0, w.now))
	}
	for _, want := range []string{"a", "a (2)", "a (4)", "a (7)"} {
		if e := w.file(w.alice, "", "a", want+"new", 1); e.Name != want {
			w.Errorf("name is %q, want %q", e.Name, want)
		}
	}
}

func entriesFolderNumbers(w *world) {
	id := w.folder(w.alice, "/photos.2026")
	w.ok(w.db.Trash(w.Context(), w.alice.ID, id, 0, w.now))
	w.folder(w.alice, "/photos.2026")
	e, err := w.db.Restore(w.Context(), w.alice.ID, id, w.now)
	w.ok(err)
	if e.Name != "photos.2026 (2)" {
		w.Errorf("name is %q", e.Name)
	}
}
