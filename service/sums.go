package service

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/blinkdrive/blinkdrive/store"
)

// sumBlob reads a blob whole, in constant memory, and returns what its bytes really are.
func sumBlob(ctx context.Context, b store.Blob) (store.Sums, error) {
	h1, h2 := sha1.New(), sha256.New()
	buf := make([]byte, 256<<10)
	var size int64
	for ctx.Err() == nil {
		n, err := b.ReadAt(buf, size)
		h1.Write(buf[:n])
		h2.Write(buf[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return store.Sums{Digest: store.Digest(h1.Sum(nil)), SHA256: store.SHA256(h2.Sum(nil)), Size: size}, nil
		} else if err != nil {
			return store.Sums{}, err
		}
	}
	return store.Sums{}, ctx.Err()
}
