package sqldb

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// A Source says which database, of which engine. The zero Source is none. It may be printed: it does not show the password.
type Source struct {
	path  string        // of the SQLite file
	mysql *mysql.Config // as the user gave it; never changed
}

// SQLite is the database in a file.
func SQLite(path string) Source { return Source{path: path} }

// MySQL is the database that a DSN of go-sql-driver names, as in USER:PASSWORD@tcp(HOST:3306)/DATABASE?tls=true. What the
// statements here rely on is set by us on every connection, whatever the DSN says of it: character set and collation,
// clientFoundRows, interpolateParams, sql_mode, isolation, foreign keys. What would make them unsafe is refused.
// No error shows any part of the DSN that may be a password.
func MySQL(dsn string) (Source, error) {
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return Source{}, dsnError(err)
	}
	switch {
	case c.DBName == "":
		return Source{}, errors.New("mysql: the DSN must name a database after the slash")
	case c.MultiStatements:
		return Source{}, errors.New("mysql: multiStatements is not allowed in the DSN")
	case c.AllowAllFiles:
		return Source{}, errors.New("mysql: allowAllFiles is not allowed in the DSN")
	}
	for name := range c.Params {
		if err := checkVariable(name); err != nil {
			return Source{}, err
		}
	}
	return Source{mysql: c}, nil
}

// dsnError tells what is wrong with a DSN in words that cannot come from it: where a slash stands in the wrong place, the
// driver takes a password for something else and quotes it.
func dsnError(err error) error {
	if text, ok := strings.CutPrefix(err.Error(), "invalid DSN: "); ok {
		return fmt.Errorf("mysql: invalid DSN: %s", text)
	}
	return errors.New("mysql: invalid DSN; use USER:PASSWORD@tcp(HOST:3306)/DATABASE, with parameters " +
		"of go-sql-driver after a question mark")
}

// checkVariable refuses a system variable that is ours to set.
func checkVariable(name string) error {
	switch strings.ToLower(name) {
	case "sql_mode", "tx_isolation", "transaction_isolation", "transaction_read_only", "tx_read_only", "autocommit",
		"foreign_key_checks", "unique_checks", "innodb_lock_wait_timeout", "sql_auto_is_null", "sql_log_bin",
		"character_set_client", "character_set_connection", "character_set_results", "collation_connection":
		return fmt.Errorf("mysql: %s is set by the program; remove it from the DSN", strings.ToLower(name))
	}
	return nil
}

// IsMySQL reports whether the source is a MySQL server, which several processes may use at once.
func (s Source) IsMySQL() bool { return s.mysql != nil }

// IsZero reports whether the source is none.
func (s Source) IsZero() bool { return s == Source{} }

// String names the source for people, without the password.
func (s Source) String() string {
	if s.mysql == nil {
		return s.path
	}
	return fmt.Sprintf("mysql:%s@%s(%s)/%s", s.mysql.User, s.mysql.Net, s.mysql.Addr, url.PathEscape(s.mysql.DBName))
}

// GoString is String.
func (s Source) GoString() string { return s.String() }
