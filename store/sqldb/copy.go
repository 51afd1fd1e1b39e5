package sqldb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

const (
	// A batch of rows that are copied has at most so many, and about so many bytes.
	copyRows  = 500
	copyBytes = 1 << 20
)

// tables returns the tables that hold a drive, those that others refer to first. The first column is the primary key.
func tables() []string {
	return []string{"tbl_user", "tbl_user_token", "tbl_file", "tbl_user_file", "tbl_upload", "tbl_upload_target",
		"tbl_transfer", "tbl_spare", "tbl_garbage"}
}

// Copy copies all rows of a SQLite database, which nobody may be changing, to a MySQL database, which must have the same
// schema and no rows. Row numbers stay as they are, and none that was ever used is used again. Afterwards it reads both
// and compares them. tell is told of each table when it has been copied and compared. A copy that fails leaves rows
// behind; MigrateDown and Migrate make the database empty again.
func Copy(ctx context.Context, from, to Source, tell func(table string, rows int64)) error {
	if from.IsMySQL() || !to.IsMySQL() {
		return errors.New("copy: only from SQLite to MySQL")
	}
	for _, s := range []Source{from, to} {
		if err := checkSchema(ctx, s); err != nil {
			return fmt.Errorf("copy: %w", err)
		}
	}
	source, err := openPool(ctx, readerDSN(from.path), 1)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	defer source.Close()
	target, err := writing.pool(to, Timeouts{}, Pool{})
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	defer target.Close()
	if err := copyAll(ctx, source, target, tell); err != nil {
		return fmt.Errorf("copy to %s: %w", to, mysqlDialect().explain(err))
	}
	return nil
}

func copyAll(ctx context.Context, source, target *sql.DB, tell func(table string, rows int64)) error {
	for _, table := range tables() {
		if err := wantEmpty(ctx, target, table); err != nil {
			return err
		}
	}
	begun, err := source.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one state of all tables
	if err != nil {
		return err
	}
	defer begun.Rollback()
	for _, table := range tables() {
		columns, err := columnsOf(ctx, begun, table)
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		want, err := copyTable(ctx, begun, target, table, columns)
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		if err := keepNumbers(ctx, begun, target, table); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		got, err := eachRow(ctx, target, `SELECT `+columns+` FROM `+table, func([]sql.RawBytes) error { return nil })
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		if got != want {
			return fmt.Errorf("%s: the copy differs from the source: %d rows, want %d", table, got.rows, want.rows)
		}
		tell(table, got.rows)
	}
	return nil
}

func wantEmpty(ctx context.Context, target *sql.DB, table string) error {
	var n int
	err := target.QueryRowContext(ctx, `SELECT 1 FROM `+table+` LIMIT 1`).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("table %s is not empty; the target database must be empty", table)
	}
	return err
}

// columnsOf names the columns of a table in the source's order, which need not be the target's.
func columnsOf(ctx context.Context, source querier, table string) (string, error) {
	rows, err := source.QueryContext(ctx, `SELECT * FROM `+table+` LIMIT 0`)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	return strings.Join(columns, ", "), err
}

// copyTable copies a table's rows and returns what they sum up to.
func copyTable(ctx context.Context, source querier, target *sql.DB, table, columns string) (tableSum, error) {
	b := &rowBatch{target: target, into: `INSERT INTO ` + table + ` (` + columns + `) VALUES `}
	sum, err := eachRow(ctx, source, `SELECT `+columns+` FROM `+table+` ORDER BY 1`,
		func(row []sql.RawBytes) error { return b.add(ctx, row) })
	if err != nil {
		return sum, err
	}
	return sum, b.flush(ctx)
}

// A rowBatch collects rows for one statement.
type rowBatch struct {
	target *sql.DB
	into   string
	rows   []string
	args   []any
	bytes  int
}

func (b *rowBatch) add(ctx context.Context, row []sql.RawBytes) error {
	for _, v := range row {
		if v == nil {
			b.args = append(b.args, nil)
			continue
		}
		b.args = append(b.args, string(v)) // a copy: the next row overwrites v
		b.bytes += len(v)
	}
	b.rows = append(b.rows, "("+strings.TrimSuffix(strings.Repeat("?,", len(row)), ",")+")")
	if len(b.rows) < copyRows && b.bytes < copyBytes {
		return nil
	}
	return b.flush(ctx)
}

func (b *rowBatch) flush(ctx context.Context) error {
	if len(b.rows) == 0 {
		return nil
	}
	_, err := b.target.ExecContext(ctx, b.into+strings.Join(b.rows, ","), b.args...)
	b.rows, b.args, b.bytes = b.rows[:0], b.args[:0], 0
	return err
}

// keepNumbers lets the target go on with row numbers where the source would.
func keepNumbers(ctx context.Context, source querier, target *sql.DB, table string) error {
	var last int64
	err := source.QueryRowContext(ctx, `SELECT seq FROM sqlite_sequence WHERE name = ?`, table).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it numbers none, or has never had a row
	}
	if err != nil {
		return err
	}
	_, err = target.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE %s AUTO_INCREMENT = %d`, table, last+1))
	return err
}

// A tableSum is equal for tables with equal rows, in whatever order.
type tableSum struct {
	rows int64
	sum  [4]uint64 // of the rows' SHA-256, in four parts, each of which may overflow
}

func (s *tableSum) add(row []sql.RawBytes) {
	var b []byte
	for _, v := range row {
		length := int64(len(v))
		if v == nil {
			length = -1
		}
		b = append(binary.BigEndian.AppendUint64(b, uint64(length)), v...)
	}
	h := sha256.Sum256(b)
	for i := range s.sum {
		s.sum[i] += binary.BigEndian.Uint64(h[8*i:])
	}
	s.rows++
}

// eachRow calls fn with each row, as text, and returns what they sum up to.
func eachRow(ctx context.Context, q querier, query string, fn func([]sql.RawBytes) error) (tableSum, error) {
	var sum tableSum
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return sum, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return sum, err
	}
	row := make([]sql.RawBytes, len(columns))
	dest := make([]any, len(columns))
	for i := range row {
		dest[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return sum, err
		}
		sum.add(row)
		if err := fn(row); err != nil {
			return sum, err
		}
	}
	return sum, rows.Err()
}
