package store

import (
	"context"
	"time"
)

// ContentStatus says whether a content's blob is known to be bad.
type ContentStatus int

// The states of a content.
const (
	ContentLive    ContentStatus = 0
	ContentDamaged ContentStatus = 1 // never served, linked or moved; the next verified upload replaces its blob
)

// A Content is one distinct sequence of bytes, stored once however many entries show it.
type Content struct {
	ID       int64
	Sums     Sums
	Location Location
	Status   ContentStatus
	Refs     int64 // entries that show it, the trash included
	Created  time.Time
	Verified time.Time // when its bytes were last read whole and found right
}

// Contents keeps what the server itself has hashed: the index of instant upload.
// Rows are made by Uploads.CompleteUploads and removed by the purge that drops the last reference.
type Contents interface {
	// Content returns a content by digest. ErrNotFound.
	Content(ctx context.Context, d Digest) (Content, error)
	// ListContents returns up to limit contents whose IDs are greater than after, ordered by ID.
	ListContents(ctx context.Context, after int64, limit int) ([]Content, error)
	// MarkContent records what a full read of the blob at from showed. ErrConflict: the content is not, or no longer, there.
	MarkContent(ctx context.Context, d Digest, from Location, s ContentStatus, when time.Time) error
	// BlobInUse reports whether a content, a spare, a garbage row or an open upload names the blob, in whatever place.
	BlobInUse(ctx context.Context, name BlobName) (bool, error)
	// AnyContentIn reports whether a content's blob is in a place of the kind. It may read all contents to find out.
	AnyContentIn(ctx context.Context, k Kind) (bool, error)
	// Possesses reports whether the user has an entry of the content, visible or in the trash.
	Possesses(ctx context.Context, user UserID, d Digest) (bool, error)
	// CountRefs compares each content's Refs with its entries, and each user's Used and Reserved with the entries and
	// open uploads, and returns the differences, at most limit. With repair it also sets the counts right.
	CountRefs(ctx context.Context, repair bool, limit int) ([]CountError, error)
}

// A CountError is a kept count that does not match the rows that it counts.
type CountError struct {
	What      string // "refs", "used" or "reserved"
	Of        string // the digest, or the user's name
	Have, Got int64  // as kept, as counted
}
