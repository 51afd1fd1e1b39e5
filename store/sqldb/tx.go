package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// tries is how often a transaction is begun before a deadlock or a busy database is reported.
const tries = 8

// giveUp is how long a transaction is begun anew: callers wait for an answer.
const giveUp = 10 * time.Second

// errAgain says that a transaction lost a race that it will not lose again.
var errAgain = errors.New("transaction must be retried")

// A tx is a running transaction.
type tx struct {
	*sql.Tx
	db      *DB
	changes map[store.UserID]int64 // the last change of each user's tree; nil where nobody asks
}

// write runs fn in a transaction that may change something, and commits unless fn fails. fn may run more than once.
// A caller who gives up before the transaction has begun changes nothing; after that it is no longer interrupted.
func (db *DB) write(ctx context.Context, fn func(context.Context, tx) error) error {
	once := db.writeAlone
	if db.dialect.oneWriter {
		once = db.writeShared
	}
	var err error
	begun := time.Now()
	for i := range tries {
		if err = once(ctx, fn); !db.dialect.again(err) || time.Since(begun) > giveUp {
			break
		}
		if !pause(ctx, i) {
			return ctx.Err()
		}
	}
	return db.dialect.explain(err)
}

// read runs fn in a transaction that sees one state of the database. fn may run more than once.
func (db *DB) read(ctx context.Context, fn func(context.Context, tx) error) error {
	return db.reading(func() error {
		t, err := db.r.BeginTx(ctx, db.dialect.readOnly())
		if err != nil {
			return err
		}
		defer t.Rollback()
		return fn(ctx, tx{t, db, nil})
	})
}

// reading runs a read, and once more where its connection was lost at once: the server may have closed it long ago.
func (db *DB) reading(fn func() error) error {
	begun := time.Now()
	err := fn()
	if lost(err) && time.Since(begun) < giveUp/10 {
		err = fn()
	}
	return db.dialect.explain(err)
}

// pause waits a little longer with each try, and reports whether to go on.
func pause(ctx context.Context, try int) bool {
	t := time.NewTimer(time.Millisecond<<try + rand.N(5*time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// exec runs a statement and returns how many rows it matched.
func (t tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// one runs a statement that must match a row; if it matches none the error is missing.
func (t tx) one(ctx context.Context, missing error, query string, args ...any) error {
	n, err := t.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

// insert runs an INSERT and returns the row's number.
func (t tx) insert(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// get reads one row. ErrNotFound: there is none.
func (t tx) get(ctx context.Context, query string, args []any, dest ...any) error {
	err := t.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// has reports whether a query finds a row.
func (t tx) has(ctx context.Context, query string, args ...any) (bool, error) {
	var n int
	err := t.get(ctx, query, args, &n)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// A querier is a transaction, or a pool where one statement is all that is read: it sees one state of the database anyway.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// A scanner is a row.
type scanner interface{ Scan(dest ...any) error }

// all reads every row of a query. The result is never nil.
func all[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// first reads one row of a query. ErrNotFound: there is none.
func first[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	v, err := scan(q.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	return v, err
}

// list is the reading method that is one query of many rows, and find that of one.
func list[T any](ctx context.Context, db *DB, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var found []T
	err := db.reading(func() (err error) {
		found, err = all(ctx, db.r, scan, query, args...)
		return err
	})
	return found, err
}

func find[T any](ctx context.Context, db *DB, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	var found T
	if err := ctx.Err(); err != nil {
		return found, err
	}
	ctx = db.brief(ctx)
	err := db.reading(func() (err error) {
		found, err = first(ctx, db.r, scan, query, args...)
		return err
	})
	return found, err
}

// brief is the context of a read of one row. Where the engine runs in this process the read is over before anybody could
// interrupt it, and to watch over its caller takes two goroutines, which cost as much.
func (db *DB) brief(ctx context.Context) context.Context {
	if db.dialect.oneWriter {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// batch is how many values one IN list holds.
const batch = 400

// in writes "(?,?,…)" for the values, and them as arguments after those before.
func in[T any](values []T, before ...any) (string, []any) {
	args := before[:len(before):len(before)]
	for _, v := range values {
		args = append(args, v)
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?,", len(values)), ",") + ")", args
}
