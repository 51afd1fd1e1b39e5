package store

import (
	"context"
	"time"
)

// A Spare is a verified blob of a content that has another blob, its main one. An upload brought it while the content was
// live, and nobody has read the main blob since. It lies on a node's disk and is charged to nobody.
type Spare struct {
	Sums     Sums
	Location Location
	Created  time.Time
	Attempts int       // to read the main blob
	Due      time.Time // of the next attempt
	Wanted   bool      // a download could not open the main blob
}

// Spares keeps the spare blobs. Uploads.CompleteUploads adds them. A spare goes in one of three ways: the main blob was
// read whole and found right, and the spare becomes garbage; the spare takes the place of the main blob; or the content
// is purged, and its spares become garbage in the same transaction.
type Spares interface {
	// DueSpares returns up to limit spares on the disk of a node that are due, the longest due first.
	DueSpares(ctx context.Context, node NodeID, now time.Time, limit int) ([]Spare, error)
	// SparesOf returns the spares of a content on all nodes, oldest first; none if there is no such content.
	SparesOf(ctx context.Context, d Digest) ([]Spare, error)
	// ConfirmCopy records that the copy of a content at good was read whole and found right after the spares were
	// recorded: those of them that are still spares, but for good itself, become garbage and are returned. good is the
	// content's main blob, which counts as verified then, or one of its spares. ErrConflict: it is neither any more, or
	// the content is damaged and good is its main blob.
	ConfirmCopy(ctx context.Context, d Digest, good Location, spares []Location, when time.Time) ([]Location, error)
	// PromoteSpare puts a spare, just read and found right, in the place of the main blob: main becomes garbage, the
	// content is live and verified, and a transfer to target (if any) starts over. ErrConflict: the content's main blob
	// is not at main any more, or there is no such spare.
	PromoteSpare(ctx context.Context, s Spare, main Location, target Kind, when time.Time) error
	// DropSpare makes a spare that is not right itself garbage. It is no error that there is none.
	DropSpare(ctx context.Context, s Location, when time.Time) error
	// PostponeSpares counts an attempt for a content's spares on the disk of a node, and has the next one wait until due.
	// Spares whose Wanted is not (any more) as given are left alone.
	PostponeSpares(ctx context.Context, d Digest, node NodeID, wanted bool, due time.Time) error
	// WantSpares marks a content's spares as wanted, and due now.
	WantSpares(ctx context.Context, d Digest, now time.Time) error
}
