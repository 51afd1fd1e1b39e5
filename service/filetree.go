package service

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/text/unicode/norm"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	// DefaultMaxCopy is how many entries one copy makes at most: it is one transaction, for which others wait.
	DefaultMaxCopy = 10_000
	// maxEntries is how many entries a user who copies may have: what has no bytes is charged nothing, and is a row all the same.
	maxEntries = 1_000_000
	// searchScan is how many names one page of a search looks at, so that no question keeps the drive busy for long.
	searchScan = 50_000
	// copiesAtOnce and searchesAtOnce are of all users together; each user has one: others write between two copies, and most
	// connections that read are left to other questions.
	copiesAtOnce   = 1
	searchesAtOnce = 2
)

// A CopyRequest says where a copy is to be.
type CopyRequest struct {
	Folder *store.Path // made where it is missing; nil: where the original is
	Name   string      // empty: the original's
	Clash  store.Clash // empty: rename
}

// Copy makes another entry of the same content, or another folder with all that is in the original, and says how many
// entries that are. No bytes move, and all of it is made or nothing. TooLarge: more than MaxCopy entries. QuotaExceeded.
func (s *Files) Copy(ctx context.Context, user store.UserID, ref Ref, req CopyRequest) (Item, int, error) {
	if req.Name != "" {
		var err error
		if req.Name, err = CleanName(req.Name); err != nil {
			return Item{}, 0, err
		}
	}
	e, err := s.entry(ctx, user, ref)
	if err != nil {
		return Item{}, 0, err
	}
	leave, err := s.copying.enter(ctx, user, copiesAtOnce)
	if err != nil {
		return Item{}, 0, fmt.Errorf("copy: %w", err)
	}
	defer leave()
	made, n, err := s.Trees.CopyEntry(ctx, user, e.ID, store.CopyTo{
		Folder: req.Folder, Name: req.Name, Clash: req.Clash, Revision: ref.Revision, Limit: s.maxCopy(), Most: maxEntries, When: s.now(),
	})
	if err != nil {
		return Item{}, 0, s.copyError(err)
	}
	item, err := s.Locate(ctx, user, made)
	return item, n, err
}

func (s *Files) maxCopy() int { return orDefault(s.MaxCopy, DefaultMaxCopy) }

func (s *Files) copyError(err error) error {
	switch {
	case errors.Is(err, store.ErrTooMany):
		msg := fmt.Sprintf("cannot copy more than %d entries at once", s.maxCopy())
		return &Error{Kind: TooLarge, Msg: msg, Cause: err}
	case errors.Is(err, store.ErrInvalid):
		msg := fmt.Sprintf("cannot copy an entry into itself, onto itself, or deeper than %d folders", store.MaxDepth)
		return &Error{Kind: Invalid, Msg: msg, Cause: err}
	}
	return fileError("copy", err)
}

// A SearchQuery asks for one page of the entries whose names contain a text, whatever the case of their letters.
type SearchQuery struct {
	Text   string
	Folder store.Path // only what is in this folder, at whatever depth; the root: everything
	Sort   store.Sort // by name, or newest first; empty: by name. Folders come first
	Order  Order
	Cursor string
	Limit  int // 0: DefaultPage; more than MaxPage is MaxPage
}

// Search returns a page and the cursor from which the search goes on, empty where it is over. A page may be short, or
// empty, and yet have a cursor.
func (s *Files) Search(ctx context.Context, user store.UserID, q SearchQuery) ([]Item, string, error) {
	query := store.Search{User: user, Text: norm.NFC.String(q.Text), Sort: q.Sort, Cursor: q.Cursor, Limit: min(q.Limit, MaxPage), Scan: searchScan}
	if query.Limit == 0 {
		query.Limit = DefaultPage
	}
	if query.Sort == "" {
		query.Sort = store.ByName
	}
	switch {
	case query.Text == "":
		return nil, "", errorf(Invalid, "parameter query is required")
	case query.Limit < 0:
		return nil, "", errorf(Invalid, "limit must not be negative")
	case query.Sort != store.ByName && query.Sort != store.Newest:
		return nil, "", errorf(Invalid, "sort must be name or newest")
	}
	var err error
	if query.Back, err = q.Order.back(naturalOrder(query.Sort)); err != nil {
		return nil, "", err
	}
	if len(q.Folder) > 0 {
		e, err := s.Entries.EntryAt(ctx, user, q.Folder)
		if err != nil {
			return nil, "", fileError("search", err)
		}
		query.Below = e.ID
	}
	leave, err := s.searching.enter(ctx, user, searchesAtOnce)
	if err != nil {
		return nil, "", fmt.Errorf("search: %w", err)
	}
	defer leave()
	entries, next, err := s.Trees.SearchEntries(ctx, query)
	if errors.Is(err, store.ErrInvalid) {
		return nil, "", &Error{Kind: Invalid, Msg: "the cursor does not belong to this search", Cause: err}
	}
	if err != nil {
		return nil, "", fileError("search", err)
	}
	items, err := s.locateAll(ctx, user, entries)
	return items, next, err
}

// Moving reports whether a file's bytes are on their way to an object store.
func (s *Files) Moving(ctx context.Context, e store.Entry) (bool, error) {
	if e.Kind != store.File || s.Moves == nil {
		return false, nil
	}
	moving, err := s.Moves.Moving(ctx, e.Content.Sums.Digest)
	if err != nil {
		return false, fileError("find transfer", err)
	}
	return moving, nil
}
