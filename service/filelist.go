package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Pages of lists.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// A ListQuery asks for one page of a list.
type ListQuery struct {
	Folder *store.Path // the entries of this folder; nil: all of the user's files, in whatever folder
	Trash  bool        // what the trash lists, deleted last first; Folder is ignored
	// TrashFolder, with Trash: by name, what the trash holds of this folder, which is in the trash itself or was restored
	// in part.
	TrashFolder store.EntryID
	Sort        store.Sort // empty: by name in a folder, newest first otherwise
	Order       Order
	Cursor      string // as the page before returned it
	Limit       int    // 0: DefaultPage; more than MaxPage is MaxPage
}

// An Order is the direction of a list. Where none is given, names rise, and sizes and times fall.
type Order string

// The directions. Folders stay before files in both.
const (
	Ascending  Order = "asc"
	Descending Order = "desc"
)

// back reports whether it is another direction than the one of its own that a list has.
func (o Order) back(natural Order) (bool, error) {
	switch o {
	case "", natural:
		return false, nil
	case Ascending, Descending:
		return true, nil
	}
	return false, errorf(Invalid, "order must be asc or desc")
}

// naturalOrder is the direction that a sort has where none is given.
func naturalOrder(s store.Sort) Order {
	if s == store.ByName {
		return Ascending
	}
	return Descending
}

// List returns a page and the cursor of the next one, empty on the last.
func (s *Files) List(ctx context.Context, user store.UserID, q ListQuery) ([]Item, string, error) {
	query, err := s.query(ctx, user, q)
	if err != nil {
		return nil, "", err
	}
	entries, next, err := s.Entries.List(ctx, query)
	if errors.Is(err, store.ErrInvalid) {
		return nil, "", &Error{Kind: Invalid, Msg: "the cursor does not belong to this list", Cause: err}
	}
	if err != nil {
		return nil, "", fileError("list", err)
	}
	items, err := s.locateAll(ctx, user, entries)
	return items, next, err
}

// query turns what a user asks into what the store is asked.
func (s *Files) query(ctx context.Context, user store.UserID, q ListQuery) (store.Query, error) {
	out := store.Query{User: user, Trash: q.Trash, Files: q.Folder == nil && !q.Trash, Cursor: q.Cursor,
		Sort: q.Sort, Limit: min(q.Limit, MaxPage)}
	if q.Limit < 0 {
		return out, errorf(Invalid, "limit must not be negative")
	}
	if q.Limit == 0 {
		out.Limit = DefaultPage
	}
	switch q.Sort {
	case "":
		out.Sort = store.Newest
		if q.Folder != nil {
			out.Sort = store.ByName
		}
	case store.ByName, store.BySize, store.ByTime, store.Newest:
	default:
		return out, errorf(Invalid, "sort must be name, size, time or newest")
	}
	natural := naturalOrder(out.Sort)
	if q.Trash {
		natural = Descending
	}
	if q.Trash && q.TrashFolder != "" {
		if q.Sort != "" && q.Sort != store.ByName {
			return out, errorf(Invalid, "sort must be name for a folder in the trash")
		}
		out.Parent, natural = q.TrashFolder, Ascending
	}
	var err error
	if out.Back, err = q.Order.back(natural); err != nil {
		return out, err
	}
	if q.Folder == nil || len(*q.Folder) == 0 || q.Trash {
		return out, nil
	}
	e, err := s.Entries.EntryAt(ctx, user, *q.Folder)
	if err != nil {
		return out, fileError("list", err)
	}
	if e.Kind != store.Folder {
		return out, errorf(NotFound, "folder not found")
	}
	out.Parent = e.ID
	return out, nil
}

// locateAll adds the paths.
func (s *Files) locateAll(ctx context.Context, user store.UserID, entries []store.Entry) ([]Item, error) {
	var folders []store.EntryID
	for _, e := range entries {
		if e.Parent != "" {
			folders = append(folders, e.Parent)
		}
	}
	slices.Sort(folders)
	paths, err := s.Changes.PathsOf(ctx, user, slices.Compact(folders))
	if err != nil {
		return nil, fileError("list", err)
	}
	items := make([]Item, 0, len(entries))
	for _, e := range entries {
		items = append(items, Item{Entry: e, Path: below(paths[e.Parent], e.Name), Expires: s.expires(e)})
	}
	return items, nil
}

// expires returns when an entry in the trash is due to be purged.
func (s *Files) expires(e store.Entry) time.Time {
	if e.Deleted.IsZero() || s.TrashTTL < 0 {
		return time.Time{}
	}
	return e.Deleted.Add(orDefault(s.TrashTTL, defaultTrashTTL))
}
