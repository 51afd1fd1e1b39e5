package sqldb

import (
	"context"
	"errors"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A nameRequest is the name that a new, copied or moved entry asks for in a folder.
type nameRequest struct {
	user   store.UserID
	folder int64
	name   string
	kind   store.EntryKind // of the entry that asks
	clash  store.Clash     // not empty
	when   time.Time
}

// resolveName returns the name that the entry gets: the wanted one if it is free, else what resolveConflict decides.
func (t tx) resolveName(ctx context.Context, r nameRequest) (string, error) {
	taken, err := t.child(ctx, r.user, r.folder, r.name)
	if errors.Is(err, store.ErrNotFound) {
		return r.name, nil
	} else if err != nil {
		return "", err
	}
	return t.resolveConflict(ctx, r, taken)
}

// resolveConflict decides what happens when another visible entry has the wanted name. It is the only place that does,
// whether the entry comes by upload, instant upload, rename, move or copy.
//
// Replace is for a file in the place of a file. A folder neither replaces nor is replaced: whoever says replace means one
// file, and would lose a tree. store.ErrExists, as a *store.ReplaceError if replace was asked for.
func (t tx) resolveConflict(ctx context.Context, r nameRequest, taken spot) (string, error) {
	switch r.clash {
	case store.ClashRename:
		return t.freeName(ctx, r.user, r.folder, r.name, r.kind)
	case store.ClashReplace:
		if old := entryKind(taken.kind); old == store.Folder || r.kind == store.Folder {
			return "", &store.ReplaceError{Old: old, New: r.kind}
		}
		return r.name, t.trashSpot(ctx, taken, r.when)
	default:
		return "", store.ErrExists
	}
}
