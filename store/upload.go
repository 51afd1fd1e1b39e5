package store

import (
	"context"
	"time"
)

// UploadState says how far an upload's row has come.
type UploadState int

// The states of an upload.
const (
	UploadOpen      UploadState = 0
	UploadDone      UploadState = 1 // remembered for a while, so that a repeated complete gets the same answer
	UploadCancelled UploadState = 2 // by the user, by expiry, or by failed verification
)

// An Upload is a session in which a client brings one content.
type Upload struct {
	ID       UploadID
	User     UserID
	Digest   Digest // as claimed; zero while the client has not named it
	Layout   Layout
	Parent   EntryID // the folder; empty is the root
	Name     string
	Modified time.Time // the client's mtime, or zero
	State    UploadState
	Reserved int64   // bytes of quota
	Entry    EntryID // the result, once done
	Created  time.Time
	Expires  time.Time

	// Path is the path of Parent as the client named it, empty if it named none. StartUpload records it with the
	// upload's first target; it is not read back.
	Path string
}

// An UploadTarget is an entry that an upload is to make, or has made. Init announces targets and complete may name
// further ones. An upload has at most one target for each folder and name.
type UploadTarget struct {
	Parent     EntryID // the folder; empty is the root
	FolderGone bool    // the folder is in the trash or has been purged; Parent is empty if it has been purged
	Name       string  // as the client named it; empty if complete is to name the file
	Path       string  // the folder's path as the client named it, normalized by Path.String; empty if it named none
	Modified   time.Time
	Entry      EntryID // the entry that was made of it; empty before that
}

// UploadLimits are the rules that StartUpload applies in its transaction.
type UploadLimits struct {
	Open int // open uploads per user; 0 is no limit
}

// Uploads keeps upload sessions. Rows are written when an upload starts, is bound, completes and ends, never per chunk.
type Uploads interface {
	// StartUpload stores u as open and reserves u.Layout.Size of the user's quota. There is one open upload per user and
	// digest: ErrExists if there is another. ErrQuota, ErrTooMany; ErrNotFound: the parent is not a visible folder
	// of the user.
	StartUpload(ctx context.Context, u Upload, l UploadLimits) error
	// Upload returns an upload in whatever state, by ID. ErrNotFound: it is unknown, or not that user's.
	Upload(ctx context.Context, user UserID, id UploadID) (Upload, error)
	// OpenUploads returns the user's open uploads, newest first; OpenUpload the one with this digest, or ErrNotFound.
	OpenUploads(ctx context.Context, user UserID) ([]Upload, error)
	OpenUpload(ctx context.Context, user UserID, d Digest) (Upload, error)
	// BindUpload records the digest of an open upload that had none. Repeating it is harmless.
	// ErrExists: the user has another open upload with it. ErrConflict: it has another digest, or is not open.
	BindUpload(ctx context.Context, user UserID, id UploadID, d Digest) error
	// CompleteUploads turns verified bytes into entries, all of them or none, in one transaction each of whose steps
	// is described at Completion. It returns a result for each, in order. ErrConflict: an upload is not open (nor
	// done). ErrCollision, ErrQuota; ErrExists: the name is taken, see Clash. The upload stays open then.
	// ErrNotFound: the upload is done, and its entry for this target has been purged, or the target is new and the user
	// has no entry with the content any more. ErrTooMany: the upload has MaxUploadTargets targets.
	CompleteUploads(ctx context.Context, cs []Completion) ([]Completed, error)
	// EndUpload closes an open upload as cancelled and gives its reservation back. The local blob that a failed complete
	// may have left becomes garbage, if the upload's digest is known. Repeating it is harmless.
	// ErrNotFound: unknown. ErrConflict: it is done.
	EndUpload(ctx context.Context, id UploadID) error
}

// MaxUploadTargets is how many targets one upload can have.
const MaxUploadTargets = 100

// UploadTargets keeps the targets of uploads that have a row. They go with the upload's row.
type UploadTargets interface {
	// UploadTargets returns the targets of a user's upload in the order in which they were announced.
	// An unknown upload has none.
	UploadTargets(ctx context.Context, user UserID, id UploadID) ([]UploadTarget, error)
	// AddUploadTarget announces a target of an open upload. If the upload has a target with that folder and name, its
	// path and, if t names one, its modification time are replaced. ErrNotFound: no such upload, or the folder is not
	// a visible folder of the user. ErrConflict: the upload is not open. ErrTooMany.
	AddUploadTarget(ctx context.Context, user UserID, id UploadID, t UploadTarget) error
}

// A Completion is the verified result of an upload, its blob already durable at Location.
//
// In the transaction: an upload with a row goes from open to done and its reservation becomes use; without a row (a
// streamed form, Row false) the size is charged. If the upload is done already, Sums and Location do not count: if it
// has made an entry for this folder and name, that entry is the result, and gets the mtime if there is one that differs
// from the target's, unless it is in the trash; otherwise another entry is made of its content
// and charged, provided that the user still has an entry with that content, visible or in the trash.
// A content with these Sums is referenced if it is there and live, and Location becomes a spare of it (unless it is the
// very location of that content): verified bytes are not given up before the content's blob was read. It is inserted
// with a transfer job to Target if it is not there; if it is damaged, its location becomes garbage, Location takes its
// place, it is live again, and the job starts over.
// The entry is made under Parent (the root, where that folder is gone) and Name. A name that is taken by the same
// content is the result, nothing being charged, and gets the mtime if there is one; for a name that is taken by another
// entry Clash decides.
type Completion struct {
	Upload   UploadID
	User     UserID
	Row      bool // the upload has a row in Uploads
	Sums     Sums
	Location Location
	Target   Kind  // where a new content is to be moved; empty: it stays
	Folder   *Path // created if missing, in the same transaction; nil: Parent, or the root if that is gone
	Parent   EntryID
	Path     string // of Parent as the client named it, or empty; recorded with the target
	Name     string
	Clash    Clash
	Modified time.Time // the client's mtime, or zero
	When     time.Time
}

// Completed is what CompleteUploads made of a Completion.
type Completed struct {
	Entry  Entry
	Stored bool // the content was not known, or damaged: its blob is now the one of this upload, else that is a spare
}

// UploadKeeper is what the sweeper needs of the upload rows.
type UploadKeeper interface {
	// UploadByID returns an upload whoever's it is. ErrNotFound.
	UploadByID(ctx context.Context, id UploadID) (Upload, error)
	// ExtendUpload moves the expiry of an open upload; it never brings it nearer. No error if it is not open.
	ExtendUpload(ctx context.Context, id UploadID, expires time.Time) error
	// ExpiredUploads returns up to limit open uploads whose expiry is before now, oldest first.
	ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]Upload, error)
	// ForgetUploads removes the rows of uploads that ended before the given time and says how many.
	ForgetUploads(ctx context.Context, before time.Time) (int, error)
}
