package sqldb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blinkdrive/blinkdrive/store"
)

// searchChunk is how many names are read at once.
const searchChunk = 4000

// A candidate is an entry whose name is looked at.
type candidate struct {
	id, seq, parent, created int64 // parent and created where they are needed
	kind                     int
	name                     string
}

func (c candidate) cursor(q store.Search) *cursor {
	at := &cursor{Order: searchOf(q), Kind: c.kind, Num: c.created, Seq: c.seq}
	if q.Sort == store.ByName {
		at.Num, at.Name = 0, c.name
	}
	return at
}

// searchOf names the listing that a cursor of a search belongs to.
func searchOf(q store.Search) string { return "search," + string(q.Sort) + way(q.Back) }

// SearchEntries implements store.EntryTrees. It reads the user's names in the order of an index and compares them here:
// no engine likens letters as another does, and an index that would find a text in the middle of a name they have not.
func (db *DB) SearchEntries(ctx context.Context, q store.Search) ([]store.Entry, string, error) {
	s := &search{q: q, text: store.FoldName(q.Text)}
	if s.text == "" || q.Limit < 1 || q.Scan < 1 || q.Sort != store.ByName && q.Sort != store.Newest {
		return nil, "", fmt.Errorf("search: %w", store.ErrInvalid)
	}
	after, err := readCursor(q.Cursor, searchOf(q))
	if err == nil {
		err = db.readTree(ctx, q.User, func(ctx context.Context, t tx) error {
			s.tx, s.found, s.at = t, []row{}, after
			return s.run(ctx)
		})
	}
	if err != nil {
		return nil, "", fmt.Errorf("search: %w", err)
	}
	next := ""
	if s.at != nil {
		next = s.at.text()
	}
	return entriesOf(s.found), next, nil
}

// A search is under way in a transaction.
type search struct {
	tx
	q     store.Search
	text  string         // folded
	in    map[int64]bool // the folders whose entries count; nil: all
	found []row
	at    *cursor // where it has come to; nil: the beginning, and in the end: all was looked at
}

func (s *search) run(ctx context.Context) error {
	if err := s.within(ctx); err != nil {
		return err
	}
	if len(s.text) > 3*store.MaxName { // no name is as long, whatever its letters fold to
		s.at = nil
		return nil
	}
	for scanned := 0; ; {
		n := min(searchChunk, s.q.Scan-scanned)
		if n == 0 || len(s.found) == s.q.Limit {
			return nil
		}
		names, err := s.candidates(ctx, n)
		if err != nil {
			return err
		}
		all, err := s.look(ctx, names)
		if err != nil {
			return err
		}
		if all && len(names) < n {
			s.at = nil
			return nil
		}
		scanned += len(names)
	}
}

// within finds the folders that are searched.
func (s *search) within(ctx context.Context) error {
	s.in = nil
	if s.q.Below == "" {
		return nil
	}
	id, err := s.visibleFolder(ctx, s.q.User, s.q.Below)
	if err != nil {
		return err
	}
	folders, err := s.foldersBelow(ctx, s.q.User, id)
	if err != nil {
		return err
	}
	s.in = map[int64]bool{}
	for _, id := range folders {
		s.in[id] = true
	}
	return nil
}

// candidates reads the next names.
func (s *search) candidates(ctx context.Context, n int) ([]candidate, error) {
	o, index := order{column: "file_name"}, "ix_user_name"
	if s.q.Sort == store.Newest {
		o, index = order{column: "created_at", down: true}, "ix_user_new"
	}
	o.down = o.down != s.q.Back
	columns := `e.id, e.seq, e.kind, e.file_name, 0, 0` // ix_user_name has them all, so no row is read
	if s.q.Sort == store.Newest || s.in != nil {
		columns = `e.id, e.seq, e.kind, e.file_name, e.parent_id, e.created_at`
	}
	scan := func(s scanner) (c candidate, err error) {
		err = s.Scan(&c.id, &c.seq, &c.kind, &c.name, &c.parent, &c.created)
		return c, err
	}
	var names []candidate
	for _, part := range segments(store.Query{}, o, segment{visible, []any{s.q.User}}, s.at) {
		if len(names) == n {
			break
		}
		more, err := all(ctx, s.tx, scan, part.search(columns, o, s.db.dialect.by(index)), append(part.args, n-len(names))...)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return names, nil
}

// search is the statement that reads the names of a segment.
func (s segment) search(columns string, o order, by string) string {
	direction := ""
	if o.down {
		direction = " DESC"
	}
	return `SELECT ` + columns + ` FROM tbl_user_file e` + by + ` WHERE ` + s.where +
		` ORDER BY e.` + o.column + direction + `, e.seq` + direction + ` LIMIT ?`
}

// look adds those that are searched for to what was found, until there are enough. It reports whether it has looked at all.
func (s *search) look(ctx context.Context, names []candidate) (bool, error) {
	var hits []candidate
	for i, c := range names {
		if (s.in == nil || s.in[c.parent]) && strings.Contains(store.FoldName(c.name), s.text) {
			hits = append(hits, c)
		}
		if len(hits) < s.q.Limit-len(s.found) && i < len(names)-1 {
			continue
		}
		if err := s.take(ctx, hits); err != nil {
			return false, err
		}
		hits = hits[:0]
		s.at = c.cursor(s.q)
		if len(s.found) == s.q.Limit {
			return i == len(names)-1, nil
		}
	}
	return true, nil
}

// take reads the entries of hits, which are no more than there is room for.
func (s *search) take(ctx context.Context, hits []candidate) error {
	byID := map[int64]row{}
	var ids []int64
	for _, h := range hits {
		ids = append(ids, h.id)
	}
	for some := range slices.Chunk(ids, batch) {
		list, args := in(some)
		rows, err := all(ctx, s.tx, scanRow, `SELECT `+entryColumns+fromEntries+`WHERE e.id IN `+list, args...)
		if err != nil {
			return err
		}
		for _, r := range rows {
			byID[r.id] = r
		}
	}
	for _, id := range ids {
		if r, ok := byID[id]; ok {
			s.found = append(s.found, r)
		}
	}
	return nil
}
