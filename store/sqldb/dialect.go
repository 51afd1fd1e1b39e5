package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/blinkdrive/blinkdrive/store"
)

// A dialect is what the engines do not share.
type dialect struct {
	oneWriter bool             // writes share commits; else each is a transaction of its own, and the engine shares what it can
	forUpdate string           // appended to a SELECT that locks what it reads
	index     string           // put behind a table, with the name of the index that must be used; empty: the engine finds it
	duplicate func(error) bool // a unique index refused a row; the transaction goes on
	retry     func(error) bool // a deadlock, a busy database, a connection lost in the middle: the whole transaction may be tried again
	full      func(error) bool // the disk is full
	down      func(error) bool // the server cannot be reached, or takes no changes now
	undone    func(error) bool // said of a failed commit: nothing was changed
}

// by is what names the index of a table that must be used.
func (d dialect) by(index string) string {
	if d.index == "" {
		return ""
	}
	return fmt.Sprintf(d.index, index)
}

// readOnly are the options of a transaction that only reads. TiDB refuses to be told; nobody else needs to.
func (d dialect) readOnly() *sql.TxOptions { return &sql.TxOptions{ReadOnly: d.oneWriter} }

// again reports whether a transaction that failed may be tried again.
func (d dialect) again(err error) bool {
	if _, unknown := errors.AsType[unknownError](err); unknown {
		return false
	}
	return errors.Is(err, errAgain) || d.retry(err)
}

// explain puts the sentinel before an error of the engine that callers may act on.
func (d dialect) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case d.full(err):
		return fmt.Errorf("database: %w: %w", store.ErrNoSpace, err)
	case d.again(err), d.down(err):
		return fmt.Errorf("database: %w: %w", store.ErrUnavailable, err)
	}
	return err
}

// sqliteDialect needs no row locks: its transactions take the database's write lock when they begin.
func sqliteDialect() dialect {
	return dialect{
		oneWriter: true,
		duplicate: sqliteCode(sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY),
		retry:     sqliteCode(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY),
		full:      sqliteCode(sqlite3.SQLITE_FULL),
		down:      never,
		undone:    func(error) bool { return true },
	}
}

func never(error) bool { return false }

func sqliteCode(codes ...int) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && slices.Contains(codes, e.Code())
	}
}

// mysqlDialect is that of MySQL 8, MariaDB and TiDB.
func mysqlDialect() dialect {
	conflict := mysqlCode(
		1213, 1205, // deadlock; a lock was waited for too long
		1020,       // MariaDB: the row has changed since it was read
		9007, 8022, // TiDB: write conflict
	)
	return dialect{
		forUpdate: " FOR UPDATE",
		index:     " FORCE INDEX (%s)",
		duplicate: mysqlCode(1062),
		retry:     func(err error) bool { return conflict(err) || lost(err) },
		full: func(err error) bool {
			e, ok := errors.AsType[*mysql.MySQLError](err)
			return mysqlCode(1021, 1114)(err) || // disk full; table full
				ok && e.Number == 1030 && strings.Contains(e.Message, "error 28 ") // of the file system: no space
		},
		down: func(err error) bool {
			_, network := errors.AsType[net.Error](err)
			network = network && !errors.Is(err, context.DeadlineExceeded) // of the caller
			return network || lost(err) || errors.Is(err, errSlow) || mysqlCode(
				1040, 1203, 1226, // too many connections
				1037, 1038, 1041, 1135, // no memory, no threads
				1053, 1077, 1079, 1927, 3169, 4031, // it is being shut down, or has ended the connection
				1129, 1152, 1158, 1159, 1160, 1161, 1184, // network
				1290, 1836, // read-only
			)(err)
		},
		undone: func(err error) bool {
			_, told := errors.AsType[*mysql.MySQLError](err)
			return told || errors.Is(err, driver.ErrBadConn) // the server says so, or was never asked
		},
	}
}

func mysqlCode(codes ...uint16) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*mysql.MySQLError](err)
		return ok && slices.Contains(codes, e.Number)
	}
}

// lost reports whether a connection has ended. A server undoes what was not committed on it.
func lost(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || mysqlCode(1053, 1927)(err)
}
