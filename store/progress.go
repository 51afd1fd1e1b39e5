package store

import (
	"context"
	"time"
)

// ProgressInfo is what a progress record says of its upload besides the chunks.
type ProgressInfo struct {
	Upload UploadID
	User   UserID
	Digest Digest // zero while not known
	Layout Layout
}

// Progress keeps the chunks that each upload holds, as a fast copy that all nodes share. Staging is the truth: a record may be
// gone at any time (expiry, a flush) and is then rebuilt by whoever needs it. Nothing here is durable.
type Progress interface {
	// Put makes a record with the chunks that are held, or adds them to the record that is there and replaces the rest of
	// it, in one step. What it is given is a little old by then: a chunk that was marked meanwhile stays. Unmark takes
	// chunks out, and Drop before Put makes a record of no more than these chunks. A record of another layout is replaced.
	// ErrInvalid: there is no such chunk.
	Put(ctx context.Context, p ProgressInfo, held []int, ttl time.Duration) error
	// Mark adds a chunk to a record, renews its life and returns how many chunks it holds. Repeating it is harmless.
	// ErrNotFound: there is no record; it must be rebuilt. ErrInvalid: there is no such chunk.
	Mark(ctx context.Context, id UploadID, index int, ttl time.Duration) (int, error)
	// Unmark takes chunks out of a record. ErrNotFound.
	Unmark(ctx context.Context, id UploadID, indexes []int) error
	// Held returns a record and its chunks, ascending. ErrNotFound.
	Held(ctx context.Context, id UploadID) (ProgressInfo, []int, error)
	// Drop removes a record. It is no error that there is none.
	Drop(ctx context.Context, id UploadID) error
}

// A Challenge asks one user for a proof of possession of one content.
type Challenge struct {
	User   UserID
	Digest Digest
	Size   int64 // as claimed
	Ranges []Range
}

// A Range is a piece of a content.
type Range struct{ Offset, Length int64 }

// Challenges keeps open challenges. They need not survive anything.
type Challenges interface {
	// Add keeps c under a key for ttl.
	Add(ctx context.Context, key string, c Challenge, ttl time.Duration) error
	// Take returns a challenge and removes it: of many callers one gets it. ErrNotFound: unknown, taken or expired.
	Take(ctx context.Context, key string) (Challenge, error)
}

// Leader elects one node to sweep what is shared. It is for efficiency: two leaders for a moment do no harm.
type Leader interface {
	// Lead tries to become or stay leader for ttl, and reports whether the caller is.
	Lead(ctx context.Context, node NodeID, ttl time.Duration) (bool, error)
	// Resign gives leadership up. It is no error not to have it.
	Resign(ctx context.Context, node NodeID) error
}

// Expiries tells of progress records whose life has ended, so that what is left of their uploads is swept soon. It is a
// hint: events may be late, doubled or lost, and the upload's row decides.
type Expiries interface {
	// Watch calls fn with each upload whose record expires, one at a time, until ctx ends, and returns ctx's error then.
	// Connection trouble is mended inside.
	Watch(ctx context.Context, fn func(UploadID)) error
}
