package sqldb

import (
	"crypto/rand"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A mysqlServer is the shared server of the tests. Each test has a database of its own there.
type mysqlServer struct {
	config *mysql.Config
	root   *sql.DB

	mu   sync.Mutex
	idle []string // databases that are migrated and empty
}

// newMySQLServer returns the server, or skips. Its databases are dropped when t ends.
func newMySQLServer(t testing.TB) *mysqlServer {
	t.Helper()
	c, err := mysql.ParseDSN(storetest.Server(t, "BLINKDRIVE_TEST_MYSQL_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	s := &mysqlServer{config: c}
	root := c.Clone()
	root.MultiStatements = true
	connector, err := mysql.NewConnector(root)
	if err != nil {
		t.Fatal(err)
	}
	s.root = sql.OpenDB(connector)
	t.Cleanup(func() { s.root.Close() })
	return s
}

func (s *mysqlServer) exec(t testing.TB, query string) {
	t.Helper()
	if _, err := s.root.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// source names a database of the server.
func (s *mysqlServer) source(t testing.TB, name string) Source {
	t.Helper()
	c := s.config.Clone()
	c.DBName = name
	src, err := MySQL(c.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// create makes a database, without tables, that is dropped when t ends.
func (s *mysqlServer) create(t testing.TB) string {
	t.Helper()
	name := "sqldb_" + strings.ToLower(rand.Text()[:16])
	s.exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { s.exec(t, "DROP DATABASE "+name) })
	return name
}

// take returns a migrated, empty database, which a test gives back. whole is the test that all of them end with.
func (s *mysqlServer) take(t, whole testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		name := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return name
	}
	name := s.create(whole)
	if err := Migrate(t.Context(), s.source(t, name)); err != nil {
		t.Fatal(err)
	}
	return name
}

// give empties a database for the next test.
func (s *mysqlServer) give(t testing.TB, name string) {
	t.Helper()
	var b strings.Builder
	for _, table := range slices.Backward(tables()) {
		b.WriteString("DELETE FROM " + name + "." + table + ";")
	}
	s.exec(t, b.String())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, name)
}

// open opens a database that is given back when t ends.
func (s *mysqlServer) open(t, whole testing.TB) *DB {
	t.Helper()
	name := s.take(t, whole)
	db, err := Open(t.Context(), Options{Source: s.source(t, name), Pool: Pool{Conns: 16}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		s.give(t, name)
	})
	return db
}

func TestMySQLContracts(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	t.Run("SQL", func(t *testing.T) {
		storetest.SQL(t, func(sub *testing.T) storetest.Database { return s.open(sub, t) })
	})
}
