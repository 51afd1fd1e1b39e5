package store

import (
	"context"
	"time"
)

// EntryKind is a file or a folder.
type EntryKind string

// The kinds of entry.
const (
	File   EntryKind = "file"
	Folder EntryKind = "folder"
)

// EntryStatus is an entry's state, numbered as in the original schema.
type EntryStatus int

// The states of an entry. Only a normal one is visible. All entries below a trashed folder are trashed with it.
const (
	EntryNormal   EntryStatus = 0
	EntryTrashed  EntryStatus = 1
	EntryDisabled EntryStatus = 2
)

// An Entry is one file or folder in one user's tree.
type Entry struct {
	ID       EntryID
	User     UserID
	Parent   EntryID // empty: the root
	Name     string
	Kind     EntryKind
	Content  Content // of a file, joined; zero for a folder
	Status   EntryStatus
	Modified time.Time // the client's mtime; zero where it named none
	Created  time.Time
	Updated  time.Time // when it was last renamed, moved, trashed, restored, or given another mtime
	Revision int64     // grows by one with each change of the entry
	Change   int64     // the user's change_seq at the last change
	Deleted  time.Time // when it was trashed, or zero
	TrashOf  EntryID   // the entry of the trash that this one comes back with, itself for one that is listed; empty while visible

	TrashSize int64 // of a folder, in a listing of the trash: the bytes charged for what is deleted with it
}

// Sort is an order of entries.
type Sort string

// The orders. Folders come before files in all but Newest. Ties are broken so that a cursor never skips or repeats.
const (
	ByName Sort = "name"   // byte by byte
	BySize Sort = "size"   // largest first
	ByTime Sort = "time"   // last updated first
	Newest Sort = "newest" // created last first
)

// A Query asks for one page of a user's visible entries.
type Query struct {
	User   UserID
	Files  bool    // all files of the user, in whatever folder; Parent is not looked at
	Trash  bool    // what the trash lists, newest first; Files and Sort are ignored. With Parent: see EntryTrash
	Parent EntryID // entries of this folder
	Sort   Sort
	Back   bool   // the other way round: the last name first, the smallest, the oldest; folders stay first
	Cursor string // empty for the first page, else as List returned it
	Limit  int    // more than 0
}

// Entries keeps the users' trees. All methods take the owner: somebody else's entry is ErrNotFound. Only visible
// entries are found, unless a method says otherwise. Each change is one transaction and is durable when it returns.
type Entries interface {
	// Entry returns an entry by ID, EntryByDigest the user's newest file with that content, EntryAt the entry at a path
	// (not the root: ErrInvalid). ErrNotFound.
	Entry(ctx context.Context, user UserID, id EntryID) (Entry, error)
	EntryByDigest(ctx context.Context, user UserID, d Digest) (Entry, error)
	EntryAt(ctx context.Context, user UserID, p Path) (Entry, error)
	// PathOf returns the names from the root to a visible entry; the root's empty ID gives the empty path.
	PathOf(ctx context.Context, user UserID, id EntryID) (Path, error)
	// List returns a page in order, and the cursor of the next page, empty on the last. ErrInvalid: a bad cursor.
	List(ctx context.Context, q Query) ([]Entry, string, error)
	// LinkContent makes an entry for a content that is there and live, charging its size. A name taken by the same
	// content is the result, nothing being charged; if n names another mtime than the entry has, that is a change of the
	// entry. For a name taken by another entry n.Clash decides. An empty ID in parent is the root. ErrNotFound: no such
	// live content or folder. ErrQuota. ErrExists: the name is taken, see Clash. ErrInTheWay: a file is where the folder
	// should be.
	LinkContent(ctx context.Context, n NewEntry) (Entry, error)
	// MakeFolder returns the ID of the folder at p, making it and its parents as needed; the empty path is the root.
	// ErrInTheWay.
	MakeFolder(ctx context.Context, user UserID, p Path, now time.Time) (EntryID, error)
}

// A Clash says what is done when another visible entry has the name in the folder. It is decided in the transaction, by
// the same rules for entries that are uploaded, linked, copied and moved.
type Clash string

// What can be done about a taken name. The empty Clash is ClashRename for new files, and ClashFail for Move.
const (
	ClashRename Clash = "rename" // a number is added, as in "a (2).txt"
	// ClashReplace puts the file that has the name in the trash. If it, or the entry that asks for the name, is a folder,
	// the change is refused with a *ReplaceError, which is an ErrExists: no folder is replaced, merged, or replaces a file.
	ClashReplace Clash = "replace"
	ClashFail    Clash = "fail" // ErrExists
)

// A NewPlace says where Move is to bring an entry.
type NewPlace struct {
	Folder   *Path // created if missing, in the same transaction; nil: Parent
	Parent   EntryID
	Name     string
	Clash    Clash
	Revision int64     // which the entry must have; 0 is any
	Modified time.Time // the mtime that the entry gets; zero: it keeps its own
	When     time.Time
}

// A NewEntry says which entry LinkContent is to make.
type NewEntry struct {
	User     UserID
	Digest   Digest
	Size     int64 // must be the content's
	Folder   *Path // created if missing, in the same transaction; nil: Parent
	Parent   EntryID
	Name     string
	Clash    Clash
	Modified time.Time
	When     time.Time
}

// EntryChanges moves entries about and in and out of the trash.
type EntryChanges interface {
	// Move gives an entry another parent, name and mtime. What it has already is no change. ErrNotFound: no such entry or
	// folder. ErrExists: the name is taken there, see Clash. ErrInTheWay: a file is where the folder should be. ErrInvalid: a
	// folder into itself or below itself, or too deep. ErrConflict: the entry has another revision.
	Move(ctx context.Context, user UserID, id EntryID, to NewPlace) (Entry, error)
	EntryTrash
}

// EntryTrash is the trash. It lists the entries that were themselves put there; what went with a folder is part of it, is
// listed with that folder as the Parent of a Query, by name, and can be restored and purged by itself.
//
// When part of a folder is restored, the folder is restored too, and the rest of it stays in the trash as listed entries,
// which keep the time of deletion. Such a folder as Parent of a Query lists what of its own entries is left. What was in
// the trash before the folder is neither part of the folder nor what is left of it.
//
// Trashing and restoring change no charge.
type EntryTrash interface {
	// Trash hides an entry, and all below it, at once, so that Restore undoes exactly that. ErrNotFound: not visible.
	// ErrConflict: it has another revision; 0 is any.
	Trash(ctx context.Context, user UserID, id EntryID, revision int64, now time.Time) error
	// Restore makes an entry of the trash, with all that is part of it, visible in its old folder; the name gets a number if
	// it is taken. If the folder is in the trash too, it and those above it are restored, with their IDs and without their
	// other contents, as far up as needed; where a visible folder has taken the path of one, the entry goes into that
	// one, and where a file has, the folder's name gets a number. The entry goes to the root if it would lie too deep
	// otherwise. Restore of a visible folder restores what of it is left in the trash, if anything. ErrNotFound: no such
	// entry in the trash, and no such visible folder.
	Restore(ctx context.Context, user UserID, id EntryID, now time.Time) (Entry, error)
	// Purge removes an entry of the trash, and all that is part of it, permanently. It drops the references and the charge; a
	// content without references goes, its blob and that of its transfer's destination, if one was begun, becoming
	// garbage, in the same transaction. What was in the trash before a purged folder belongs to the folder above from then
	// on. ErrNotFound: it is not in the trash.
	Purge(ctx context.Context, user UserID, id EntryID, now time.Time) error
	// PurgeUnchanged is Purge of an entry that was read before. ErrConflict: it has changed since.
	PurgeUnchanged(ctx context.Context, e Entry, now time.Time) error
	// TrashedBefore returns up to limit listed entries of all users that were deleted before a time.
	TrashedBefore(ctx context.Context, before time.Time, limit int) ([]Entry, error)
	// TrashedByDigest returns the user's file with that content that was deleted last: of those that are listed, and if
	// there is none, of those that are part of a folder. ErrNotFound.
	TrashedByDigest(ctx context.Context, user UserID, d Digest) (Entry, error)
	// PathsOf returns the names from the root to some of the user's entries, visible or not, as far as the folders above
	// exist. Entries that do not exist are left out.
	PathsOf(ctx context.Context, user UserID, ids []EntryID) (map[EntryID]Path, error)
}
