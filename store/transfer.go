package store

import (
	"context"
	"time"
)

// TransferState is how far a transfer job has come.
type TransferState int

// The states of a job. A finished job has no row.
const (
	TransferPending TransferState = 0 // due at NextAttempt, or leased
	TransferFailed  TransferState = 1 // given up; replayed by command
)

// A Transfer is the job of moving one content's blob to an object store: outbox and job in one row.
type Transfer struct {
	Digest      Digest
	Sums        Sums
	From        Location // where the content was when the job was made or last leased
	Target      Kind     // the kind of store to move to
	To          Location // where the blob is being put; zero until the first lease names it
	State       TransferState
	Attempts    int
	NextAttempt time.Time
	LeaseUntil  time.Time // zero where nobody has it
	Fence       int64     // grows with each lease; a change with an older one is refused
	LastError   string
	S3Upload    string // the object store's multipart upload, so that another process can continue it
	Created     time.Time
}

// Transfers keeps the jobs. The row is the truth, a message only a wake-up. A lease that has run out can be taken by
// anybody; whoever held it is then refused by its fence.
type Transfers interface {
	// LeaseTransfer takes the job of a content until a time and returns it with Attempts, Fence and From brought up to
	// date. name may be nil; where the job has no destination yet, what name says is recorded as that, unless it is zero or
	// garbage. It may be asked more than once. ErrNotFound: there is no pending job (moved, failed or deleted). ErrBusy:
	// leased by another, or not due. ErrDamaged: the content is damaged.
	LeaseTransfer(ctx context.Context, d Digest, now, until time.Time, name func(Transfer) Location) (Transfer, error)
	// SaveTransfer renews the lease of t and records t.To and t.S3Upload. ErrConflict: the lease is another's, or the
	// job is gone.
	SaveTransfer(ctx context.Context, t Transfer, until time.Time) error
	// FinishTransfer moves the content from t.From to t.To, makes t.From garbage and removes the job. ErrConflict:
	// the lease is another's, or the content is no longer at t.From (deleted meanwhile); where then no content and no
	// job names t.To, it has become garbage.
	FinishTransfer(ctx context.Context, t Transfer, now time.Time) error
	// ReleaseTransfer gives the lease back with t.Attempts, t.LastError and the state, to be tried again at t.NextAttempt if
	// pending. ErrConflict.
	ReleaseTransfer(ctx context.Context, t Transfer) error
	// DueTransfers returns up to limit pending jobs that nobody holds and that are due, the longest due first, without
	// those of damaged contents.
	DueTransfers(ctx context.Context, now time.Time, limit int) ([]Transfer, error)
	// ListTransfers returns up to limit jobs in a state, oldest first.
	ListTransfers(ctx context.Context, s TransferState, limit int) ([]Transfer, error)
	// ReplayTransfers makes failed jobs due at once, with no attempts on their count: one, or with a zero digest all.
	// It says how many.
	ReplayTransfers(ctx context.Context, d Digest, now time.Time) (int, error)
}

// TransferStats is the backlog.
type TransferStats struct {
	Pending, Failed int64
	Oldest          time.Time // when the oldest pending job was made, or zero
	Spares          int64     // spare blobs that have not been decided about
}

// A Garbage row is a blob name that no content uses any more.
type Garbage struct {
	Location Location
	S3Upload string // an unfinished multipart upload to abort, or empty
	Since    time.Time
}

// GarbageList keeps the blobs that wait for removal.
type GarbageList interface {
	// AddGarbage lists a blob. Repeating it is harmless and does not change Since. ErrConflict: a content or a spare
	// is there, or is being moved there.
	AddGarbage(ctx context.Context, g Garbage) error
	// DueGarbage returns up to limit rows of one kind of place, listed before a time, oldest first: for Local those of the
	// node that in names, else those whose locations begin with in.
	DueGarbage(ctx context.Context, k Kind, in string, before time.Time, limit int) ([]Garbage, error)
	// DropGarbage removes a row, its blob having been deleted. It is no error that there is none.
	DropGarbage(ctx context.Context, l Location) error
	// MultipartInUse reports whether a transfer job or a garbage row names this multipart upload of an object store.
	MultipartInUse(ctx context.Context, name BlobName, upload string) (bool, error)
	// Backlog counts jobs and garbage for the metrics.
	Backlog(ctx context.Context) (TransferStats, int64, error)
}
