package sqldb

import (
	"fmt"
	"testing"
)

// What a statement left behind must not show in its next run: arguments, rows not read, an error.
func TestPreparedStatementsAreClean(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	ctx := t.Context()
	tx, err := db.w.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `CREATE TABLE t (a INTEGER PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	const insert, read = `INSERT INTO t (a) VALUES (?)`, `SELECT a FROM t WHERE a >= ? ORDER BY a`
	for i := range 3 {
		if _, err := tx.ExecContext(ctx, insert, i); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(ctx, insert, i); !db.dialect.duplicate(err) {
			t.Fatalf("the same again: %v", err)
		}
	}
	outer, err := tx.QueryContext(ctx, read, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	var got []int
	for outer.Next() {
		var a, b int
		// The same statement runs within itself, and its rows are not read to the end.
		if err := tx.QueryRowContext(ctx, read, 0).Scan(&b); err != nil || b != 0 {
			t.Fatal(b, err)
		}
		if err := outer.Scan(&a); err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
	}
	if err := outer.Err(); err != nil || fmt.Sprint(got) != "[1 2]" {
		t.Errorf("rows are %v, %v", got, err)
	}
}

// There are as many statements as there are lengths of lists: not all are kept.
func TestPreparedStatementsAreFew(t *testing.T) {
	t.Parallel()
	db, _ := openInternal(t)
	ctx := t.Context()
	conn, err := db.w.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 {
		for i := range 2 * maxPrepared {
			var n int
			if err := conn.QueryRowContext(ctx, fmt.Sprintf("SELECT %d", i)).Scan(&n); err != nil || n != i {
				t.Fatal(n, err)
			}
		}
	}
	err = conn.Raw(func(c any) error {
		if n := len(c.(*preparedConn).idle); n != maxPrepared {
			t.Errorf("%d statements are kept", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
