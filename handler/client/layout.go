package client

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// The limits of a chunk size that a client may name. They are the drive's; where it has others, its answer counts.
const (
	minChunkSize = 256 << 10
	maxChunkSize = 64 << 20
	maxChunks    = 10_000
)

// A layout is how size bytes are cut into chunks, numbered from 1.
type layout struct{ size, chunk int64 }

func (l layout) count() int { return int((l.size + l.chunk - 1) / l.chunk) }

func (l layout) extent(index int) (off, length int64) {
	off = int64(index-1) * l.chunk
	return off, min(l.chunk, l.size-off)
}

// missing returns the chunks of the layout that are not in held, ascending. Indexes that cannot be are passed over.
func (l layout) missing(held []int) []int {
	have := make([]bool, l.count()+1)
	for _, i := range held {
		if i > 0 && i < len(have) {
			have[i] = true
		}
	}
	var m []int
	for i := 1; i < len(have); i++ {
		if !have[i] {
			m = append(m, i)
		}
	}
	return m
}

// valid returns those of the indexes that the layout has.
func (l layout) valid(indexes []int) []int {
	var v []int
	for _, i := range indexes {
		if i >= 1 && i <= l.count() {
			v = append(v, i)
		}
	}
	return v
}

// planLayout foresees which chunk size the drive will give, so that one pass over the file hashes the chunks too.
func planLayout(size, want int64) layout {
	if want <= 0 {
		want = api.DefaultChunkSize
	} else {
		want = min(max(want, minChunkSize), maxChunkSize)
	}
	return layout{size, max(want, (size+maxChunks-1)/maxChunks)}
}

// sums are what one pass over a file showed.
type sums struct {
	layout layout
	digest string
	chunks []string // the digests of the chunks of layout, in order
}

// A summer hashes a file and its chunks as the bytes come.
type summer struct {
	whole, part hash.Hash
	l           layout
	left        int64 // bytes until the chunk ends
	chunks      []string
}

func newSummer(l layout) *summer {
	return &summer{whole: sha1.New(), part: sha1.New(), l: l, left: l.chunk}
}

func (s *summer) Write(p []byte) (int, error) {
	s.whole.Write(p)
	for rest := p; len(rest) > 0; {
		n := min(int64(len(rest)), s.left)
		s.part.Write(rest[:n])
		rest = rest[n:]
		if s.left -= n; s.left == 0 {
			s.endChunk()
		}
	}
	return len(p), nil
}

func (s *summer) endChunk() {
	s.chunks = append(s.chunks, hex.EncodeToString(s.part.Sum(nil)))
	s.part.Reset()
	s.left = s.l.chunk
}

func (s *summer) sums() sums {
	if s.left < s.l.chunk {
		s.endChunk()
	}
	return sums{s.l, hex.EncodeToString(s.whole.Sum(nil)), s.chunks}
}

// sum reads size bytes of src once. moved is told how many bytes came, now and then.
func sum(ctx context.Context, src io.ReaderAt, l layout, moved func(n int)) (sums, error) {
	s := newSummer(l)
	if err := eachBlock(ctx, src, 0, l.size, func(p []byte) {
		s.Write(p)
		moved(len(p))
	}); err != nil {
		return sums{}, err
	}
	return s.sums(), nil
}

// eachBlock reads length bytes of src from off, block by block.
func eachBlock(ctx context.Context, src io.ReaderAt, off, length int64, fn func([]byte)) error {
	buf := make([]byte, min(256<<10, max(length, 1)))
	for length > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := src.ReadAt(buf[:min(int64(len(buf)), length)], off)
		if n == 0 && errors.Is(err, io.EOF) {
			return &sourceError{ErrChanged}
		}
		if n == 0 && err != nil {
			return &sourceError{err}
		}
		fn(buf[:n])
		off, length = off+int64(n), length-int64(n)
	}
	return nil
}

// sumSection returns the digest of a piece of src.
func sumSection(ctx context.Context, src io.ReaderAt, off, length int64) (string, error) {
	h := sha1.New()
	err := eachBlock(ctx, src, off, length, func(p []byte) { h.Write(p) })
	return hex.EncodeToString(h.Sum(nil)), err
}
