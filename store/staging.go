package store

import (
	"context"
	"io"
	"time"
)

// Staging keeps the bytes of unfinished uploads on the local disk of one node, and is the truth about which chunks of
// them are held. A chunk's bytes go to their final offset in the one file of the upload and are never moved again.
//
// What WriteChunk acknowledged survives a killed process. After a power cut each chunk is either held with its right
// bytes or not held.
type Staging interface {
	// Create makes the place of an upload and reserves its size on the disk. ErrNoSpace, ErrExists.
	Create(ctx context.Context, u StagedUpload) error
	// Open returns the upload's staging. It is cheap to call for every request; Close it after use. ErrNotFound.
	Open(ctx context.Context, id UploadID) (Staged, error)
	// Stream stores a whole body of unknown length, hashing as it arrives, and returns what it computed. It reads
	// until EOF; on any error nothing stays. ErrLength: longer than limit. ErrNoSpace. Publish makes it durable, and a blob.
	Stream(ctx context.Context, id UploadID, r io.Reader, limit int64) (Sums, error)
	// Publish gives the staged bytes of an upload, streamed, or verified and so durable already, their name as a local blob by
	// a hard link. Bytes and name are durable when it returns. It moves no bytes, and repeating it is harmless. ErrNotFound.
	Publish(ctx context.Context, id UploadID, name BlobName) error
	// Remove deletes the upload's staging; a blob made of it stays. It is no error that there is none.
	// Requests under way on it fail with ErrNotFound.
	Remove(ctx context.Context, id UploadID) error
	// List calls fn with each upload that has staging, until fn fails; its error is returned.
	List(ctx context.Context, fn func(id UploadID, modified time.Time) error) error
	// Free returns the bytes that may still be stored above the floor of free space.
	Free(ctx context.Context) (int64, error)
}

// A StagedUpload is what staging must know of an upload.
type StagedUpload struct {
	ID     UploadID
	Layout Layout
}

// An Interrupter is a reader that another goroutine can call back from a Read that waits: that Read, and those after it,
// return an error soon. Interrupt does not wait, and after the reader's end it does nothing.
type Interrupter interface {
	Interrupt()
}

// Staged is the staging of one open upload.
type Staged interface {
	Layout() Layout
	// WriteChunk reads exactly the chunk's length from r, puts it in its place and holds it. Where want is not zero and
	// is not the SHA-1 of the bytes: ErrDigestMismatch. A body that is too short or too long: ErrLength. In all these
	// cases the chunk is not held. A chunk that is held already is compared and nothing is written: fresh is false, with
	// ErrConflict if the bytes differ. ErrNoSpace. ErrInvalid: no such index.
	//
	// One request at a time writes a chunk. A newer one takes over if nothing has arrived at the older one for about a
	// second: that one writes no further byte, returns ErrBusy, and its r is interrupted if it is an Interrupter. While
	// bytes still arrive there, the newer one waits; ErrBusy if that takes very long.
	WriteChunk(ctx context.Context, index int, r io.Reader, want Digest) (fresh bool, err error)
	// Held returns the held chunks, ascending.
	Held() []int
	// Missing returns the chunks that are not held, ascending.
	Missing() []int
	// Verify returns the sums of the whole content, hashing only what the follower has not, and makes the bytes durable.
	// A *ChunkError with ErrMissing names the chunks that are not held.
	Verify(ctx context.Context) (Sums, error)
	// Bad reads every chunk again and returns those whose bytes differ from what was acknowledged, or from
	// digests[index-1] where digests are given.
	Bad(ctx context.Context, digests []Digest) ([]int, error)
	// Drop lets go of chunks, so that they can be sent again.
	Drop(ctx context.Context, indexes []int) error
	// Close lets go of the handle, not of the bytes.
	Close() error
}
