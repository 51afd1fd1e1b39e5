package sqldb_test

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/migrations"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// raw runs statements on a connection that knows nothing of the package.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, s := range statements {
		if _, err := pool.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// schema returns the statements that made the tables and indexes.
func schema(t *testing.T, path string) []string {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.QueryContext(t.Context(), `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantStatus(t *testing.T, path string, current uint) uint {
	t.Helper()
	got, latest, dirty, err := sqldb.MigrateStatus(t.Context(), sqldb.SQLite(path))
	ok(t, err)
	if got != current || dirty || latest == 0 {
		t.Errorf("schema version is %d of %d, dirty: %v, want %d", got, latest, dirty, current)
	}
	return latest
}

func TestMigrateUpDownUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	latest := wantStatus(t, path, 0)
	if _, err := os.Stat(path); err == nil {
		t.Error("asking for the status made the database")
	}
	ok(t, sqldb.Migrate(t.Context(), sqldb.SQLite(path)))
	wantStatus(t, path, latest)
	first := schema(t, path)
	ok(t, sqldb.Migrate(t.Context(), sqldb.SQLite(path)))   // nothing to do
	steps, err := fs.Glob(migrations.FS, "sqlite/*.up.sql") // numbers may be left out
	ok(t, err)
	ok(t, sqldb.MigrateDown(t.Context(), sqldb.SQLite(path), len(steps)))
	wantStatus(t, path, 0)
	if left := schema(t, path); slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, "tbl_") }) {
		t.Errorf("left behind: %s", left)
	}
	ok(t, sqldb.Migrate(t.Context(), sqldb.SQLite(path)))
	if diff := cmp.Diff(first, schema(t, path)); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(path)
	ok(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the database may be read by others: %v", info.Mode())
	}
}

func TestMigrateDownRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	if err := sqldb.MigrateDown(t.Context(), sqldb.SQLite(path), 1); err == nil {
		t.Error("no error where there is no database")
	}
	ok(t, sqldb.Migrate(t.Context(), sqldb.SQLite(path)))
	for _, steps := range []int{0, -1} {
		if err := sqldb.MigrateDown(t.Context(), sqldb.SQLite(path), steps); err == nil {
			t.Errorf("no error for %d steps", steps)
		}
	}
}

func TestOpenRefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	refused := func(want string) {
		t.Helper()
		db, err := sqldb.Open(t.Context(), sqldb.Options{Source: sqldb.SQLite(path)})
		if err == nil {
			db.Close()
			t.Fatal("opened")
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %q, want %q", err, want)
		}
	}
	refused("run blinkdrive migrate up")
	if _, err := os.Stat(path); err == nil {
		t.Error("a refused open made a file")
	}
	ok(t, sqldb.Migrate(t.Context(), sqldb.SQLite(path)))
	raw(t, path, `UPDATE schema_migrations SET version = 9999`)
	refused("use a newer program")
	if err := sqldb.Migrate(t.Context(), sqldb.SQLite(path)); err == nil || !strings.Contains(err.Error(), "use a newer program") {
		t.Errorf("migrated a newer schema: %v", err)
	}
	raw(t, path, `UPDATE schema_migrations SET version = 1, dirty = 1`)
	refused("failed halfway")
	if _, _, dirty, err := sqldb.MigrateStatus(t.Context(), sqldb.SQLite(path)); err != nil || !dirty {
		t.Errorf("dirty: %v, %v", dirty, err)
	}
}

func TestMigrateStopsWhenTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sqldb.Migrate(ctx, sqldb.SQLite(filepath.Join(t.TempDir(), "a.db"))); err == nil {
		t.Error("no error")
	}
}

// What was written is there when the file is opened again, wherever it lies.
func TestReopen(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "with space.db", "per%20cent#and?more=1&x.db", "名前.db", "colon:semi;.db"} {
		path := filepath.Join(t.TempDir(), name)
		ok(t, sqldb.Migrate(t.Context(), sqldb.SQLite(path)))
		var ids []store.UserID
		for i := range 3 {
			db, err := sqldb.Open(t.Context(), sqldb.Options{Source: sqldb.SQLite(path), Readers: 2})
			ok(t, err)
			for _, id := range ids {
				_, err := db.User(t.Context(), id)
				ok(t, err)
			}
			u, err := db.CreateUser(t.Context(), store.User{Name: string(rune('a' + i)), Role: store.RoleUser})
			ok(t, err)
			ids = append(ids, u.ID)
			ok(t, db.Ping(t.Context()))
			ok(t, db.Close())
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
