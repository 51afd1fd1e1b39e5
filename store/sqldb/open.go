package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// DB implements the contracts of store that are about rows.
type DB struct {
	w       *sql.DB  // transactions that change something; SQLite: a single connection
	r       *sql.DB  // transactions that only read
	replica *replica // nil: there is none
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
	Source  Source
	Now     func() time.Time // for the few changes whose callers name no time; nil: time.Now
	Log     *slog.Logger     // for what is wrong with a server; nil: nowhere
	Readers int              // SQLite: connections that only read; 0: four, or one per CPU where there are more

	// MySQL alone.
	Replica  Source        // for the listing of entries, while it is not far behind (replica.go); zero: none
	MaxLag   time.Duration // how far; 0: 5 s
	Timeouts Timeouts
	Pool     Pool
}

// Open opens a database whose schema is the one that this program knows; Migrate brings it there. A server that cannot be
// reached is store.ErrUnavailable; a replica may come later.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Readers <= 0 {
		o.Readers = max(4, runtime.NumCPU())
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := checkSchema(ctx, o.Source); err != nil {
		return nil, err
	}
	if o.Source.IsMySQL() {
		return openMySQL(ctx, o)
	}
	if !o.Replica.IsZero() {
		return nil, errors.New("open database: a replica needs MySQL")
	}
	return openSQLite(ctx, o)
}

// Close waits for what is running and closes the database.
func (db *DB) Close() error {
	var err error
	if db.replica != nil {
		err = db.replica.close()
	}
	return errors.Join(err, db.r.Close(), db.w.Close())
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.r.PingContext(ctx); err != nil {
		return fmt.Errorf("database: %w: %w", store.ErrUnavailable, err)
	}
	return nil
}
