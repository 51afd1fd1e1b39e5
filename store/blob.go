package store

import (
	"context"
	"io"
	"time"
)

// Blobs keeps stored content in one place: a node's disk, or an object store. A name is used once and never again.
type Blobs interface {
	// Kind says what sort of place it is; Locate gives the location that a blob with this name has here.
	Kind() Kind
	Locate(name BlobName) Location
	// Put stores the bytes of src, which must have the given sums, or nothing at all. When it returns nil the bytes
	// have been verified and survive a power cut. A blob of that name that is there already and right is success; one
	// with another size is replaced. ErrDigestMismatch, ErrLength: src is not what sums say. ErrNoSpace.
	Put(ctx context.Context, name BlobName, src Blob, sums Sums) error
	// Open opens a blob for reading. ErrNotFound. A reader that is open outlives the blob's deletion.
	Open(ctx context.Context, name BlobName) (Blob, error)
	// Delete removes a blob. It is no error that there is none. It is durable when it returns.
	Delete(ctx context.Context, name BlobName) error
	// List calls fn with each blob in no particular order, until fn fails; its error is returned. Foreign files and
	// blobs that come or go meanwhile may be left out.
	List(ctx context.Context, fn func(BlobInfo) error) error
}

// BlobInfo is what List tells of a blob.
type BlobInfo struct {
	Name     BlobName
	Size     int64
	Modified time.Time
}

// A Blob is an open blob. Read, Seek and ReadAt are as in package io; one goroutine at a time may Read and Seek.
type Blob interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
	// Size returns the bytes in the blob.
	Size() int64
}
