package sqldb

import (
	"context"
	"database/sql/driver"
)

// passing is a connection that passes on what database/sql asks it for. What it is embedded in changes some of that.
type passing struct{ driver.Conn }

func (c passing) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c passing) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c passing) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c passing) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c passing) Ping(ctx context.Context) error { return c.Conn.(driver.Pinger).Ping(ctx) }

func (c passing) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

func (c passing) IsValid() bool { return c.Conn.(driver.Validator).IsValid() }
