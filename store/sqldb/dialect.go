package sqldb

import (
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A dialect is what the engines do not share.
type dialect struct {
	forUpdate string           // appended to a SELECT that locks what it reads
	duplicate func(error) bool // a unique index refused a row; the transaction goes on
	retry     func(error) bool // a deadlock or a busy database: the whole transaction may be tried again
	full      func(error) bool // the disk is full
}

// sqliteDialect needs no row locks: its transactions take the database's write lock when they begin.
func sqliteDialect() dialect {
	return dialect{
		duplicate: sqliteCode(sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY),
		retry:     sqliteCode(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY),
		full:      sqliteCode(sqlite3.SQLITE_FULL),
	}
}

func sqliteCode(codes ...int) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		if !ok {
			return false
		}
		for _, c := range codes {
			if e.Code() == c {
				return true
			}
		}
		return false
	}
}
