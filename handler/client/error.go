package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// An Error is a refusal by the drive.
type Error struct {
	Code       api.Code
	Status     int // of HTTP
	Msg        string
	Missing    []int         // with api.ChunksMissing: the chunks to send
	Bad        []int         // with api.DigestMismatch: the chunks to send again
	UploadID   string        // with api.Conflict at Init: the open upload that has this digest already
	RequestID  string        // what the operator can find in the log
	RetryAfter time.Duration // how long the drive asks to be left alone, or 0
}

func (e *Error) Error() string {
	s := fmt.Sprintf("drive: %s (code %d, status %d)", e.Msg, e.Code, e.Status)
	if e.RequestID != "" {
		s += ", request " + e.RequestID
	}
	return s
}

// IsCode reports whether err is a refusal with this code.
func IsCode(err error, code api.Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

var (
	// ErrChanged: a file did not stay what it was while it was uploaded or downloaded.
	ErrChanged = errors.New("the file changed during the upload or download")
	// ErrCorrupt: bytes that were downloaded are not those that the drive says it has.
	ErrCorrupt = errors.New("the downloaded bytes do not match the stored file")
	errStalled = errors.New("no data was transferred for too long")
)

// A sourceError is a failure to read what was to be sent. No repetition is tried.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "could not read the file: " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// transient reports whether the same request may succeed later. The caller has seen to it that its context lives.
func transient(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.transient()
	}
	if _, ok := errors.AsType[*sourceError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	return !errors.Is(err, ErrChanged) && !errors.Is(err, ErrCorrupt) && !errors.Is(err, context.Canceled)
}

func (e *Error) transient() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusInsufficientStorage:
		return false
	}
	// A body that was cut off on its way is 400 with a code of its own.
	return e.Code == api.CutOff || e.Status >= 500 && e.Code != api.Damaged
}
