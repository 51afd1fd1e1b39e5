package sqldb

import (
	"context"
	"database/sql/driver"
)

// maxPrepared is how many statements a connection keeps.
const maxPrepared = 256

// A preparing connector makes connections that keep their statements. To compile one takes SQLite longer than to run it.
type preparing struct{ driver.Connector }

func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &preparedConn{passing: passing{c}, idle: map[string]driver.Stmt{}}, nil
}

// A preparedConn is used by one goroutine at a time, as database/sql promises; its rows too.
type preparedConn struct {
	passing
	idle map[string]driver.Stmt // those that nobody is running
}

// take returns a statement that nobody else has until it is given back.
func (c *preparedConn) take(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return s, nil
	}
	return c.PrepareContext(ctx, query)
}

// give keeps a statement for the next who wants it. What it displaces reports no more at its end than its runs have.
func (c *preparedConn) give(query string, s driver.Stmt) {
	if twin, ok := c.idle[query]; ok { // it was run within itself
		_ = twin.Close()
	} else if len(c.idle) >= maxPrepared {
		for old, stmt := range c.idle { // whichever comes first
			delete(c.idle, old)
			_ = stmt.Close()
			break
		}
	}
	c.idle[query] = s
}

func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	defer c.give(query, s)
	return s.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		c.give(query, s)
		return nil, err
	}
	return &preparedRows{rows, func() { c.give(query, s) }}, nil
}

// preparedRows give their statement back.
type preparedRows struct {
	driver.Rows
	give func()
}

func (r *preparedRows) Close() error {
	err := r.Rows.Close()
	if r.give != nil {
		r.give()
		r.give = nil
	}
	return err
}

// Close lets go of the statements first.
func (c *preparedConn) Close() error {
	for _, s := range c.idle {
		_ = s.Close()
	}
	clear(c.idle)
	return c.Conn.Close()
}
