package sqldb

import (
	"context"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// writeAlone runs fn in a transaction of its own and returns when it is durable. A caller may give up until it has begun.
func (db *DB) writeAlone(ctx context.Context, fn func(context.Context, tx) error) error {
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	begun := context.AfterFunc(ctx, cancel)
	sqlTx, err := db.w.BeginTx(whole, nil)
	if err != nil {
		if !begun() {
			return ctx.Err()
		}
		return err
	}
	defer sqlTx.Rollback() // does nothing after the commit
	if !begun() {
		return ctx.Err()
	}
	t := tx{sqlTx, db, map[store.UserID]int64{}}
	if err := fn(whole, t); err != nil {
		return err
	}
	err = sqlTx.Commit()
	if err != nil && db.dialect.undone(err) {
		return err
	}
	db.replica.changed(t.changes)
	if err != nil {
		return unknownError{err}
	}
	return nil
}

// An unknownError says that the connection was lost while a transaction was being committed. It is not tried again here, for
// the caller's repeat must be told what the first try did; all that store promises to be repeatable is so.
type unknownError struct{ error }

func (e unknownError) Error() string {
	return fmt.Sprintf("commit: outcome unknown: %v", e.error)
}

func (e unknownError) Unwrap() []error { return []error{store.ErrUnavailable, e.error} }
