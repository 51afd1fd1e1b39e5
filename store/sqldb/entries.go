package sqldb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	entryColumns = `e.id, e.parent_id, e.seq, e.entry_id, e.user_id, p.entry_id, e.file_name, e.kind, e.status, e.modified_at,
		e.created_at, e.updated_at, e.revision, e.change_seq, e.deleted_at, e.trash_root, r.deleted_at, r.trash_root,
		r.entry_id, ` + contentColumns
	fromEntries = ` FROM tbl_user_file e` + joinEntries
	joinEntries = `
		LEFT JOIN tbl_user_file p ON p.id = e.parent_id
		LEFT JOIN tbl_user_file r ON r.id = e.trash_root
		LEFT JOIN tbl_file c ON c.id = e.content_id `
	visible = ` e.user_id = ? AND e.alive = 1 `
)

// The numbers of tbl_user_file.kind.
const (
	kindFolder = 0
	kindFile   = 1
)

// A row is an entry with what never leaves this package. The zero row is the root folder.
type row struct {
	store.Entry
	id, parent, seq int64
	trashed
}

// trashed is what the columns deleted_at and trash_root say. All trashed entries that come back together are a group: an
// entry that the trash lists, which alone has deleted_at, and what is hidden below it, whose trash_root is that entry.
// The trash_root of the listed entry is the folder that it was deleted with, usually itself. It is another one if that
// folder, or one between the two, was restored without it.
type trashed struct {
	group  int64 // the id of the listed entry; 0 for a visible entry
	origin int64 // the listed entry's trash_root
}

func scanRow(s scanner) (e row, err error) {
	var kind int
	var root, rootOfRoot int64
	var rootDeleted time.Time
	dest := []any{&e.id, &e.parent, &e.seq, &e.ID, &e.User, optText(&e.Parent), &e.Name, &kind, &e.Status, timeCol{&e.Modified},
		timeCol{&e.Created}, timeCol{&e.Updated}, &e.Revision, &e.Change, timeCol{&e.Deleted}, optInt[int64]{&root},
		timeCol{&rootDeleted}, optInt[int64]{&rootOfRoot}, optText(&e.TrashOf)}
	err = s.Scan(append(dest, contentDest(&e.Content)...)...)
	e.Kind = entryKind(kind)
	if !e.Deleted.IsZero() {
		e.TrashOf, e.trashed = e.ID, trashed{group: e.id, origin: root}
	} else if root != 0 {
		e.Deleted, e.trashed = rootDeleted, trashed{group: root, origin: rootOfRoot}
	}
	return e, err
}

// Entry implements store.Entries.
func (db *DB) Entry(ctx context.Context, user store.UserID, id store.EntryID) (store.Entry, error) {
	e, err := find(ctx, db, scanRow, `SELECT `+entryColumns+fromEntries+`WHERE e.entry_id = ? AND`+visible, string(id), user)
	if err != nil {
		return store.Entry{}, fmt.Errorf("entry %s: %w", id, err)
	}
	return e.Entry, nil
}

// EntryByDigest implements store.Entries.
func (db *DB) EntryByDigest(ctx context.Context, user store.UserID, d store.Digest) (store.Entry, error) {
	e, err := find(ctx, db, scanRow, `SELECT `+entryColumns+fromEntries+`
		WHERE e.content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?) AND`+visible+`
		ORDER BY e.created_at DESC, e.seq DESC LIMIT 1`, d.String(), user)
	if err != nil {
		return store.Entry{}, fmt.Errorf("entry of %s: %w", d, err)
	}
	return e.Entry, nil
}

// EntryAt implements store.Entries.
func (db *DB) EntryAt(ctx context.Context, user store.UserID, p store.Path) (store.Entry, error) {
	var e row
	err := db.read(ctx, func(ctx context.Context, t tx) (err error) {
		if len(p) == 0 {
			return store.ErrInvalid
		}
		var at spot
		for _, name := range p {
			if at, err = t.child(ctx, user, at.id, name); err != nil {
				return err
			}
		}
		e, err = t.entry(ctx, at.id)
		return err
	})
	if err != nil {
		return store.Entry{}, fmt.Errorf("entry at %q: %w", p, err)
	}
	return e.Entry, nil
}

// PathOf implements store.Entries.
func (db *DB) PathOf(ctx context.Context, user store.UserID, id store.EntryID) (store.Path, error) {
	path := store.Path{}
	if id == "" {
		return path, nil
	}
	err := db.read(ctx, func(ctx context.Context, t tx) error {
		path = path[:0]
		e, err := t.visibleEntry(ctx, user, id)
		if err != nil {
			return err
		}
		up, err := t.ancestry(ctx, e.id)
		for _, a := range slices.Backward(up) {
			path = append(path, a.name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("path of %s: %w", id, err)
	}
	return path, nil
}

// LinkContent implements store.Entries.
func (db *DB) LinkContent(ctx context.Context, n store.NewEntry) (store.Entry, error) {
	var e row
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.lockUser(ctx, n.User); err != nil {
			return err
		}
		c, err := t.content(ctx, n.Digest)
		if err != nil {
			return err
		}
		if c.Status != store.ContentLive || c.Sums.Size != n.Size {
			return store.ErrNotFound
		}
		parent, err := t.folderOr(ctx, n.User, n.Folder, n.Parent, n.When)
		if err != nil {
			return err
		}
		var made bool
		if e, made, err = t.link(ctx, n, c, parent); err != nil || !made {
			return err
		}
		if err := t.charge(ctx, n.User, n.Size); err != nil {
			return err
		}
		return t.save(ctx, n.User, n.Size)
	})
	if err != nil {
		return store.Entry{}, fmt.Errorf("link %s: %w", n.Digest, err)
	}
	return e.Entry, nil
}

// MakeFolder implements store.Entries.
func (db *DB) MakeFolder(ctx context.Context, user store.UserID, p store.Path, now time.Time) (store.EntryID, error) {
	var at spot
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		err := t.lockUser(ctx, user)
		if err == nil {
			at, err = t.folderAt(ctx, user, p, now)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create folder %q: %w", p, err)
	}
	return at.entry, nil
}

// folderAt finds the folder at a path, or creates it and its parents. ErrInTheWay. ErrInvalid: too deep.
func (t tx) folderAt(ctx context.Context, user store.UserID, p store.Path, now time.Time) (at spot, err error) {
	if len(p) > store.MaxDepth {
		return at, fmt.Errorf("deeper than %d folders: %w", store.MaxDepth, store.ErrInvalid)
	}
	for _, name := range p {
		if at, err = t.subfolder(ctx, user, at.id, name, now); err != nil {
			return at, err
		}
	}
	return at, nil
}

// folderOr finds the folder at a path, or creates it; without a path it is the visible folder with an ID.
func (t tx) folderOr(ctx context.Context, user store.UserID, p *store.Path, id store.EntryID, now time.Time) (int64, error) {
	if p == nil {
		return t.visibleFolder(ctx, user, id)
	}
	at, err := t.folderAt(ctx, user, *p, now)
	return at.id, err
}

// subfolder finds a folder or makes it. ErrInTheWay.
func (t tx) subfolder(ctx context.Context, user store.UserID, parent int64, name string, now time.Time) (spot, error) {
	at, err := t.child(ctx, user, parent, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		e, err := t.insertEntry(ctx, store.NewEntry{User: user, Name: name, When: now}, kindFolder, store.Content{}, parent)
		return spot{id: e.id, entry: e.ID, kind: kindFolder}, err
	case err == nil && at.kind != kindFolder:
		return at, store.ErrInTheWay
	}
	return at, err
}

// link creates an entry for a content and reports whether it did: if the name belongs to a file with the same content, that
// file gets the modification time of n if there is one. The caller charges a new entry.
func (t tx) link(ctx context.Context, n store.NewEntry, c store.Content, parent int64) (row, bool, error) {
	if err := store.CheckName(n.Name); err != nil {
		return row{}, false, err
	}
	at, err := t.child(ctx, n.User, parent, n.Name)
	switch {
	case err == nil && at.content == c.ID:
		e, err := t.entry(ctx, at.id)
		if err == nil && !n.Modified.IsZero() && !e.Modified.Equal(stored(n.Modified)) {
			e.Modified = stored(n.Modified)
			e, err = t.place(ctx, e, e.parent, e.Name, n.When)
		}
		return e, false, err
	case err == nil:
		n.Name, err = t.resolveConflict(ctx, nameRequest{user: n.User, folder: parent, name: n.Name, kind: store.File,
			clash: cmp.Or(n.Clash, store.ClashRename), when: n.When}, at)
	case errors.Is(err, store.ErrNotFound):
		err = nil
	}
	if err != nil {
		return row{}, false, err
	}
	n.Size = c.Sums.Size
	err = t.one(ctx, store.ErrNotFound, `UPDATE tbl_file SET ref_count = ref_count + 1 WHERE id = ?`, c.ID)
	if err != nil {
		return row{}, false, err
	}
	c.Refs++
	e, err := t.insertEntry(ctx, n, kindFile, c, parent)
	return e, true, err
}

// insertEntry makes an entry in a folder and returns it, as it would be read again. c is the content that it shows.
func (t tx) insertEntry(ctx context.Context, n store.NewEntry, kind int, c store.Content, parent int64) (row, error) {
	if err := store.CheckName(n.Name); err != nil {
		return row{}, err
	}
	seq, err := t.nextChange(ctx, n.User)
	if err != nil {
		return row{}, err
	}
	e := row{parent: parent, seq: seq, Entry: store.Entry{
		ID: store.NewEntryID(), User: n.User, Name: n.Name, Kind: store.Folder, Content: c,
		Modified: stored(n.Modified), Created: stored(n.When), Updated: stored(n.When), Revision: 1, Change: seq,
	}}
	var contentID any
	if kind == kindFile {
		e.Kind, contentID = store.File, c.ID
	}
	e.id, err = t.insert(ctx, `INSERT INTO tbl_user_file (entry_id, user_id, parent_id, file_name, kind, content_id, file_size,
		status, alive, modified_at, created_at, updated_at, seq, revision, change_seq, deleted_at, trash_root)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1, ?, ?, ?, ?, 1, ?, NULL, NULL)`,
		string(e.ID), n.User, parent, n.Name, kind, contentID, n.Size,
		optMicros(n.Modified), micros(n.When), micros(n.When), seq, seq)
	if t.db.dialect.duplicate(err) {
		return row{}, errAgain
	}
	if err != nil || parent == 0 {
		return e, err
	}
	return e, t.get(ctx, `SELECT entry_id FROM tbl_user_file WHERE id = ?`, []any{parent}, &e.Parent)
}
