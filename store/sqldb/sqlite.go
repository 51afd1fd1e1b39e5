package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"
)

func openSQLite(ctx context.Context, o Options) (*DB, error) {
	w, err := openPool(ctx, writerDSN(o.Source.path), 1)
	if err != nil {
		return nil, err
	}
	r, err := openPool(ctx, readerDSN(o.Source.path), o.Readers)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &DB{w: w, r: r, dialect: sqliteDialect(), now: o.Now}, nil
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
