package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"time"

	"modernc.org/sqlite"

	"github.com/blinkdrive/blinkdrive/store"
)

// DB implements the contracts of store that are about rows.
type DB struct {
	w       *sql.DB // transactions that change something; SQLite: a single connection
	r       *sql.DB // transactions that only read
	dialect dialect
	now     func() time.Time
	turns   turns
}

var (
	_ store.Users        = (*DB)(nil)
	_ store.Tokens       = (*DB)(nil)
	_ store.Contents     = (*DB)(nil)
	_ store.Uploads      = (*DB)(nil)
	_ store.UploadKeeper = (*DB)(nil)
	_ store.Entries      = (*DB)(nil)
	_ store.EntryChanges = (*DB)(nil)
	_ store.Transfers    = (*DB)(nil)
	_ store.GarbageList  = (*DB)(nil)
)

// Options say which database to open.
type Options struct {
	Path    string           // of the SQLite file
	Readers int              // connections that only read; 0: four, or one per CPU where there are more
	Now     func() time.Time // for the few changes whose callers name no time; nil: time.Now
}

// Open opens a database whose schema is the one that this program knows; Migrate brings it there.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Readers <= 0 {
		o.Readers = max(4, runtime.NumCPU())
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := checkSchema(ctx, o.Path); err != nil {
		return nil, err
	}
	w, err := openPool(ctx, writerDSN(o.Path), 1)
	if err != nil {
		return nil, err
	}
	r, err := openPool(ctx, readerDSN(o.Path), o.Readers)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &DB{w: w, r: r, dialect: sqliteDialect(), now: o.Now}, nil
}

// Close waits for what is running and closes the database.
func (db *DB) Close() error { return errors.Join(db.r.Close(), db.w.Close()) }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.r.PingContext(ctx); err != nil {
		return fmt.Errorf("database: %w: %w", store.ErrUnavailable, err)
	}
	return nil
}

func openPool(ctx context.Context, dsn string, conns int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool := sql.OpenDB(preparing{connector})
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), pool.Close())
	}
	return pool, nil
}

// writerDSN opens the file so that a commit survives a power cut, and a transaction has the write lock from its beginning: one
// that reads first and writes later could only fail.
func writerDSN(path string) string {
	return dsn(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(full)", "foreign_keys(1)", "temp_store(memory)",
			"cache_size(-32768)", "journal_size_limit(67108864)",
		},
	})
}

func readerDSN(path string) string {
	return dsn(path, url.Values{
		"_pragma": {
			"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(full)", "foreign_keys(1)", "temp_store(memory)",
			"query_only(1)",
		},
	})
}

// dsn escapes the path, which SQLite reads as a URI.
func dsn(path string, v url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}
