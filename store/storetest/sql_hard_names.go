package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// HardNames tests that names sort, compare and collide byte by byte, whatever the engine thinks of characters.
func HardNames(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"Collide": namesCollide,
		"Pages":   namesPages,
		"Users":   namesUsers,
		"Bytes":   namesBytes,
	})
}

// hardNames are all different. Some collation takes each for one of the others, or for a piece of SQL.
func hardNames() []string {
	return []string{
		"x", "x ", "x  ", " x", "X", "x\u00a0", "x\u200b", "ｘ", "x.",
		"é", "e\u0301", "É", "E\u0301", "e", "E", "ê", "ß", "ss", "ẞ", "İ", "i", "I", "ı", "ﬁ", "fi", "\u00c5", "\u212b", "ñ", "n",
		"中文", "中", "文", "カ", "ｶ", "か", "😀", "😁", "👨‍👩‍👧", "😀.txt", "\u202exe.txt", "\ufffd",
		`'`, `"`, `\`, `\'`, `\\`, `a\`, "`", "%", "_", "*", "?", "%s", "--", "#", "'; DROP TABLE tbl_user; --", "<script>",
		strings.Repeat("a", 255), strings.Repeat("a", 254) + "b", strings.Repeat("é", 127), strings.Repeat("😀", 63) + "abc",
	}
}

func namesCollide(w *world) {
	names := hardNames()
	for i, name := range names {
		c := w.completion(w.alice, name, sums(fmt.Sprint(i), 1))
		c.Clash = store.ClashFail
		if e := w.complete(c).Entry; e.Name != name {
			w.Errorf("%q became %q", name, e.Name)
		}
	}
	for i, name := range names {
		again := w.completion(w.alice, name, sums(fmt.Sprint("again ", i), 1))
		again.Clash = store.ClashFail
		_, err := w.db.CompleteUploads(w.Context(), []store.Completion{again})
		w.is(err, store.ErrExists)
		e, err := w.db.EntryAt(w.Context(), w.alice.ID, store.Path{name})
		w.ok(err)
		if e.Name != name || e.Content.Sums.Digest != sums(fmt.Sprint(i), 1).Digest {
			w.Errorf("%q found %q", name, e.Name)
		}
	}
	slices.Sort(names)
	w.wantNames(w.alice, "", names...)
}

// Every page goes on after the name that the last one ended with, whichever it is.
func namesPages(w *world) {
	var want []string
	for i, name := range hardNames() {
		w.file(w.alice, "", name, fmt.Sprint(i), 1)
		want = append(want, name)
	}
	slices.Sort(want)
	for _, files := range []bool{false, true} {
		q := store.Query{User: w.alice.ID, Files: files, Sort: store.ByName, Limit: 1}
		var got []string
		for {
			page, next, err := w.db.List(w.Context(), q)
			w.ok(err)
			for _, e := range page {
				got = append(got, e.Name)
			}
			if q.Cursor = next; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			w.Errorf("pages are %q, want %q", got, want)
		}
	}
}

func namesUsers(w *world) {
	names := []string{"alice", "bob"}
	for _, name := range hardNames() {
		w.user(name, 1)
		names = append(names, name)
	}
	for _, name := range names {
		u, err := w.db.UserByName(w.Context(), name)
		w.ok(err)
		if u.Name != name {
			w.Errorf("%q found %q", name, u.Name)
		}
		_, err = w.db.CreateUser(w.Context(), store.User{Name: name, Role: store.RoleUser, SignupAt: w.now})
		w.is(err, store.ErrExists)
	}
	slices.Sort(names)
	for i, after := range names[:len(names)-1] {
		us, err := w.db.ListUsers(w.Context(), after, 1)
		w.ok(err)
		if len(us) != 1 || us[0].Name != names[i+1] {
			w.Errorf("after %q comes %+v, want %q", after, us, names[i+1])
		}
	}
}

// What clients and servers say of themselves is kept as it came, even if it is no text.
func namesBytes(w *world) {
	const odd = "\xff\xfe\x00\x80 '\\\" é\u0301 \xf0\x9f"
	tok := store.Token{Hash: store.TokenHash{1}, User: w.alice.ID, Scope: "all", Device: odd, Created: w.now, Expires: w.now.AddDate(1, 0, 0)}
	w.ok(w.db.AddToken(w.Context(), tok, w.alice.PasswordHash))
	got, _, err := w.db.Token(w.Context(), tok.Hash, w.now)
	w.ok(err)
	job := w.moving("a")
	job.LastError, job.NextAttempt = strings.Repeat(odd, 10000), w.now
	w.ok(w.db.ReleaseTransfer(w.Context(), job))
	jobs, err := w.db.ListTransfers(w.Context(), store.TransferPending, 1)
	w.ok(err)
	if got.Device != odd || len(jobs) != 1 || jobs[0].LastError != job.LastError {
		w.Errorf("device is %q, the job %+v", got.Device, jobs)
	}
}
