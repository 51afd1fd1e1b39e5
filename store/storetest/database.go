package storetest

import (
	"database/sql"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/blinkdrive/blinkdrive/store"
)

// NewDatabase creates an empty database on the MySQL server of a DSN and returns its name. It is dropped when the test ends.
func NewDatabase(t testing.TB, dsn string) string {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + string(store.NewEntryID())
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name); err != nil {
			t.Logf("the database stays: %v", err) // its server may be one that the test has stopped
		}
		db.Close()
	})
	return name
}

// WithDatabase returns the DSN of a server with the name of a database in it.
func WithDatabase(t testing.TB, dsn, name string) string {
	t.Helper()
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c.DBName = name
	return c.FormatDSN()
}
