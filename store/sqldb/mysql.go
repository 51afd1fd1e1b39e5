package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Timeouts bound how long a MySQL server may keep a caller waiting. What is 0 is what the DSN says, or else the default.
type Timeouts struct {
	Dial  time.Duration // for a connection to be ready to use; 5 s
	Read  time.Duration // for each answer; 20 s
	Write time.Duration // for each request to be sent; 10 s
}

// lockWait is how many seconds a statement waits for a row that another transaction has locked. It is less than the time to
// wait for an answer, which would leave the connection useless.
const lockWait = 5

// quiet is how long the server waits for the next statement before it ends a connection, and with that the transaction
// in it: a process that stands still in the middle of one must not keep its rows locked for hours. Connections that nobody
// uses are closed before.
const quiet = 30 * time.Second

// A session is what a pool sets on its connections.
type session struct {
	isolation      string
	rejectReadOnly bool // drop a connection whose server has become read-only: the primary is elsewhere by now
	multi          bool // several statements in one: for migrations alone
	patient        bool // no time limit for an answer, nor between statements: for migrations alone
}

var (
	writing   = session{isolation: "READ COMMITTED", rejectReadOnly: true}
	reading   = session{isolation: "REPEATABLE READ"} // one state of the database in each transaction
	migration = session{isolation: "READ COMMITTED", multi: true, patient: true}
)

// config is the driver's configuration for connections to s.
func (s session) config(src Source, t Timeouts) (*mysql.Config, error) {
	c := src.mysql.Clone()
	c.Timeout = cmpOr(t.Dial, c.Timeout, 5*time.Second)
	c.ReadTimeout = cmpOr(t.Read, c.ReadTimeout, 20*time.Second)
	c.WriteTimeout = cmpOr(t.Write, c.WriteTimeout, 10*time.Second)
	if s.patient {
		c.ReadTimeout = 0
	}
	c.ClientFoundRows = true // a statement that changes nothing has still found its row
	c.ColumnsWithAlias = false
	c.ParseTime = false
	c.MultiStatements = s.multi
	c.RejectReadOnly = s.rejectReadOnly
	c.CheckConnLiveness = true
	// Arguments are written into the statement, which saves two of three round trips. That is safe in utf8mb4, where
	// no character has a byte that is a quote or a backslash.
	c.InterpolateParams = true
	c.Logger = &mysql.NopLogger{} // what it would print comes as an error
	return c, c.Apply(mysql.Charset("utf8mb4", ""))
}

func cmpOr(ds ...time.Duration) time.Duration {
	for _, d := range ds {
		if d > 0 {
			return d
		}
	}
	return 0
}

// statements set up a connection.
func (s session) statements() []string {
	modes := []string{"STRICT_ALL_TABLES", "NO_ZERO_IN_DATE", "NO_ZERO_DATE", "ERROR_FOR_DIVISION_BY_ZERO",
		"NO_ENGINE_SUBSTITUTION", "ONLY_FULL_GROUP_BY"}
	waits := quiet
	if s.patient {
		waits = 8 * time.Hour // the servers' own default
	}
	return []string{
		fmt.Sprintf("SET SESSION sql_mode = '%s', autocommit = 1, foreign_key_checks = 1, unique_checks = 1, "+
			"innodb_lock_wait_timeout = %d, wait_timeout = %d", strings.Join(modes, ","), lockWait, int(waits.Seconds())),
		"SET SESSION TRANSACTION ISOLATION LEVEL " + s.isolation,
	}
}

// A mysqlConnector makes connections that are set up as their session says.
type mysqlConnector struct {
	driver.Connector
	statements []string
	timeout    time.Duration // for all of it
}

func (c mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errSlow)
	defer cancel()
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, connectError(ctx, err)
	}
	for _, s := range c.statements {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, s, nil); err != nil {
			return nil, errors.Join(connectError(ctx, err), conn.Close())
		}
	}
	return mysqlConn{passing{conn}}, nil
}

// errSlow says that it was our own time limit that ended the waiting.
var errSlow = errors.New("no response from the server in time")

func connectError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSlow) {
		err = cause
	}
	return fmt.Errorf("connect to mysql: %w", err)
}

// A mysqlConn sends all text as bytes, as it is stored: no character set is asked whether it may be so.
type mysqlConn struct{ passing }

// CheckNamedValue implements driver.NamedValueChecker.
func (c mysqlConn) CheckNamedValue(v *driver.NamedValue) error {
	if err := c.Conn.(driver.NamedValueChecker).CheckNamedValue(v); err != nil {
		return err
	}
	if s, ok := v.Value.(string); ok {
		v.Value = []byte(s)
	}
	return nil
}

// Pool says how many connections there may be and how long one lives.
type Pool struct {
	Conns int           // to the primary, and as many to the replica; 0: 32
	Idle  int           // of them kept when nobody uses them; 0: all
	Life  time.Duration // after which a connection is made anew, perhaps to another server; 0: 30 min
}

// pool opens connections of a session to a server. It does not wait for one.
func (s session) pool(src Source, t Timeouts, p Pool) (*sql.DB, error) {
	c, err := s.config(src, t)
	if err != nil {
		return nil, dsnError(err)
	}
	inner, err := mysql.NewConnector(c)
	if err != nil {
		return nil, dsnError(err)
	}
	db := sql.OpenDB(mysqlConnector{inner, s.statements(), c.Timeout})
	db.SetMaxOpenConns(max(1, p.Conns))
	db.SetMaxIdleConns(max(1, p.Idle))
	db.SetConnMaxLifetime(p.Life)
	db.SetConnMaxIdleTime(quiet / 2)
	return db, nil
}

// openMySQL opens the pools of the primary and, where there is one, of the replica.
func openMySQL(ctx context.Context, o Options) (*DB, error) {
	if o.Pool.Conns <= 0 {
		o.Pool.Conns = 32
	}
	if o.Pool.Idle <= 0 {
		o.Pool.Idle = o.Pool.Conns
	}
	if o.Pool.Life <= 0 {
		o.Pool.Life = 30 * time.Minute
	}
	half := Pool{Conns: (o.Pool.Conns + 1) / 2, Idle: (o.Pool.Idle + 1) / 2, Life: o.Pool.Life}
	db := &DB{dialect: mysqlDialect(), now: o.Now}
	var err error
	if db.w, err = writing.pool(o.Source, o.Timeouts, half); err != nil {
		return nil, err
	}
	if db.r, err = reading.pool(o.Source, o.Timeouts, half); err != nil {
		return nil, errors.Join(err, db.w.Close())
	}
	if err := db.openReplica(o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for _, w := range db.durability(ctx) {
		o.Log.Warn("the database may lose acknowledged writes in a power cut", "database", o.Source.String(), "setting", w)
	}
	return db, nil
}

// durability names the server's settings with which a power cut may lose what was committed. A server that does not know
// a setting has another way to be safe.
func (db *DB) durability(ctx context.Context) []string {
	var bad []string
	for _, c := range []struct{ query, want, say string }{
		{`SELECT @@innodb_flush_log_at_trx_commit`, "1", "innodb_flush_log_at_trx_commit must be 1, is %s"},
		{`SELECT CASE WHEN @@log_bin THEN @@sync_binlog ELSE 1 END`, "1", "sync_binlog must be 1, is %s"},
	} {
		var got string
		if err := db.r.QueryRowContext(ctx, c.query).Scan(&got); err == nil && got != c.want {
			bad = append(bad, fmt.Sprintf(c.say, got))
		}
	}
	return bad
}
