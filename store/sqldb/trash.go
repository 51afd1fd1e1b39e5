package sqldb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// groupMembers finds what a listed entry of the trash took with it. The plus keeps SQLite from taking the index of
// deleted_at, which is NULL in almost all rows.
const groupMembers = `trash_root = ? AND +deleted_at IS NULL`

// Trash implements store.EntryTrash.
func (db *DB) Trash(ctx context.Context, user store.UserID, id store.EntryID, revision int64, now time.Time) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.lockUser(ctx, user); err != nil {
			return err
		}
		e, err := t.unchangedEntry(ctx, user, id, revision)
		if err != nil {
			return err
		}
		return t.trash(ctx, e, now)
	})
	if err != nil {
		return fmt.Errorf("trash %s: %w", id, err)
	}
	return nil
}

// trash hides a visible entry and all below it. The caller has locked the user.
func (t tx) trash(ctx context.Context, e row, now time.Time) error {
	seq, err := t.nextChange(ctx, e.User)
	if err != nil {
		return err
	}
	if e.Kind == store.Folder {
		if err := t.hideBelow(ctx, e, seq); err != nil {
			return err
		}
	}
	return t.one(ctx, store.ErrNotFound, `UPDATE tbl_user_file SET status = 1, alive = NULL, deleted_at = ?, trash_root = id,
		updated_at = ?, revision = revision + 1, change_seq = ? WHERE id = ?`, micros(now), micros(now), seq, e.id)
}

// trashSpot puts what stands at a name into the trash, to make room for another entry.
func (t tx) trashSpot(ctx context.Context, at spot, now time.Time) error {
	old, err := t.entry(ctx, at.id)
	if err != nil {
		return err
	}
	return t.trash(ctx, old, now)
}

// hideBelow hides the visible entries below a folder. What is in the trash already is not touched: it went there by itself.
func (t tx) hideBelow(ctx context.Context, e row, seq int64) error {
	folders, err := t.foldersBelow(ctx, e.User, e.id)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(folders, batch) {
		list, args := in(some, e.id, seq, e.User)
		err := t.eachEntry(ctx, `UPDATE tbl_user_file SET status = 1, alive = NULL, trash_root = ?, revision = revision + 1,
			change_seq = ?`, args[:2], `user_id = ? AND alive = 1 AND parent_id IN `+list, args[2:])
		if err != nil {
			return err
		}
	}
	return nil
}

// eachEntry changes the entries that where finds, whose user is locked. A server would let us wait for the end of one
// statement over very many rows longer than for one that is stuck.
func (t tx) eachEntry(ctx context.Context, change string, set []any, where string, args []any) error {
	if t.db.dialect.oneWriter {
		_, err := t.exec(ctx, change+` WHERE `+where, slices.Concat(set, args)...)
		return err
	}
	scan := func(s scanner) (id int64, err error) {
		err = s.Scan(&id)
		return id, err
	}
	ids, err := all(ctx, t, scan, `SELECT id FROM tbl_user_file WHERE `+where, args...)
	if err != nil {
		return err
	}
	slices.Sort(ids)
	for some := range slices.Chunk(ids, batch) {
		list, args := in(some, set...)
		if _, err := t.exec(ctx, change+` WHERE id IN `+list, args...); err != nil {
			return err
		}
	}
	return nil
}

// Purge implements store.EntryTrash.
func (db *DB) Purge(ctx context.Context, user store.UserID, id store.EntryID, now time.Time) error {
	return db.purge(ctx, user, id, 0, now)
}

// PurgeUnchanged implements store.EntryTrash.
func (db *DB) PurgeUnchanged(ctx context.Context, e store.Entry, now time.Time) error {
	return db.purge(ctx, e.User, e.ID, e.Revision, now)
}

func (db *DB) purge(ctx context.Context, user store.UserID, id store.EntryID, revision int64, now time.Time) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.lockUser(ctx, user); err != nil {
			return err
		}
		e, err := t.ownEntry(ctx, user, id)
		if err != nil {
			return err
		}
		if e.group == 0 {
			return store.ErrNotFound
		}
		if revision != 0 && revision != e.Revision {
			return fmt.Errorf("revision %d, not %d: %w", e.Revision, revision, store.ErrConflict)
		}
		return t.purge(ctx, e, now)
	})
	if err != nil {
		return fmt.Errorf("purge %s: %w", id, err)
	}
	return nil
}

// purge removes a trashed entry and all that is in its group below it. The caller has locked the user.
func (t tx) purge(ctx context.Context, e row, now time.Time) error {
	if err := t.separate(ctx, e); err != nil {
		return err
	}
	refs, err := t.refsOf(ctx, e)
	if err != nil {
		return err
	}
	if e.Kind == store.Folder {
		if err := t.adoptFrom(ctx, e); err != nil {
			return err
		}
		if err := t.eachEntry(ctx, `DELETE FROM tbl_user_file`, nil, groupMembers, []any{e.id}); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, `DELETE FROM tbl_user_file WHERE id = ?`, e.id); err != nil {
		return err
	}
	if _, err := t.nextChange(ctx, e.User); err != nil {
		return err
	}
	if err := t.discharge(ctx, e.User, refs.size); err != nil {
		return err
	}
	return t.dropRefs(ctx, refs.count, now)
}

// adoptFrom gives what is in the trash by itself, in a folder that will be purged, to the folder in which that one lies:
// the row that knows the path above it goes.
func (t tx) adoptFrom(ctx context.Context, e row) error {
	folders, err := t.trashedFolders(ctx, e.User, []int64{e.id})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(folders, batch) {
		list, args := in(idsOf(some), e.parent, e.User)
		err := t.eachEntry(ctx, `UPDATE tbl_user_file SET parent_id = ?, trash_root = id`, args[:1],
			`user_id = ? AND parent_id IN `+list+` AND alive IS NULL AND +deleted_at IS NOT NULL`, args[1:])
		if err != nil {
			return err
		}
	}
	return nil
}

// refs are the references of many entries.
type refs struct {
	count map[int64]int64 // by content
	size  int64           // bytes charged for them
}

// refsOf returns the references of a listed entry of the trash and of its group.
func (t tx) refsOf(ctx context.Context, e row) (refs, error) {
	r := refs{count: map[int64]int64{}}
	if e.Kind == store.File {
		r.count[e.Content.ID], r.size = 1, e.Content.Sums.Size
		return r, nil
	}
	scan := func(s scanner) (struct{}, error) {
		var content, n, size int64
		err := s.Scan(&content, &n, &size)
		r.count[content] = n
		r.size += size
		return struct{}{}, err
	}
	_, err := all(ctx, t, scan, `SELECT content_id, COUNT(*), SUM(file_size) FROM tbl_user_file
		WHERE `+groupMembers+` AND content_id IS NOT NULL GROUP BY content_id`, e.id)
	return r, err
}

// dropRefs takes references from contents and removes those that have none left.
func (t tx) dropRefs(ctx context.Context, count map[int64]int64, now time.Time) error {
	if err := t.lockContents(ctx, slices.Sorted(maps.Keys(count))); err != nil {
		return err
	}
	byCount := map[int64][]int64{}
	for id, n := range count {
		byCount[n] = append(byCount[n], id)
	}
	for n, ids := range byCount {
		slices.Sort(ids)
		for some := range slices.Chunk(ids, batch) {
			list, args := in(some, n, n)
			_, err := t.exec(ctx, `UPDATE tbl_file SET ref_count = CASE WHEN ref_count > ? THEN ref_count - ? ELSE 0 END
				WHERE id IN `+list, args...)
			if err != nil {
				return err
			}
			if err := t.dropUnused(ctx, some, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockContents locks contents in the order of their numbers, so that two who drop the same ones wait for each other instead
// of standing in each other's way.
func (t tx) lockContents(ctx context.Context, ids []int64) error {
	if t.db.dialect.oneWriter {
		return nil
	}
	for some := range slices.Chunk(ids, batch) {
		list, args := in(some)
		rows, err := t.QueryContext(ctx, `SELECT id FROM tbl_file WHERE id IN `+list+` ORDER BY id`+t.db.dialect.forUpdate, args...)
		if err != nil {
			return err
		}
		if err := rows.Close(); err != nil {
			return err
		}
	}
	return nil
}

// TrashedBefore implements store.EntryTrash.
func (db *DB) TrashedBefore(ctx context.Context, before time.Time, limit int) ([]store.Entry, error) {
	rows, err := list(ctx, db, scanRow, `SELECT `+entryColumns+fromEntries+`
		WHERE e.deleted_at < ? ORDER BY e.deleted_at, e.id LIMIT ?`, micros(before), limit)
	if err != nil {
		return nil, fmt.Errorf("trashed before: %w", err)
	}
	return entriesOf(rows), nil
}

func entriesOf(rows []row) []store.Entry {
	es := make([]store.Entry, len(rows))
	for i, r := range rows {
		es[i] = r.Entry
	}
	return es
}
