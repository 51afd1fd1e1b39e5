package sqldb

import (
	"database/sql"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// micros is how a time is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// optMicros is how a time that may be missing is stored.
func optMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// fromMicros reads what micros and optMicros wrote.
func fromMicros(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

// stored is a time as it is read again once it was stored.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// timeCol scans a time into its target.
type timeCol struct{ t *time.Time }

func (c timeCol) Scan(v any) error {
	var n sql.NullInt64
	if err := n.Scan(v); err != nil {
		return err
	}
	*c.t = fromMicros(n)
	return nil
}

// leaseCol scans a time that is 0 where there is none.
type leaseCol struct{ t *time.Time }

func (c leaseCol) Scan(v any) error {
	var n sql.NullInt64
	if err := n.Scan(v); err != nil {
		return err
	}
	n.Valid = n.Int64 != 0
	*c.t = fromMicros(n)
	return nil
}

// optDigest is how a digest that may be unknown is stored.
func optDigest(d store.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}

// textCol scans text that is parsed; NULL and the empty text are the zero value.
type textCol[T any] struct {
	v     *T
	parse func(string) (T, error)
}

func (c textCol[T]) Scan(v any) error {
	var s sql.NullString
	if err := s.Scan(v); err != nil {
		return err
	}
	var zero T
	*c.v = zero
	if s.String == "" {
		return nil
	}
	parsed, err := c.parse(s.String)
	*c.v = parsed
	return err
}

func digestCol(d *store.Digest) textCol[store.Digest] {
	return textCol[store.Digest]{d, store.ParseDigest}
}
func sha256Col(d *store.SHA256) textCol[store.SHA256] {
	return textCol[store.SHA256]{d, store.ParseSHA256}
}
func locationCol(l *store.Location) textCol[store.Location] {
	return textCol[store.Location]{l, store.ParseLocation}
}

// optText scans text where NULL is the empty text.
func optText[T ~string](s *T) textCol[T] {
	return textCol[T]{s, func(s string) (T, error) { return T(s), nil }}
}

// optInt scans a number where NULL is 0.
type optInt[T ~int | ~int64] struct{ n *T }

func (c optInt[T]) Scan(v any) error {
	var n sql.NullInt64
	if err := n.Scan(v); err != nil {
		return err
	}
	*c.n = T(n.Int64)
	return nil
}
