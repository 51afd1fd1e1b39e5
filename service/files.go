package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Files shows and changes a user's tree of files and folders. Somebody else's entry is not found.
type Files struct {
	Entries store.Entries
	Changes store.EntryChanges
	Trees   store.EntryTrees
	Moves   store.Moves      // nil: nothing is moved
	Now     func() time.Time // nil: time.Now
	// TrashTTL is how long the trash keeps an entry, as the Sweeper has it: 0 is 30 days, less than 0 for ever.
	TrashTTL time.Duration
	MaxCopy  int // entries that one copy makes at most; 0: DefaultMaxCopy

	copying, searching narrow
}

// An Item is an entry with its path. That of an entry in the trash is where it was, as far as its folders still exist.
type Item struct {
	store.Entry
	Path    store.Path
	Expires time.Time // when it will be purged from the trash; zero: never
}

// A Ref names an entry: by ID exactly one, by digest the user's newest visible file with that content. With both, the
// entry must have the content.
type Ref struct {
	ID       store.EntryID
	Digest   store.Digest
	Revision int64 // which the entry must have to be changed, else Conflict; 0 is any
}

// IsZero reports whether nothing is named.
func (r Ref) IsZero() bool { return r.ID == "" && r.Digest.IsZero() }

func (s *Files) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Find returns a visible entry.
func (s *Files) Find(ctx context.Context, user store.UserID, ref Ref) (Item, error) {
	e, err := s.entry(ctx, user, ref)
	if err != nil {
		return Item{}, err
	}
	return s.Locate(ctx, user, e)
}

// FindPath returns the visible entry at a path. The empty path is the root, whose Item has no ID.
func (s *Files) FindPath(ctx context.Context, user store.UserID, p store.Path) (Item, error) {
	if len(p) == 0 {
		return Item{Entry: store.Entry{User: user, Kind: store.Folder}}, nil
	}
	e, err := s.Entries.EntryAt(ctx, user, p)
	if err != nil {
		return Item{}, fileError("find", err)
	}
	return Item{Entry: e, Path: p}, nil
}

func (s *Files) entry(ctx context.Context, user store.UserID, ref Ref) (e store.Entry, err error) {
	switch {
	case ref.ID != "":
		e, err = s.Entries.Entry(ctx, user, ref.ID)
		if err == nil && !ref.Digest.IsZero() && e.Content.Sums.Digest != ref.Digest {
			err = store.ErrNotFound
		}
	case !ref.Digest.IsZero():
		e, err = s.Entries.EntryByDigest(ctx, user, ref.Digest)
	default:
		return e, errorf(Invalid, "parameter id or filehash is required")
	}
	if err != nil {
		return e, fileError("find", err)
	}
	return e, nil
}

// Locate adds the path to a visible entry.
func (s *Files) Locate(ctx context.Context, user store.UserID, e store.Entry) (Item, error) {
	folder, err := s.Entries.PathOf(ctx, user, e.Parent)
	if err != nil {
		return Item{}, fileError("locate", err)
	}
	return Item{Entry: e, Path: below(folder, e.Name)}, nil
}

func below(folder store.Path, name string) store.Path {
	return append(folder[:len(folder):len(folder)], name)
}

// A Change says what Rename and Move change of an entry. What is zero stays as it is.
type Change struct {
	Name     string
	Modified time.Time   // the client's mtime
	Clash    store.Clash // what to do if the name is taken; empty: NameTaken
}

// Rename gives an entry another name in its folder, or another modification time, or both. Invalid: neither is named.
func (s *Files) Rename(ctx context.Context, user store.UserID, ref Ref, c Change) (Item, error) {
	name := c.Name
	if name != "" || c.Modified.IsZero() {
		var err error
		if name, err = CleanName(name); err != nil {
			return Item{}, err
		}
	}
	e, err := s.entry(ctx, user, ref)
	if err != nil {
		return Item{}, err
	}
	if name == "" {
		name = e.Name
	}
	return s.move(ctx, e, store.NewPlace{Parent: e.Parent, Name: name, Clash: c.Clash, Revision: ref.Revision, Modified: c.Modified})
}

// Move moves an entry to a folder, which is created if it is missing, and changes what c names. A move that is refused
// creates no folder.
func (s *Files) Move(ctx context.Context, user store.UserID, ref Ref, folder store.Path, c Change) (Item, error) {
	e, err := s.entry(ctx, user, ref)
	if err != nil {
		return Item{}, err
	}
	name := e.Name
	if c.Name != "" {
		if name, err = CleanName(c.Name); err != nil {
			return Item{}, err
		}
	}
	return s.move(ctx, e, store.NewPlace{Folder: &folder, Name: name, Clash: c.Clash, Revision: ref.Revision, Modified: c.Modified})
}

func (s *Files) move(ctx context.Context, e store.Entry, to store.NewPlace) (Item, error) {
	to.When = s.now()
	moved, err := s.Changes.Move(ctx, e.User, e.ID, to)
	if errors.Is(err, store.ErrInvalid) {
		return Item{}, &Error{Kind: Invalid, Msg: fmt.Sprintf("cannot move a folder into itself, or deeper than %d folders", store.MaxDepth), Cause: err}
	}
	if err != nil {
		return Item{}, fileError("move", err)
	}
	return s.Locate(ctx, e.User, moved)
}

// Trash hides an entry, and all below it, until it is restored or purged.
func (s *Files) Trash(ctx context.Context, user store.UserID, ref Ref) error {
	e, err := s.entry(ctx, user, ref)
	if err != nil {
		return err
	}
	if err := s.Changes.Trash(ctx, user, e.ID, ref.Revision, s.now()); err != nil {
		return fileError("delete", err)
	}
	return nil
}

// Restore makes an entry of the trash visible where it was, as store.EntryTrash says, also if it is part of a folder there;
// by digest, the file that was deleted last. Of a visible folder it restores what is left in the trash.
func (s *Files) Restore(ctx context.Context, user store.UserID, ref Ref) (Item, error) {
	id, err := s.trashed(ctx, user, ref)
	if err != nil {
		return Item{}, err
	}
	e, err := s.Changes.Restore(ctx, user, id, s.now())
	if err != nil {
		return Item{}, fileError("restore", err)
	}
	return s.Locate(ctx, user, e)
}

// Purge removes an entry from the trash permanently, also if it is part of a folder there.
func (s *Files) Purge(ctx context.Context, user store.UserID, ref Ref) error {
	id, err := s.trashed(ctx, user, ref)
	if err != nil {
		return err
	}
	if err := s.Changes.Purge(ctx, user, id, s.now()); err != nil {
		return fileError("purge", err)
	}
	return nil
}

// EmptyTrash purges all that is in the trash and says how many entries that were.
func (s *Files) EmptyTrash(ctx context.Context, user store.UserID) (int, error) {
	purged := 0
	for {
		entries, _, err := s.Entries.List(ctx, store.Query{User: user, Trash: true, Limit: MaxPage})
		if err != nil {
			return purged, fileError("empty the trash", err)
		}
		before := purged
		for _, e := range entries {
			err := s.Changes.PurgeUnchanged(ctx, e, s.now())
			// Restored, and perhaps deleted again, or purged by another call.
			if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
				return purged, fileError("empty the trash", err)
			}
			if err == nil {
				purged++
			}
		}
		if len(entries) < MaxPage || purged == before {
			return purged, nil
		}
	}
}

// trashed returns the ID of an entry in the trash.
func (s *Files) trashed(ctx context.Context, user store.UserID, ref Ref) (store.EntryID, error) {
	if ref.ID != "" {
		return ref.ID, nil
	}
	if ref.Digest.IsZero() {
		return "", errorf(Invalid, "parameter id or filehash is required")
	}
	e, err := s.Changes.TrashedByDigest(ctx, user, ref.Digest)
	if err != nil {
		return "", fileError("find in the trash", err)
	}
	return e.ID, nil
}

// MakeFolder makes a folder and its parents; one that is there is as good. The empty path is the root, whose Item has
// no ID. InTheWay.
func (s *Files) MakeFolder(ctx context.Context, user store.UserID, p store.Path) (Item, error) {
	id, err := s.Entries.MakeFolder(ctx, user, p, s.now())
	if err != nil {
		return Item{}, fileError("create folder", err)
	}
	if id == "" {
		return s.FindPath(ctx, user, nil)
	}
	return s.Find(ctx, user, Ref{ID: id})
}

// fileError explains an error of the stores and says in the log what was tried.
func fileError(what string, err error) error { return explain(fmt.Errorf("%s: %w", what, err)) }
