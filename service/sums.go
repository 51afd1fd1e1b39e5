package service

import (
	"context"
	"errors"
	"io"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sums"
)

// sumReader reads to the end, in constant memory, and returns what the bytes are. A blob in an object store comes in one
// piece that way. With an error, the size is what was read until then.
func sumReader(ctx context.Context, r io.Reader) (store.Sums, error) {
	hash := sums.New()
	buf := make([]byte, 256<<10)
	var size int64
	for ctx.Err() == nil {
		n, err := r.Read(buf)
		hash.Write(buf[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return hash.Sums(), nil
		} else if err != nil {
			return store.Sums{Size: size}, err
		}
	}
	return store.Sums{Size: size}, ctx.Err()
}

// sumBlob reads a blob whole, in constant memory, and returns what its bytes really are.
func sumBlob(ctx context.Context, b store.Blob) (store.Sums, error) {
	hash := sums.New()
	buf := make([]byte, 256<<10)
	var size int64
	for ctx.Err() == nil {
		n, err := b.ReadAt(buf, size)
		hash.Write(buf[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return hash.Sums(), nil
		} else if err != nil {
			return store.Sums{}, err
		}
	}
	return store.Sums{}, ctx.Err()
}
