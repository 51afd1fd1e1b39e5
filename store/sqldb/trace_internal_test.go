package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A tracer notes every statement that goes through its connections.
type tracer struct {
	driver.Connector
	mu         *sync.Mutex
	statements map[string]bool
}

func (t tracer) note(query string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statements[query] = true
}

func (t tracer) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := t.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return tracedConn{c, t}, nil
}

type tracedConn struct {
	driver.Conn
	tracer tracer
}

func (c tracedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c tracedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.tracer.note(query)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c tracedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.tracer.note(query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// open opens a database, as Open does, with pools that are noted.
func (t tracer) open(tb testing.TB, path string) *DB {
	tb.Helper()
	pool := func(dsn string, conns int) *sql.DB {
		c, err := sqlite.NewConnector(dsn)
		if err != nil {
			tb.Fatal(err)
		}
		t.Connector = preparing{c}
		p := sql.OpenDB(t)
		p.SetMaxOpenConns(conns)
		return p
	}
	db := &DB{w: pool(writerDSN(path), 1), r: pool(readerDSN(path), 4), dialect: sqliteDialect(), now: time.Now}
	tb.Cleanup(func() { db.Close() })
	return db
}

// migrated returns the file of an empty database. To copy it is faster than to make it.
func migrated(tb testing.TB) []byte {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "blinkdrive.db")
	if err := Migrate(tb.Context(), SQLite(path)); err != nil {
		tb.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// unbounded reports whether a statement has to look at all of a table: the counting of CountRefs and Backlog,
// and what is asked once, when the drive starts without its bucket.
func unbounded(query string) bool {
	return strings.Contains(query, "HAVING") || strings.Contains(query, "COUNT(*) FROM tbl_garbage") ||
		strings.HasPrefix(query, "SELECT 1 FROM tbl_file WHERE file_addr >=")
}

// TestContracts runs the conformance suites. Afterwards every statement that they made must have found its rows by an
// index, and in the order that it wants them.
func TestContracts(t *testing.T) {
	t.Parallel()
	tr := tracer{mu: &sync.Mutex{}, statements: map[string]bool{}}
	empty := migrated(t)
	t.Run("SQL", func(t *testing.T) {
		storetest.SQL(t, func(t *testing.T) storetest.Database {
			path := filepath.Join(t.TempDir(), "blinkdrive.db")
			if err := os.WriteFile(path, empty, 0o600); err != nil {
				t.Fatal(err)
			}
			return tr.open(t, path)
		})
	})
	db, _ := openInternal(t)
	lists := regexp.MustCompile(`\((\?,)+\?\)`)
	seen := map[string]bool{}
	for query := range tr.statements {
		query = lists.ReplaceAllString(query, "(?,?)")
		if seen[query] || unbounded(query) {
			continue
		}
		seen[query] = true
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = 1
		}
		got := plan(t, db, query, args...)
		if !harmless(got) {
			t.Errorf("%s\n%s", query, got)
		}
	}
	// A run of one subtest, as in -run TestContracts/SQL/Users, sees fewer.
	if all := !strings.Contains(flag.Lookup("test.run").Value.String(), "/"); all && len(seen) < 60 {
		t.Errorf("only %d statements were seen", len(seen))
	}
}

// harmless reports whether nothing is scanned but constants and what a recursion found, and nothing is sorted but that and
// the contents of what is purged.
func harmless(plan string) bool {
	for line := range strings.Lines(plan) {
		switch line = strings.TrimSpace(line); {
		case line == "SCAN up", line == "SCAN down", line == "SCAN CONSTANT ROW", line == "USE TEMP B-TREE FOR GROUP BY",
			strings.HasSuffix(line, "-ROW VALUES CLAUSE"):
		case strings.HasPrefix(line, "SCAN"), strings.HasPrefix(line, "USE TEMP") && !strings.Contains(plan, "SCAN up"):
			return false
		}
	}
	return true
}
