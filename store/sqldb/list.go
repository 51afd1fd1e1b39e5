package sqldb

import (
	"context"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// An order is how a listing is sorted: by a column, ties by seq in the same direction, which an index has for every kind of listing.
type order struct {
	column string // of tbl_user_file
	down   bool   // largest first
	mixed  bool   // folders among files, not before them
	key    func(store.Entry) key
}

// indexOf names the index in which all segments of a listing lie in order.
func indexOf(q store.Query, o order) string {
	if q.Trash && q.Parent == "" {
		return "ix_trash_user"
	}
	of := "ix_folder_"
	if q.Files {
		of = "ix_user_"
	}
	return of + map[string]string{"file_name": "name", "file_size": "size", "updated_at": "time", "created_at": "new"}[o.column]
}

// A key is an entry's value in the column of an order: a number or a name.
type key struct {
	Num  int64
	Name string
}

func orderOf(q store.Query) (order, error) {
	o, err := naturalOrder(q)
	o.down = o.down != q.Back
	return o, err
}

// naturalOrder is the order of a listing that is not the other way round.
func naturalOrder(q store.Query) (order, error) {
	byTime := func(e store.Entry) key { return key{Num: micros(e.Updated)} }
	byName := order{"file_name", false, false, func(e store.Entry) key { return key{Name: e.Name} }}
	switch {
	case q.Trash && q.Parent != "":
		return byName, nil
	case q.Trash:
		return order{"deleted_at", true, true, func(e store.Entry) key { return key{Num: micros(e.Deleted)} }}, nil
	case q.Sort == store.ByName:
		return byName, nil
	case q.Sort == store.BySize:
		return order{"file_size", true, false, func(e store.Entry) key { return key{Num: e.Content.Sums.Size} }}, nil
	case q.Sort == store.ByTime:
		return order{"updated_at", true, false, byTime}, nil
	case q.Sort == store.Newest:
		return order{"created_at", true, true, func(e store.Entry) key { return key{Num: micros(e.Created)} }}, nil
	}
	return order{}, fmt.Errorf("sort %q: %w", q.Sort, store.ErrInvalid)
}

// A segment is a part of a listing that lies in one piece in an index. A page is taken from one segment after the other:
// engines scan an index only for conditions that are as simple as a segment's.
type segment struct {
	where string
	args  []any
}

// List implements store.Entries.
func (db *DB) List(ctx context.Context, q store.Query) ([]store.Entry, string, error) {
	page, next, err := db.list(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("list: %w", err)
	}
	return page, next, nil
}

func (db *DB) list(ctx context.Context, q store.Query) ([]store.Entry, string, error) {
	o, err := orderOf(q)
	if err != nil {
		return nil, "", err
	}
	after, err := parseCursor(q)
	if err != nil {
		return nil, "", err
	}
	var rows []row
	err = db.readTree(ctx, q.User, func(ctx context.Context, t tx) error {
		base, err := t.listed(ctx, q)
		if err != nil {
			return err
		}
		rows, err = t.page(ctx, o, indexOf(q, o), segments(q, o, base, after), q.Limit+1)
		if err != nil || !q.Trash {
			return err
		}
		return t.weigh(ctx, q.User, rows)
	})
	if err != nil || len(rows) <= q.Limit {
		return entriesOf(rows), "", err
	}
	rows = rows[:q.Limit]
	return entriesOf(rows), cursorAt(q, o, rows[q.Limit-1]), nil
}

// listed is the condition that all entries of a listing meet. ErrNotFound: there is no such folder.
func (t tx) listed(ctx context.Context, q store.Query) (segment, error) {
	if q.Limit < 1 {
		return segment{}, fmt.Errorf("limit: %w", store.ErrInvalid)
	}
	if q.Trash && q.Parent != "" {
		return t.inTrashedFolder(ctx, q.User, q.Parent)
	}
	if q.Trash {
		return segment{`e.user_id = ? AND e.deleted_at > 0`, []any{q.User}}, nil
	}
	if q.Files {
		return segment{visible, []any{q.User}}, nil
	}
	parent, err := t.visibleFolder(ctx, q.User, q.Parent)
	return segment{visible + `AND e.parent_id = ?`, []any{q.User, parent}}, err
}

// page reads up to limit rows from the segments, in order.
func (t tx) page(ctx context.Context, o order, index string, segments []segment, limit int) ([]row, error) {
	rows := []row{}
	for _, s := range segments {
		if len(rows) == limit {
			break
		}
		more, err := all(ctx, t, scanRow, s.query(o, t.db.dialect.by(index)), append(s.args, limit-len(rows))...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// query is the statement that reads a segment's first entries. by says by which index, where the engine must be told.
func (s segment) query(o order, by string) string {
	direction := ""
	if o.down {
		direction = " DESC"
	}
	return `SELECT ` + entryColumns + ` FROM tbl_user_file e` + by + joinEntries + `WHERE ` + s.where +
		` ORDER BY e.` + o.column + direction + `, e.seq` + direction + ` LIMIT ?`
}

// segments divides what comes after a cursor, nil for the beginning: first the rest of the cursor's ties, then what lies behind them, then
// the files if those were folders.
func segments(q store.Query, o order, base segment, after *cursor) []segment {
	kinds := []int{kindFolder, kindFile}
	switch {
	case q.Files:
		kinds = []int{kindFile}
	case o.mixed:
		return segmentsOf(o, base, after)
	}
	var list []segment
	for _, kind := range kinds {
		of := base.and(`e.kind = ?`, kind)
		switch {
		case after == nil || after.Kind < kind:
			list = append(list, of)
		case after.Kind == kind:
			list = append(list, segmentsOf(o, of, after)...)
		}
	}
	return list
}

func segmentsOf(o order, base segment, after *cursor) []segment {
	if after == nil {
		return []segment{base}
	}
	beyond := ">"
	if o.down {
		beyond = "<"
	}
	at := after.value(o)
	return []segment{
		base.and(`e.`+o.column+` = ?`, at).and(`e.seq `+beyond+` ?`, after.Seq),
		base.and(`e.`+o.column+` `+beyond+` ?`, at),
	}
}

// and adds a condition, leaving s as it is.
func (s segment) and(where string, arg any) segment {
	return segment{s.where + ` AND ` + where, append(s.args[:len(s.args):len(s.args)], arg)}
}
