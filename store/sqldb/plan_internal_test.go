package sqldb

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

func openInternal(t testing.TB) (*DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blinkdrive.db")
	if err := Migrate(t.Context(), SQLite(path)); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Options{Source: SQLite(path)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, path
}

func plan(t *testing.T, db *DB, query string, args ...any) string {
	t.Helper()
	rows, err := db.r.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, detail)
	}
	return strings.Join(lines, "\n")
}

// Every page of every listing comes straight from an index, in order: no scan, no sort, whatever there is.
func TestListingsUseIndexes(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	var queries []store.Query
	for _, back := range []bool{false, true} {
		queries = append(queries, store.Query{User: 1, Trash: true, Back: back, Limit: 5},
			store.Query{User: 1, Trash: true, Parent: "folder", Back: back, Limit: 5})
		for _, s := range []store.Sort{store.ByName, store.BySize, store.ByTime, store.Newest} {
			queries = append(queries, store.Query{User: 1, Sort: s, Back: back, Limit: 5},
				store.Query{User: 1, Sort: s, Back: back, Files: true, Limit: 5})
		}
	}
	for _, q := range queries {
		o, err := orderOf(q)
		if err != nil {
			t.Fatal(err)
		}
		base := segment{visible, []any{q.User}}
		switch {
		case q.Trash && q.Parent != "":
			base = segment{partOfFolder, []any{1, 7}}.and(`+e.trash_root = ?`, 7)
		case q.Trash:
			base = segment{`e.user_id = ? AND e.deleted_at > 0`, []any{q.User}}
		case !q.Files:
			base = base.and(`e.parent_id = ?`, 7)
		}
		for _, after := range []*cursor{nil, {Kind: kindFolder, Name: "n", Num: 3, Seq: 4}, {Kind: kindFile, Name: "n", Num: 3, Seq: 4}} {
			for _, s := range segments(q, o, base, after) {
				got := plan(t, db, s.query(o, ""), append(s.args, 5)...)
				first, _, _ := strings.Cut(got, "\n")
				conditions := strings.Count(s.where, "?") + strings.Count(s.where, "alive = 1")
				if strings.Contains(got, "TEMP B-TREE") || strings.Contains(got, "SCAN") || !strings.HasPrefix(first, "SEARCH e USING INDEX") ||
					strings.Count(first, "?") < conditions {
					t.Errorf("%s: %s\n%s", listing(q), s.where, got)
				}
			}
		}
	}
}

// Going down a tree costs what is below: from each folder straight to those in it.
func TestDescentUsesIndex(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	got := plan(t, db, db.dialect.descent()+`SELECT id FROM down`, 7, 1)
	if !strings.Contains(got, "(user_id=? AND parent_id=? AND alive=? AND kind=?)") {
		t.Error(got)
	}
	got = plan(t, db, db.dialect.trashDescent("(?,?)")+`SELECT id FROM down`, 7, 8, 1)
	if !strings.Contains(got, "(user_id=? AND parent_id=? AND alive=? AND kind=?)") {
		t.Errorf("in the trash: %s", got)
	}
}
