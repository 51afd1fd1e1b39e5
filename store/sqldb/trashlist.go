package sqldb

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/blinkdrive/blinkdrive/store"
)

// ownEntry reads a user's entry in whatever state. ErrNotFound.
func (t tx) ownEntry(ctx context.Context, user store.UserID, id store.EntryID) (row, error) {
	return first(ctx, t, scanRow, `SELECT `+entryColumns+fromEntries+`WHERE e.entry_id = ? AND e.user_id = ?`, string(id), user)
}

// wayUp returns a folder, in whatever state, and those above it, upwards. The root's number 0 gives nothing.
func (t tx) wayUp(ctx context.Context, id int64) ([]row, error) {
	return all(ctx, t, scanRow, `WITH RECURSIVE up (id, n) AS (
			SELECT id, 0 FROM tbl_user_file WHERE id = ?
			UNION ALL
			SELECT f.parent_id, up.n + 1 FROM up CROSS JOIN tbl_user_file f ON f.id = up.id
		) SELECT `+entryColumns+` FROM up CROSS JOIN tbl_user_file e ON e.id = up.id`+joinEntries+`ORDER BY up.n`, id)
}

// A trashedFolder is one of those below the folder top in its group, or that one itself.
type trashedFolder struct {
	id, top, group int64
	depth          int // below top
}

func idsOf(folders []trashedFolder) []int64 {
	ids := make([]int64, len(folders))
	for i, f := range folders {
		ids[i] = f.id
	}
	return ids
}

// trashedFolders returns those of some trashed entries that are folders, and the folders below each in its group. There are
// no more than batch tops.
func (t tx) trashedFolders(ctx context.Context, user store.UserID, tops []int64) ([]trashedFolder, error) {
	if len(tops) == 0 {
		return nil, nil
	}
	scan := func(s scanner) (f trashedFolder, err error) {
		err = s.Scan(&f.id, &f.top, &f.group, &f.depth)
		return f, err
	}
	list, args := in(tops)
	return all(ctx, t, scan, t.db.dialect.trashDescent(list)+`SELECT id, top, grp, n FROM down`, append(args, user)...)
}

// trashDescent begins a query with the table down: trashed folders, by a list of their numbers, and the folders below each
// in its group, with the user as the last argument. As in descent, the way is from each folder to those in it.
func (d dialect) trashDescent(list string) string {
	return `WITH RECURSIVE down (id, top, grp, n) AS (
			SELECT id, id, CASE WHEN deleted_at IS NULL THEN trash_root ELSE id END, 0 FROM tbl_user_file
			WHERE id IN ` + list + ` AND kind = 0
			UNION ALL
			SELECT f.id, down.top, down.grp, down.n + 1 FROM down CROSS JOIN tbl_user_file f` + d.by("ix_folder_name") + `
			ON f.parent_id = down.id WHERE f.user_id = ? AND f.alive IS NULL AND f.kind = 0 AND +f.trash_root = down.grp
			AND +f.deleted_at IS NULL
		) `
}

// weigh sets the TrashSize of the folders among trashed entries.
func (t tx) weigh(ctx context.Context, user store.UserID, rows []row) error {
	var ids []int64
	for _, e := range rows {
		if e.Kind == store.Folder {
			ids = append(ids, e.id)
		}
	}
	sizes := map[int64]int64{}
	scan := func(s scanner) (struct{}, error) {
		var top, size int64
		err := s.Scan(&top, &size)
		sizes[top] = size
		return struct{}{}, err
	}
	for some := range slices.Chunk(ids, batch) {
		list, args := in(some)
		_, err := all(ctx, t, scan, t.db.dialect.trashDescent(list)+`SELECT down.top, SUM(f.file_size) FROM down
			CROSS JOIN tbl_user_file f`+t.db.dialect.by("ix_folder_name")+` ON f.parent_id = down.id
			WHERE f.user_id = ? AND f.alive IS NULL AND +f.trash_root = down.grp AND +f.deleted_at IS NULL
			GROUP BY down.top`, append(args, user, user)...)
		if err != nil {
			return err
		}
	}
	for i := range rows {
		rows[i].TrashSize = sizes[rows[i].id]
	}
	return nil
}

// inTrashedFolder is the condition that the entries meet that the trash shows in a folder: those that go with it, or, if it
// is visible, those that were left when it was restored.
func (t tx) inTrashedFolder(ctx context.Context, user store.UserID, folder store.EntryID) (segment, error) {
	f, err := t.ownEntry(ctx, user, folder)
	if err != nil {
		return segment{}, err
	}
	here := []any{user, f.id}
	switch {
	case f.Kind != store.Folder:
		return segment{}, store.ErrNotFound
	case f.group != 0:
		return segment{partOfFolder, here}.and(`+e.trash_root = ?`, f.group), nil
	case f.Status == store.EntryNormal:
		return segment{leftOfFolder, here}, nil
	}
	return segment{}, store.ErrNotFound
}

// The conditions of listings in a folder of the trash. The pluses leave SQLite the one index that has their order.
const (
	partOfFolder = `e.user_id = ? AND e.alive IS NULL AND e.parent_id = ? AND +e.deleted_at IS NULL`
	leftOfFolder = `e.user_id = ? AND e.alive IS NULL AND e.parent_id = ? AND +e.deleted_at IS NOT NULL AND +e.trash_root <> e.id`
)

// TrashedByDigest implements store.EntryTrash. No index has a content's entries in the order of deletion, so they are all
// looked at.
func (db *DB) TrashedByDigest(ctx context.Context, user store.UserID, d store.Digest) (store.Entry, error) {
	type candidate struct {
		id, seq int64
		listed  bool
		deleted int64
	}
	var e row
	err := db.read(ctx, func(ctx context.Context, t tx) (err error) {
		var last candidate
		scan := func(s scanner) (struct{}, error) {
			var c candidate
			err := s.Scan(&c.id, &c.seq, &c.listed, &c.deleted)
			if newer := cmp.Or(cmp.Compare(c.deleted, last.deleted), cmp.Compare(c.seq, last.seq)) > 0; last.id == 0 ||
				c.listed && !last.listed || c.listed == last.listed && newer {
				last = c
			}
			return struct{}{}, err
		}
		_, err = all(ctx, t, scan, `SELECT e.id, e.seq, e.deleted_at IS NOT NULL, COALESCE(e.deleted_at, r.deleted_at, 0)
			FROM tbl_user_file e LEFT JOIN tbl_user_file r ON r.id = e.trash_root
			WHERE e.content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?) AND e.user_id = ? AND e.alive IS NULL
			AND +e.trash_root IS NOT NULL`, d.String(), user)
		if err != nil {
			return err
		}
		e, err = t.entry(ctx, last.id)
		return err
	})
	if err != nil {
		return store.Entry{}, fmt.Errorf("trashed entry of %s: %w", d, err)
	}
	return e.Entry, nil
}

// PathsOf implements store.EntryTrash.
func (db *DB) PathsOf(ctx context.Context, user store.UserID, ids []store.EntryID) (map[store.EntryID]store.Path, error) {
	type step struct {
		of   store.EntryID
		name string
	}
	scan := func(s scanner) (st step, err error) {
		err = s.Scan(&st.of, &st.name)
		return st, err
	}
	var paths map[store.EntryID]store.Path
	err := db.read(ctx, func(ctx context.Context, t tx) error {
		paths = map[store.EntryID]store.Path{}
		for some := range slices.Chunk(ids, batch) {
			list, args := in(some)
			steps, err := all(ctx, t, scan, `WITH RECURSIVE up (start, id, n) AS (
					SELECT id, id, 0 FROM tbl_user_file WHERE entry_id IN `+list+` AND user_id = ?
					UNION ALL
					SELECT up.start, f.parent_id, up.n + 1 FROM up CROSS JOIN tbl_user_file f ON f.id = up.id
				) SELECT s.entry_id, e.file_name FROM up CROSS JOIN tbl_user_file e ON e.id = up.id
				JOIN tbl_user_file s ON s.id = up.start ORDER BY up.n DESC`, append(args, user)...)
			if err != nil {
				return err
			}
			for _, st := range steps {
				paths[st.of] = append(paths[st.of], st.name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("paths: %w", err)
	}
	return paths, nil
}
