package sqldb_test

import (
	"path/filepath"
	"testing"

	"github.com/blinkdrive/blinkdrive/store/sqldb"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func open(t *testing.T, path string) *sqldb.DB {
	t.Helper()
	if err := sqldb.Migrate(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestContracts(t *testing.T) {
	t.Parallel()
	storetest.SQL(t, func(t *testing.T) storetest.Database { return open(t, filepath.Join(t.TempDir(), "blinkdrive.db")) })
}
