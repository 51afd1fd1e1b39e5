package sqldb

import (
	"errors"
	"io/fs"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/migrations"
	"github.com/blinkdrive/blinkdrive/store"
)

// dump tells all that the server knows of a database's tables but when they were made.
func (s *mysqlServer) dump(t *testing.T, name string) []string {
	t.Helper()
	var lines []string
	for _, query := range []string{
		`SELECT CONCAT_WS(' ', 'table', table_name, engine, table_collation, row_format) FROM information_schema.tables
			WHERE table_schema = ?`,
		`SELECT CONCAT_WS(' ', 'column', table_name, ordinal_position, column_name, column_type, is_nullable, IFNULL(column_default, '-'),
			IFNULL(character_set_name, '-'), extra) FROM information_schema.columns WHERE table_schema = ?`,
		`SELECT CONCAT_WS(' ', 'index', table_name, index_name, seq_in_index, column_name, non_unique, IFNULL(sub_part, '-'))
			FROM information_schema.statistics WHERE table_schema = ?`,
		`SELECT CONCAT_WS(' ', 'constraint', table_name, constraint_name, constraint_type)
			FROM information_schema.table_constraints WHERE table_schema = ?`,
		`SELECT CONCAT_WS(' ', 'key', table_name, constraint_name, column_name, IFNULL(referenced_table_name, '-'),
			IFNULL(referenced_column_name, '-')) FROM information_schema.key_column_usage WHERE table_schema = ?`,
		`SELECT CONCAT_WS(' ', 'check', constraint_name, check_clause) FROM information_schema.check_constraints
			WHERE constraint_schema = ?`,
	} {
		rows, err := s.root.Query(query+" ORDER BY 1", name)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

func wantMySQLStatus(t *testing.T, src Source, current uint) {
	t.Helper()
	got, latest, dirty, err := MigrateStatus(t.Context(), src)
	if err != nil || got != current || dirty || latest == 0 {
		t.Errorf("schema version is %d of %d, dirty: %v, %v, want %d", got, latest, dirty, err, current)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMySQLMigrateUpDownUp(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	name := s.create(t)
	src := s.source(t, name)
	latest, err := src.latestVersion()
	ok(t, err)
	wantMySQLStatus(t, src, 0)
	if tables := s.dump(t, name); len(tables) > 0 {
		t.Errorf("asking for the status made %v", tables)
	}
	ok(t, Migrate(t.Context(), src))
	wantMySQLStatus(t, src, latest)
	first := s.dump(t, name)
	ok(t, Migrate(t.Context(), src))                       // nothing to do
	steps, err := fs.Glob(migrations.FS, "mysql/*.up.sql") // numbers may be left out
	ok(t, err)
	ok(t, MigrateDown(t.Context(), src, len(steps)))
	wantMySQLStatus(t, src, 0)
	for _, line := range s.dump(t, name) {
		if strings.Contains(line, "tbl_") {
			t.Errorf("left behind: %s", line)
		}
	}
	ok(t, Migrate(t.Context(), src))
	if diff := cmp.Diff(first, s.dump(t, name)); diff != "" {
		t.Error(diff)
	}
	if len(first) < 150 {
		t.Errorf("only %d lines: %q", len(first), first)
	}
}

// Processes that start at the same moment all migrate first.
func TestMySQLMigrateTogether(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	src := s.source(t, s.create(t))
	results := make(chan error)
	const n = 5
	for range n {
		go func() {
			err := Migrate(t.Context(), src)
			if err == nil {
				var db *DB
				if db, err = Open(t.Context(), Options{Source: src}); err == nil {
					err = db.Close()
				}
			}
			results <- err
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestMySQLOpenRefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	name := s.create(t)
	src := s.source(t, name)
	refused := func(want string) {
		t.Helper()
		db, err := Open(t.Context(), Options{Source: src})
		if err == nil {
			db.Close()
			t.Fatal("opened")
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %q, want %q", err, want)
		}
	}
	refused("run blinkdrive migrate up")
	ok(t, Migrate(t.Context(), src))
	s.exec(t, "UPDATE "+name+".schema_migrations SET version = 9999")
	refused("use a newer program")
	if err := Migrate(t.Context(), src); err == nil || !strings.Contains(err.Error(), "use a newer program") {
		t.Errorf("migrated a newer schema: %v", err)
	}
	s.exec(t, "UPDATE "+name+".schema_migrations SET version = 1, dirty = 1")
	refused("failed halfway")
	src = s.source(t, "sqldb_never_made")
	refused("Unknown database")
	if err := MigrateDown(t.Context(), src, 1); err == nil {
		t.Error("no error where there is no database")
	}
}

// Nobody listens there. It is told at once, as something that will pass, and without the password.
func TestMySQLUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	addr := l.Addr().String()
	ok(t, l.Close())
	src, err := MySQL("app:s3cret@tcp(" + addr + ")/drive")
	ok(t, err)
	for _, err := range []error{
		func() error { _, err := Open(t.Context(), Options{Source: src}); return err }(),
		func() error { _, _, _, err := MigrateStatus(t.Context(), src); return err }(),
		Migrate(t.Context(), src),
	} {
		if !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), addr) {
			t.Errorf("error is %v", err)
		}
	}
}
