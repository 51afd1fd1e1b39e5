package store

import (
	"errors"
	"fmt"
)

// The sentinels that callers may act on. Drivers wrap them with what went wrong and where.
var (
	// ErrNotFound: there is no such thing, or it belongs to somebody else. The two are never told apart.
	ErrNotFound = errors.New("not found")
	// ErrExists: the name, user or open upload is there already.
	ErrExists = errors.New("already exists")
	// ErrInTheWay: a file is where a folder should be. It is an ErrExists.
	ErrInTheWay = fmt.Errorf("a file exists where a folder is expected: %w", ErrExists)
	// ErrConflict: the thing is no longer in the state that the change was conditional on.
	ErrConflict = errors.New("conflict")
	// ErrBusy: somebody else is at work on it; the same call may succeed later.
	ErrBusy = errors.New("busy")
	// ErrQuota: the user's quota does not allow it.
	ErrQuota = errors.New("quota exceeded")
	// ErrTooMany: the user has as many open uploads as allowed.
	ErrTooMany = errors.New("too many open uploads")
	// ErrNoSpace: the disk is full, or would be filled beyond its floor of free space.
	ErrNoSpace = errors.New("no space left")
	// ErrLength: a body was shorter or longer than announced.
	ErrLength = errors.New("wrong length")
	// ErrDigestMismatch: bytes do not have the digest that was claimed for them.
	ErrDigestMismatch = errors.New("digest mismatch")
	// ErrMissing: chunks are missing. It comes as a *ChunkError.
	ErrMissing = errors.New("chunks are missing")
	// ErrCollision: two contents have one SHA-1 and different SHA-256.
	ErrCollision = errors.New("digest collision")
	// ErrDamaged: the stored bytes are known not to be what was stored.
	ErrDamaged = errors.New("content is damaged")
	// ErrInvalid: a value that cannot be, such as a malformed digest or name.
	ErrInvalid = errors.New("invalid")
	// ErrUnavailable: the store cannot be reached now.
	ErrUnavailable = errors.New("unavailable")
)

// A ReplaceError says that ClashReplace was refused because the entry of that name, or the one that was to take its
// place, is a folder. It wraps ErrExists.
type ReplaceError struct {
	Old, New EntryKind
}

func (e *ReplaceError) Error() string { return fmt.Sprintf("a %s cannot replace a %s", e.New, e.Old) }

// Unwrap returns ErrExists.
func (e *ReplaceError) Unwrap() error { return ErrExists }

// A ChunkError names the chunks that stand in the way. It wraps ErrMissing or ErrDigestMismatch.
type ChunkError struct {
	Err    error
	Chunks []int // ascending, numbered from 1
}

func (e *ChunkError) Error() string { return e.Err.Error() }

// Unwrap returns the sentinel.
func (e *ChunkError) Unwrap() error { return e.Err }
