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
	// Open opens a blob for reading. ErrNotFound. On a disk, a reader that is open outlives the blob's deletion; at an
	// object store it goes on with what is under way and then fails with ErrNotFound. There, ctx bounds the reading too,
	// and a missing bucket is ErrUnavailable.
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

// A RemoteBlob is a Blob that is read over a network, and needs fewer requests if it knows how much will be read.
type RemoteBlob interface {
	Blob
	// Expect says that the next n bytes are going to be read in a row, so that they can be asked for at once. It promises
	// nothing: whoever said it may stop earlier, go on behind them, or seek. Like Read, it is one goroutine's at a time.
	Expect(n int64)
}

// ResumableBlobs is an object store that takes a large blob in parts, so that another process can go on where one died.
type ResumableBlobs interface {
	Blobs
	// PutResumable is Put that goes on with an earlier try. upload is what begun was told in that try, or empty; one
	// that the store does not know any more is begun anew. begun is called with the store's name of a new multipart
	// upload before any part of it is sent; where it fails nothing is sent and its error is returned. A small blob is
	// put in one piece, and begun is not called. Parts that are there and right are not sent again. A call that fails
	// leaves its parts to the next one. Who begins anew says that nobody works on another upload of this name: what a
	// process left that died before begun had returned is aborted.
	PutResumable(ctx context.Context, name BlobName, src Blob, sums Sums, upload string, begun func(upload string) error) error
	// AbortMultipart removes what was sent of an unfinished multipart upload. It is no error that there is none.
	AbortMultipart(ctx context.Context, name BlobName, upload string) error
	// ListMultiparts calls fn with each unfinished multipart upload, until fn fails; its error is returned.
	ListMultiparts(ctx context.Context, fn func(Multipart) error) error
}

// A Multipart is an unfinished multipart upload of an object store.
type Multipart struct {
	Name   BlobName
	Upload string // the store's name of it
	Begun  time.Time
}

// LinkingBlobs is an object store that gives out blobs itself.
type LinkingBlobs interface {
	Blobs
	// Link returns a URL with which anybody can GET the blob until ttl has passed. The answer bears the
	// Content-Disposition and Content-Type that are named here. It does not say whether there is such a blob.
	Link(ctx context.Context, name BlobName, disposition, mediaType string, ttl time.Duration) (string, error)
}
