package sqldb

import (
	"context"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// entry reads an entry in whatever state.
func (t tx) entry(ctx context.Context, id int64) (row, error) {
	return first(ctx, t, scanRow, `SELECT `+entryColumns+fromEntries+`WHERE e.id = ?`, id)
}

// visibleEntry reads a user's visible entry. ErrNotFound.
func (t tx) visibleEntry(ctx context.Context, user store.UserID, id store.EntryID) (row, error) {
	return first(ctx, t, scanRow, `SELECT `+entryColumns+fromEntries+`WHERE e.entry_id = ? AND`+visible, string(id), user)
}

// unchangedEntry reads a user's visible entry. ErrConflict: it has another revision than the wanted one; 0 is any.
func (t tx) unchangedEntry(ctx context.Context, user store.UserID, id store.EntryID, revision int64) (row, error) {
	e, err := t.visibleEntry(ctx, user, id)
	if err == nil && revision != 0 && revision != e.Revision {
		err = fmt.Errorf("revision is %d, expected %d: %w", e.Revision, revision, store.ErrConflict)
	}
	return e, err
}

// visibleFolder returns the number of a user's visible folder; the empty ID is the root, 0. ErrNotFound.
func (t tx) visibleFolder(ctx context.Context, user store.UserID, id store.EntryID) (int64, error) {
	var n int64
	if id == "" {
		return n, nil
	}
	err := t.get(ctx, `SELECT e.id FROM tbl_user_file e WHERE e.entry_id = ? AND e.kind = 0 AND`+visible,
		[]any{string(id), user}, &n)
	return n, err
}

// A spot is what stands at a name in a folder. The zero spot is the root folder.
type spot struct {
	id, content int64
	entry       store.EntryID
	kind        int
}

// entryKind translates a number of tbl_user_file.kind.
func entryKind(kind int) store.EntryKind {
	if kind == kindFolder {
		return store.Folder
	}
	return store.File
}

// child reads the visible entry that has a name in a folder. ErrNotFound.
func (t tx) child(ctx context.Context, user store.UserID, parent int64, name string) (s spot, err error) {
	err = t.get(ctx, `SELECT e.id, e.content_id, e.entry_id, e.kind FROM tbl_user_file e
		WHERE e.parent_id = ? AND e.file_name = ? AND`+visible, []any{parent, name, user},
		&s.id, optInt[int64]{&s.content}, &s.entry, &s.kind)
	return s, err
}

// An ancestor is a step on the way from an entry to the root.
type ancestor struct {
	id   int64
	name string
}

// ancestry returns a visible entry and the folders above it, upwards. The root's number 0 gives nothing.
func (t tx) ancestry(ctx context.Context, id int64) ([]ancestor, error) {
	scan := func(s scanner) (a ancestor, err error) {
		err = s.Scan(&a.id, &a.name)
		return a, err
	}
	return all(ctx, t, scan, `WITH RECURSIVE up (id, parent_id, file_name, n) AS (
			SELECT id, parent_id, file_name, 0 FROM tbl_user_file WHERE id = ?
			UNION ALL
			SELECT f.id, f.parent_id, f.file_name, up.n + 1 FROM up JOIN tbl_user_file f ON f.id = up.parent_id
		) SELECT id, file_name FROM up ORDER BY n`, id)
}

// foldersBelow returns the numbers of a folder and of the visible folders below it.
func (t tx) foldersBelow(ctx context.Context, user store.UserID, id int64) ([]int64, error) {
	scan := func(s scanner) (id int64, err error) {
		err = s.Scan(&id)
		return id, err
	}
	return all(ctx, t, scan, t.db.dialect.descent()+`SELECT id FROM down`, id, user)
}

// height returns how many visible folders lie below one another in a folder; 0 for one without subfolders.
func (t tx) height(ctx context.Context, user store.UserID, id int64) (int, error) {
	var n int
	err := t.get(ctx, t.db.dialect.descent()+`SELECT COALESCE(MAX(n), 0) FROM down`, []any{id, user}, &n)
	return n, err
}

// descent begins a query with the table down: a folder, by its number and the user's, and the visible folders below it, with how
// deep they are. CROSS JOIN makes SQLite go from each folder to those in it; left to choose, it reads all folders of the user
// for each of them.
func (d dialect) descent() string {
	return `WITH RECURSIVE down (id, n) AS (
			SELECT id, 0 FROM tbl_user_file WHERE id = ?
			UNION ALL
			SELECT f.id, down.n + 1 FROM down CROSS JOIN tbl_user_file f` + d.by("ix_folder_name") + ` ON f.parent_id = down.id
			WHERE f.user_id = ? AND f.alive = 1 AND f.kind = 0
		) `
}

// fits reports whether an entry, with what is visible below it, may lie in a folder that is so deep without going too deep.
func (t tx) fits(ctx context.Context, e row, depth int) (bool, error) {
	if e.Kind != store.Folder {
		return depth <= store.MaxDepth, nil
	}
	below, err := t.height(ctx, e.User, e.id)
	return depth+1+below <= store.MaxDepth, err
}
