package store

import (
	"context"
	"time"
)

// A CopyTo says where CopyEntry is to put a copy.
type CopyTo struct {
	Folder   *Path  // made where it is missing; nil: the folder that the original is in
	Name     string // empty: the original's
	Clash    Clash  // empty: ClashRename
	Revision int64  // which the original must have; 0 is any
	Limit    int    // of entries, the copy itself included; more than 0
	Most     int    // entries that the user may have then, the trash included; 0: any number
	When     time.Time
}

// A Search asks for one page of the user's visible entries whose names contain a text.
type Search struct {
	User   UserID
	Text   string  // compared as FoldName writes it and the name
	Below  EntryID // only what is in this folder, at whatever depth; empty: everything
	Sort   Sort    // ByName or Newest; folders come before files in both
	Back   bool    // the other way round, as in a Query
	Cursor string
	Limit  int // entries on the page, more than 0
	Scan   int // names that are looked at for it, more than 0
}

// EntryTrees works on many entries at once. All methods take the owner: somebody else's entry is ErrNotFound.
type EntryTrees interface {
	// CopyEntry makes another entry of the same content, or another folder with all that is visible in the original, and
	// says how many entries that are. No bytes move: contents get references, and the user is charged for each, all in
	// one transaction, durable when it returns. The copies are as new, but keep the client's mtime. ErrTooMany: more than
	// the limit. ErrQuota, also where the user would have more than Most. ErrNotFound: no such original. ErrExists: the name
	// is taken, see Clash. ErrInTheWay: a file is where the folder should be. ErrInvalid: a folder into itself or below
	// itself, too deep, or with ClashReplace in the place of the original. ErrConflict: the original has another revision.
	CopyEntry(ctx context.Context, user UserID, id EntryID, to CopyTo) (Entry, int, error)
	// EntriesBelow returns all that is visible in a folder, at whatever depth, a folder before what is in it. It is one state
	// of the tree. ErrNotFound: no such folder. ErrTooMany: more than limit.
	EntriesBelow(ctx context.Context, user UserID, folder EntryID, limit int) ([]Entry, error)
	// SearchEntries returns a page in order, and the cursor from which to go on, empty where all names were looked at. A
	// page may be short, or empty, and yet have a cursor: where Scan names held no more. ErrInvalid: no text, another
	// order, or a bad cursor. ErrNotFound: no such folder.
	SearchEntries(ctx context.Context, q Search) ([]Entry, string, error)
}

// Savings counts the bytes that users did not have to send, in User.Saved. Entries.LinkContent counts there too, in
// its own transaction.
type Savings interface {
	// Resumed records that a client who went on with an open upload found so many bytes of it held. Each byte of
	// an upload counts once, however often it is resumed. ErrNotFound: there is no such open upload.
	Resumed(ctx context.Context, id UploadID, held int64) error
}

// Moves tells of contents on their way to an object store.
type Moves interface {
	// Moving reports whether a content has a transfer job that is not given up.
	Moving(ctx context.Context, d Digest) (bool, error)
}
