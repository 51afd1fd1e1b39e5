package sqldb

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/blinkdrive/blinkdrive/store"
)

// CopyEntry implements store.EntryTrees.
func (db *DB) CopyEntry(ctx context.Context, user store.UserID, id store.EntryID, to store.CopyTo) (store.Entry, int, error) {
	var made row
	var count int
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.lockUser(ctx, user); err != nil {
			return err
		}
		original, err := t.unchangedEntry(ctx, user, id, to.Revision)
		if err != nil {
			return err
		}
		folder, err := t.folderOfCopy(ctx, original, to)
		if err != nil {
			return err
		}
		var below []row
		if original.Kind == store.Folder {
			if below, err = t.below(ctx, user, original.id, to.Limit-1); err != nil {
				return err
			}
		}
		count = 1 + len(below)
		if err := t.mayHaveMore(ctx, user, count, to.Most); err != nil {
			return err
		}
		if err := t.payForCopies(ctx, original, below); err != nil {
			return err
		}
		if to.Name, err = t.nameOfCopy(ctx, original, folder, to); err != nil {
			return err
		}
		made, err = t.copyRows(ctx, original, below, folder, to)
		return err
	})
	if err != nil {
		return store.Entry{}, 0, fmt.Errorf("copy %s: %w", id, err)
	}
	return made.Entry, count, nil
}

// folderOfCopy finds or makes the folder of a copy. ErrInvalid: the original cannot be there.
func (t tx) folderOfCopy(ctx context.Context, original row, to store.CopyTo) (int64, error) {
	if to.Limit < 1 {
		return 0, fmt.Errorf("limit: %w", store.ErrInvalid)
	}
	if to.Folder == nil {
		return original.parent, nil
	}
	at, err := t.folderAt(ctx, original.User, *to.Folder, to.When)
	if err != nil {
		return 0, err
	}
	return at.id, t.mayMove(ctx, original, at.id)
}

// below reads what is visible below a folder, level by level. ErrTooMany: it is more than limit.
func (t tx) below(ctx context.Context, user store.UserID, folder int64, limit int) ([]row, error) {
	found := []row{}
	for level := []int64{folder}; len(level) > 0; {
		var next []int64
		for some := range slices.Chunk(level, batch) {
			list, args := in(some, user)
			more, err := all(ctx, t, scanRow, `SELECT `+entryColumns+` FROM tbl_user_file e`+t.db.dialect.by("ix_folder_name")+
				joinEntries+`WHERE e.user_id = ? AND e.parent_id IN `+list+` AND e.alive = 1
				ORDER BY e.parent_id, e.kind, e.file_name LIMIT ?`, append(args, limit+1-len(found))...)
			if err != nil {
				return nil, err
			}
			if found = append(found, more...); len(found) > limit {
				return nil, fmt.Errorf("more than %d entries: %w", limit, store.ErrTooMany)
			}
			for _, e := range more {
				if e.Kind == store.Folder {
					next = append(next, e.id)
				}
			}
		}
		level = next
	}
	return found, nil
}

// mayHaveMore refuses, with ErrQuota, more entries than most. Folders and empty files cost nothing else, and each of them a row.
// Nobody has more entries than changes, so few users need to be counted.
func (t tx) mayHaveMore(ctx context.Context, user store.UserID, count, most int) error {
	var changes int
	if most == 0 {
		return nil
	}
	err := t.get(ctx, `SELECT change_seq FROM tbl_user WHERE id = ?`, []any{user}, &changes)
	if err != nil || changes <= most-count {
		return err
	}
	many, err := t.has(ctx, `SELECT 1 FROM tbl_user_file WHERE user_id = ? LIMIT 1 OFFSET ?`, user, max(0, most-count))
	if err == nil && (many || count > most) {
		err = fmt.Errorf("cannot add %d entries: %w", count, store.ErrQuota)
	}
	return err
}

// payForCopies charges the user for all copies and refers to their contents. None of them can go meanwhile: the originals
// show them, and whoever would purge those waits for the user.
func (t tx) payForCopies(ctx context.Context, original row, below []row) error {
	var size int64
	refs := map[int64]int64{}
	for _, e := range append([]row{original}, below...) {
		if e.Kind == store.File {
			size += e.Content.Sums.Size
			refs[e.Content.ID]++
		}
	}
	if err := t.charge(ctx, original.User, size); err != nil {
		return err
	}
	if err := t.lockContents(ctx, slices.Sorted(maps.Keys(refs))); err != nil {
		return err
	}
	byCount := map[int64][]int64{}
	for id, n := range refs {
		byCount[n] = append(byCount[n], id)
	}
	for n, ids := range byCount {
		slices.Sort(ids)
		for some := range slices.Chunk(ids, batch) {
			list, args := in(some, n)
			if _, err := t.exec(ctx, `UPDATE tbl_file SET ref_count = ref_count + ? WHERE id IN `+list, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// nameOfCopy returns the name that a copy gets. ErrInvalid: it would replace its original.
func (t tx) nameOfCopy(ctx context.Context, original row, folder int64, to store.CopyTo) (string, error) {
	r := nameRequest{user: original.User, folder: folder, name: cmp.Or(to.Name, original.Name), kind: original.Kind,
		clash: cmp.Or(to.Clash, store.ClashRename), when: to.When}
	if err := store.CheckName(r.name); err != nil {
		return "", err
	}
	if r.clash == store.ClashReplace && folder == original.parent && r.name == original.Name {
		return "", fmt.Errorf("must not replace the original: %w", store.ErrInvalid)
	}
	return t.resolveName(ctx, r)
}

// A copiedRow is an original, and what its copy has of its own.
type copiedRow struct {
	row
	entry store.EntryID
	seq   int64
}

// copyRows makes the entries: the copy itself, then all folders below it, each after the one that it is in, then all files.
func (t tx) copyRows(ctx context.Context, original row, below []row, folder int64, to store.CopyTo) (row, error) {
	kind := kindFolder
	if original.Kind == store.File {
		kind = kindFile
	}
	top, err := t.insertEntry(ctx, store.NewEntry{User: original.User, Name: to.Name, Size: original.Content.Sums.Size,
		Modified: original.Modified, When: to.When}, kind, original.Content, folder)
	if err == nil && kind == kindFile {
		top, err = t.entry(ctx, top.id) // its content has more references than the original was read with
	}
	if err != nil || len(below) == 0 {
		return top, err
	}
	seq, err := t.nextChanges(ctx, original.User, len(below))
	if err != nil {
		return row{}, err
	}
	ids := map[int64]int64{original.id: top.id} // of the folders' copies
	var folders, files []copiedRow
	for _, e := range below {
		c := copiedRow{row: e, entry: store.NewEntryID(), seq: seq}
		seq++
		if e.Kind == store.File {
			files = append(files, c)
			continue
		}
		if _, made := ids[e.parent]; !made {
			if err := t.insertFolders(ctx, folders, ids, to); err != nil {
				return row{}, err
			}
			folders = nil
		}
		folders = append(folders, c)
	}
	if err := t.insertFolders(ctx, folders, ids, to); err != nil {
		return row{}, err
	}
	return top, t.insertCopies(ctx, files, ids, to)
}

// insertFolders makes the copies of some folders, whose own folders have been made, and notes their numbers.
func (t tx) insertFolders(ctx context.Context, folders []copiedRow, ids map[int64]int64, to store.CopyTo) error {
	if err := t.insertCopies(ctx, folders, ids, to); err != nil {
		return err
	}
	type made struct {
		id    int64
		entry store.EntryID
	}
	scan := func(s scanner) (m made, err error) {
		err = s.Scan(&m.id, &m.entry)
		return m, err
	}
	for some := range slices.Chunk(folders, batch) {
		originals := map[store.EntryID]int64{}
		var names []string
		for _, c := range some {
			originals[c.entry] = c.id
			names = append(names, string(c.entry))
		}
		list, args := in(names)
		rows, err := all(ctx, t, scan, `SELECT id, entry_id FROM tbl_user_file WHERE entry_id IN `+list, args...)
		if err != nil {
			return err
		}
		for _, m := range rows {
			ids[originals[m.entry]] = m.id
		}
	}
	return nil
}

// insertCopies makes entries, some with each statement.
func (t tx) insertCopies(ctx context.Context, copies []copiedRow, ids map[int64]int64, to store.CopyTo) error {
	const values = `(?, ?, ?, ?, ?, ?, ?, 0, 1, ?, ?, ?, ?, 1, ?, NULL, NULL)`
	for some := range slices.Chunk(copies, batch/4) {
		var args []any
		for _, c := range some {
			kind, content := kindFolder, any(nil)
			if c.Kind == store.File {
				kind, content = kindFile, c.Content.ID
			}
			args = append(args, string(c.entry), c.User, ids[c.parent], c.Name, kind, content, c.Content.Sums.Size,
				optMicros(c.Modified), micros(to.When), micros(to.When), c.seq, c.seq)
		}
		_, err := t.exec(ctx, `INSERT INTO tbl_user_file (entry_id, user_id, parent_id, file_name, kind, content_id, file_size,
			status, alive, modified_at, created_at, updated_at, seq, revision, change_seq, deleted_at, trash_root)
			VALUES `+values+strings.Repeat(`, `+values, len(some)-1), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// nextChanges counts n changes of the user's tree and returns the number of the first.
func (t tx) nextChanges(ctx context.Context, id store.UserID, n int) (int64, error) {
	err := t.one(ctx, store.ErrNotFound, `UPDATE tbl_user SET change_seq = change_seq + ? WHERE id = ?`, n-1, id)
	if err != nil {
		return 0, fmt.Errorf("user %d: %w", id, err)
	}
	last, err := t.nextChange(ctx, id)
	return last - int64(n) + 1, err
}

// EntriesBelow implements store.EntryTrees.
func (db *DB) EntriesBelow(ctx context.Context, user store.UserID, folder store.EntryID, limit int) ([]store.Entry, error) {
	var rows []row
	err := db.read(ctx, func(ctx context.Context, t tx) error {
		id, err := t.visibleFolder(ctx, user, folder)
		if err == nil {
			rows, err = t.below(ctx, user, id, limit)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("entries below %s: %w", folder, err)
	}
	return entriesOf(rows), nil
}
