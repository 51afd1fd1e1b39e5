package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Restore implements store.EntryTrash.
func (db *DB) Restore(ctx context.Context, user store.UserID, id store.EntryID, now time.Time) (store.Entry, error) {
	var e row
	err := db.write(ctx, func(ctx context.Context, t tx) (err error) {
		if err := t.lockUser(ctx, user); err != nil {
			return err
		}
		if e, err = t.ownEntry(ctx, user, id); err != nil {
			return err
		}
		switch {
		case e.group != 0:
			e, err = t.restore(ctx, e, now)
		case e.Status == store.EntryNormal && e.Kind == store.Folder:
			err = t.restoreRest(ctx, e, now)
		default:
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return store.Entry{}, fmt.Errorf("restore %s: %w", id, err)
	}
	return e.Entry, nil
}

// restore makes a trashed entry and what is in its group below it visible. The caller has locked the user.
func (t tx) restore(ctx context.Context, e row, now time.Time) (row, error) {
	if err := t.separate(ctx, e); err != nil {
		return e, err
	}
	if err := t.showBelow(ctx, e); err != nil {
		return e, err
	}
	parent, err := t.restoreParent(ctx, e, now)
	if err != nil {
		return e, err
	}
	name, err := t.freeName(ctx, e.User, parent, e.Name, e.Kind)
	if err != nil {
		return e, err
	}
	return t.place(ctx, e, parent, name, now)
}

// showBelow makes the group of a listed folder visible, but for the folder itself. No name is taken: nothing was put into
// a hidden folder.
func (t tx) showBelow(ctx context.Context, e row) error {
	if e.Kind != store.Folder {
		return nil
	}
	seq, err := t.nextChange(ctx, e.User)
	if err != nil {
		return err
	}
	return t.eachEntry(ctx, `UPDATE tbl_user_file SET status = 0, alive = 1, trash_root = NULL, revision = revision + 1,
		change_seq = ?`, []any{seq}, groupMembers+` AND id <> ?`, []any{e.id, e.id})
}

// separate makes a trashed folder that is part of a larger group, and all below it, a group of its own.
func (t tx) separate(ctx context.Context, e row) error {
	if e.Kind != store.Folder || e.group == e.id {
		return nil
	}
	if err := t.regroup(ctx, e.User, []int64{e.id}); err != nil {
		return err
	}
	_, err := t.exec(ctx, `UPDATE tbl_user_file SET trash_root = id, deleted_at = ? WHERE id = ?`, micros(e.Deleted), e.id)
	return err
}

// restoreParent returns the folder that an entry from the trash goes back to. Folders on the way that are in the trash are
// restored without their other contents, except that a visible folder that has taken the path of one of them is used in
// its place. It is the root if the folder was purged, or if the entry would lie too deep by now.
func (t tx) restoreParent(ctx context.Context, e row, now time.Time) (int64, error) {
	way, err := t.wayUp(ctx, e.parent)
	if err != nil {
		return 0, err
	}
	hidden := slices.IndexFunc(way, func(f row) bool { return f.group == 0 })
	if hidden < 0 {
		hidden = len(way)
	}
	if slices.ContainsFunc(way[hidden:], func(f row) bool { return f.Status != store.EntryNormal }) {
		return 0, nil
	}
	if fits, err := t.fits(ctx, e, len(way)); err != nil || !fits {
		return 0, err
	}
	var at int64
	if hidden < len(way) {
		at = way[hidden].id
	}
	return t.restoreWay(ctx, way[:hidden], at, now)
}

// restoreWay restores folders, each of which lies in the next and the last in the visible folder at, and returns the
// number of the first, or of the visible folder that has taken its path.
func (t tx) restoreWay(ctx context.Context, way []row, at int64, now time.Time) (int64, error) {
	for ; len(way) > 0; way = way[:len(way)-1] {
		top := way[len(way)-1]
		there, err := t.child(ctx, top.User, at, top.Name)
		if errors.Is(err, store.ErrNotFound) || err == nil && there.kind != kindFolder {
			break
		} else if err != nil {
			return 0, err
		}
		at = there.id
	}
	if len(way) == 0 {
		return at, nil
	}
	for i, f := range way { // from below: what is left behind in a folder does not include the one on the way
		parent, name := f.parent, f.Name
		var err error
		if i == len(way)-1 {
			parent = at
			if name, err = t.freeName(ctx, f.User, at, name, f.Kind); err != nil {
				return 0, err
			}
		}
		if err := t.leaveBehind(ctx, f); err != nil {
			return 0, err
		}
		if _, err := t.place(ctx, f, parent, name, now); err != nil {
			return 0, err
		}
	}
	return way[0].id, nil
}

// leaveBehind makes what a folder holds of its group listed entries of the trash, since the folder is restored without it.
// They keep the time at which they were deleted, and remember the folder that was deleted then.
func (t tx) leaveBehind(ctx context.Context, f row) error {
	const here = `user_id = ? AND parent_id = ? AND alive IS NULL AND +trash_root = ? AND +deleted_at IS NULL`
	args := []any{f.User, f.id, f.group}
	scan := func(s scanner) (id int64, err error) {
		err = s.Scan(&id)
		return id, err
	}
	folders, err := all(ctx, t, scan, `SELECT id FROM tbl_user_file`+t.db.dialect.by("ix_folder_name")+
		` WHERE `+here+` AND kind = 0`, args...)
	if err != nil {
		return err
	}
	if err := t.regroup(ctx, f.User, folders); err != nil {
		return err
	}
	return t.eachEntry(ctx, `UPDATE tbl_user_file SET trash_root = ?, deleted_at = ?`, []any{f.origin, micros(f.Deleted)},
		here, args)
}

// regroup makes each of some trashed folders that are part of larger groups the head of a group of what is below it. The
// folders' own rows are left to the caller.
func (t tx) regroup(ctx context.Context, user store.UserID, tops []int64) error {
	for some := range slices.Chunk(tops, batch) {
		folders, err := t.trashedFolders(ctx, user, some)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(folders, batch) {
			to, set := headOf(part)
			list, args := in(idsOf(part), user)
			args = append(args, part[0].group)
			err := t.eachEntry(ctx, `UPDATE tbl_user_file SET trash_root = `+to, set, `user_id = ? AND parent_id IN `+list+
				` AND alive IS NULL AND +trash_root = ? AND +deleted_at IS NULL`, args)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// headOf is the new group of what lies in each of some folders, as an expression and its arguments.
func headOf(folders []trashedFolder) (string, []any) {
	if !slices.ContainsFunc(folders, func(f trashedFolder) bool { return f.top != folders[0].top }) {
		return `?`, []any{folders[0].top}
	}
	var args []any
	for _, f := range folders {
		args = append(args, f.id, f.top)
	}
	return `CASE parent_id` + strings.Repeat(` WHEN ? THEN ?`, len(folders)) + ` END`, args
}
