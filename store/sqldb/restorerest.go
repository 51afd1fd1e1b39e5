package sqldb

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A leftover is a listed entry of the trash that was deleted with a folder, and stayed when that was restored in part.
type leftover struct {
	id, parent int64
	name       string
	folder     bool
	origin     int64
	deleted    int64
}

// restoreRest restores what was deleted with a visible folder, or with a folder around it, and stayed in the trash in the
// folder, at whatever depth, when part of it was restored. What was deleted with a folder further down stays: that folder
// would bring it back.
func (t tx) restoreRest(ctx context.Context, e row, now time.Time) error {
	way, err := t.ancestry(ctx, e.id)
	if err != nil {
		return err
	}
	for {
		depths, err := t.depthsBelow(ctx, e)
		if err != nil {
			return err
		}
		found, err := t.leftovers(ctx, e, depths)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := t.restoreLeftovers(ctx, e.User, found, depths, len(way), now); err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(l leftover) bool { return l.folder }) {
			return nil
		}
	}
}

// depthsBelow returns how deep below a visible folder each visible folder lies, itself included, by number.
func (t tx) depthsBelow(ctx context.Context, e row) (map[int64]int, error) {
	depths := map[int64]int{}
	scan := func(s scanner) (struct{}, error) {
		var id int64
		var n int
		err := s.Scan(&id, &n)
		depths[id] = n
		return struct{}{}, err
	}
	_, err := all(ctx, t, scan, t.db.dialect.descent()+`SELECT id, n FROM down`, e.id, e.User)
	return depths, err
}

// leftovers reads what restoreRest restores, the last deleted first.
func (t tx) leftovers(ctx context.Context, e row, depths map[int64]int) ([]leftover, error) {
	scan := func(s scanner) (l leftover, err error) {
		var kind int
		err = s.Scan(&l.id, &l.parent, &l.name, &kind, &l.origin, &l.deleted)
		l.folder = kind == kindFolder
		return l, err
	}
	folders := make([]int64, 0, len(depths))
	for id := range depths {
		folders = append(folders, id)
	}
	slices.Sort(folders)
	var found []leftover
	for some := range slices.Chunk(folders, batch) {
		list, args := in(some, e.User)
		rows, err := all(ctx, t, scan, `SELECT id, parent_id, file_name, kind, trash_root, deleted_at FROM tbl_user_file`+
			t.db.dialect.by("ix_folder_name")+` WHERE user_id = ? AND parent_id IN `+list+`
			AND alive IS NULL AND +deleted_at IS NOT NULL AND +trash_root <> id`, args...)
		if err != nil {
			return nil, err
		}
		for _, l := range rows {
			if _, further := depths[l.origin]; l.origin == e.id || !further {
				found = append(found, l)
			}
		}
	}
	slices.SortFunc(found, func(a, b leftover) int {
		return cmp.Or(cmp.Compare(b.deleted, a.deleted), cmp.Compare(a.id, b.id))
	})
	return found, nil
}

// restoreLeftovers restores entries into their folders, which are visible. above is how deep the folder lies from which
// depths are counted.
func (t tx) restoreLeftovers(ctx context.Context, user store.UserID, found []leftover, depths map[int64]int, above int, now time.Time) error {
	seq, err := t.nextChange(ctx, user)
	if err != nil {
		return err
	}
	type place struct {
		parent int64
		name   string
	}
	used := map[place]bool{}
	for some := range slices.Chunk(found, batch) {
		awkward, err := t.awkward(ctx, user, some, depths, above)
		if err != nil {
			return err
		}
		var easy, others []int64
		for _, l := range some {
			at := place{l.parent, l.name}
			if awkward[l.id] || used[at] {
				others = append(others, l.id)
				continue
			}
			used[at] = true
			easy = append(easy, l.id)
		}
		if err := t.showGroups(ctx, easy, seq); err != nil {
			return err
		}
		for _, id := range others { // their names are taken, or they lie too deep
			e, err := t.entry(ctx, id)
			if err != nil {
				return err
			}
			if _, err := t.restore(ctx, e, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// awkward finds those of some leftovers that cannot simply be shown where they are: a name is taken, or a folder would reach
// too deep by now.
func (t tx) awkward(ctx context.Context, user store.UserID, some []leftover, depths map[int64]int, above int) (map[int64]bool, error) {
	var ids []int64
	for _, l := range some {
		ids = append(ids, l.id)
	}
	found := map[int64]bool{}
	list, args := in(ids)
	taken := func(s scanner) (struct{}, error) {
		var id int64
		err := s.Scan(&id)
		found[id] = true
		return struct{}{}, err
	}
	_, err := all(ctx, t, taken, `SELECT e.id FROM tbl_user_file e JOIN tbl_user_file v ON v.user_id = e.user_id
		AND v.parent_id = e.parent_id AND v.file_name = e.file_name AND v.alive = 1 WHERE e.id IN `+list, args...)
	if err != nil {
		return nil, err
	}
	folders, err := t.trashedFolders(ctx, user, ids)
	if err != nil {
		return nil, err
	}
	heights := map[int64]int{}
	for _, f := range folders {
		heights[f.top] = max(heights[f.top], f.depth)
	}
	for _, l := range some {
		if l.folder && above+depths[l.parent]+1+heights[l.id] > store.MaxDepth {
			found[l.id] = true
		}
	}
	return found, nil
}

// showGroups makes listed entries and their groups visible where they are.
func (t tx) showGroups(ctx context.Context, ids []int64, seq int64) error {
	if len(ids) == 0 {
		return nil
	}
	const show = `UPDATE tbl_user_file SET status = 0, alive = 1, trash_root = NULL, deleted_at = NULL, revision = revision + 1,
		change_seq = ?`
	list, args := in(ids)
	if err := t.eachEntry(ctx, show, []any{seq}, `trash_root IN `+list+` AND +deleted_at IS NULL`, args); err != nil {
		return err
	}
	return t.eachEntry(ctx, show, []any{seq}, `id IN `+list, args)
}
