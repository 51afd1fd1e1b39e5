package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A Kind is what sort of failure a user sees. The handlers turn it into a code and a status by one table.
type Kind int

// The kinds of failure.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated // no token, or one that is no longer good
	SigninFailed
	SignupFailed
	Forbidden
	NotFound
	NoSuchUser
	Conflict
	NameTaken
	InTheWay    // a file is where a folder should be
	AlreadyHave // this user already has this content
	Incomplete  // chunks are missing; Chunks names them
	TooLarge
	DigestMismatch // Chunks names the bad ones, where chunks are concerned
	Collision
	Busy
	TooMany
	Unavailable
	NoSpace
	QuotaExceeded
	Damaged
	NoThumbnail // of this type of file
	BadPicture  // it cannot be decoded
	CutOff      // the body ended early
)

// An Error has a kind and a message that is safe to show. Its cause is for the log only.
type Error struct {
	Kind   Kind
	Msg    string         // short, for people, without a cause
	Upload store.UploadID // with Conflict: the open upload that is in the way, where there is one
	Held   *Item          // with AlreadyHave: the user's newest file with this content
	Chunks []int          // with Incomplete and DigestMismatch
	Cause  error          // may be nil
	Retry  time.Duration  // when it is worth to try again; 0 where that is not known
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Msg + ": " + e.Cause.Error()
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of an error: that of an *Error in its chain; else Unavailable where a store cannot be reached,
// whoever met with that; else Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, store.ErrUnavailable) {
		return Unavailable
	}
	return Internal
}

func errorf(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// sentinels says how an error of the stores looks to a user where the use case has nothing better to say.
var sentinels = []struct {
	err  error
	kind Kind
	msg  string
}{
	{store.ErrMissing, Incomplete, "chunks are missing"},
	{store.ErrDigestMismatch, DigestMismatch, "the content does not match the digest"},
	{store.ErrNotFound, NotFound, "not found"},
	{store.ErrInTheWay, InTheWay, "a file exists where a folder is expected"}, // before what it wraps
	{store.ErrExists, NameTaken, "the name is taken"},
	{store.ErrConflict, Conflict, "changed by another request; reload and try again"},
	{store.ErrBusy, Busy, "in use by another request; try again"},
	{store.ErrQuota, QuotaExceeded, "quota exceeded"},
	{store.ErrTooMany, TooMany, "too many unfinished uploads; finish or cancel some"},
	{store.ErrNoSpace, NoSpace, "the drive is out of space"},
	{store.ErrLength, Invalid, "the request body does not have the announced length"},
	{store.ErrCollision, Collision, "other content with the same SHA-1 is already stored; this content cannot be stored"},
	{store.ErrDamaged, Damaged, "the content is damaged; upload it again"},
	{store.ErrInvalid, Invalid, "invalid value"},
	{store.ErrUnavailable, Unavailable, "temporarily unavailable; try again later"},
}

// explain turns a sentinel of the stores into an *Error; an *Error and a fault of the machine stay as they are.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if r, ok := errors.AsType[*store.ReplaceError](err); ok {
		return &Error{Kind: NameTaken, Msg: fmt.Sprintf("the name belongs to a %s, which a %s cannot replace: only a file replaces "+
			"a file; choose another name, or conflict=rename to keep both", r.Old, r.New), Cause: err}
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			e := &Error{Kind: s.kind, Msg: s.msg, Cause: err}
			if c, ok := errors.AsType[*store.ChunkError](err); ok {
				e.Chunks = c.Chunks
			}
			return e
		}
	}
	return err
}
