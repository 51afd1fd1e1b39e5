package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// A NodeBlob is a blob on the disk of another node, open for reading. What is read one piece after the other comes in
// requests that grow, so that neither a few bytes here and there nor a whole file cost more than they must. Reading goes on
// at its offset after the connection was cut. Nothing is kept in memory.
//
// One goroutine at a time may Read and Seek; ReadAt is safe for concurrent use.
type NodeBlob struct {
	nodes *NodeBlobs
	ctx   context.Context //nolint:containedctx // of Open; a reader has no other way to be told
	url   string
	query string
	node  string
	size  int64
	pos   int64 // of Read and Seek

	mu     sync.Mutex
	spans  []*span // that nobody reads now, the one used last at the end
	closed bool
}

const (
	maxSpan  = 16 << 20 // bytes of one request
	maxSpans = 16       // kept for whoever reads on where they stand
)

// Size returns the bytes in the blob.
func (b *NodeBlob) Size() int64 { return b.size }

func (b *NodeBlob) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.pos >= b.size {
		return 0, io.EOF
	}
	s, err := b.take(b.pos)
	if err != nil {
		return 0, err
	}
	n, err := s.read(p)
	b.put(s)
	b.pos += int64(n)
	return n, err
}

// Seek sets where Read goes on.
func (b *NodeBlob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.pos
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seek: invalid offset")
	}
	b.pos = offset
	return offset, nil
}

// ReadAt reads whole pieces, as io.ReaderAt says.
func (b *NodeBlob) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read: invalid offset")
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= b.size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), b.size-off)]
	s, err := b.take(off)
	if err != nil {
		return 0, err
	}
	defer b.put(s)
	total := 0
	for total < len(want) {
		n, err := s.read(want[total:])
		total += n
		if err != nil {
			return total, err
		}
	}
	if total < len(p) {
		return total, io.EOF
	}
	return total, nil
}

// Close ends the requests under way.
func (b *NodeBlob) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, s := range b.spans {
		s.end()
	}
	b.spans = nil
	return nil
}

// take returns the span that stands at an offset, or a new one.
func (b *NodeBlob) take(off int64) (*span, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errors.New("the blob is closed")
	}
	for i, s := range b.spans {
		if s.off == off {
			b.spans = slices.Delete(b.spans, i, i+1)
			return s, nil
		}
	}
	return &span{blob: b, off: off}, nil
}

// put keeps a span for the next piece.
func (b *NodeBlob) put(s *span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || s.off >= b.size {
		s.end()
		return
	}
	if len(b.spans) >= maxSpans {
		b.spans[0].end()
		b.spans = slices.Delete(b.spans, 0, 1)
	}
	b.spans = append(b.spans, s)
}

// A span is a place in the blob from which somebody reads on, with the request that is under way there, if there is one.
type span struct {
	blob *NodeBlob
	off  int64
	till int64 // where the request's body ends
	last int64 // how long the last request was
	body io.ReadCloser
	dog  *watchdog
}

// read reads something, opening the next request where need be. io.EOF never comes: nobody reads beyond the end.
func (s *span) read(p []byte) (n int, err error) {
	err = s.blob.persist(func() error {
		if s.body == nil {
			if err := s.open(int64(len(p))); err != nil {
				return err
			}
		}
		s.dog.moved()
		n, err = s.body.Read(p[:min(int64(len(p)), s.till-s.off)])
		s.dog.timer.Stop() // nobody waits until the next read
		s.off += int64(n)
		if n > 0 && s.off < s.till && err != nil || n == 0 && err != nil {
			err = s.cut(err)
		}
		if s.off == s.till {
			s.end()
		}
		if n > 0 {
			return nil
		}
		return err
	})
	return n, err
}

// cut ends a request whose body broke off.
func (s *span) cut(err error) error {
	err = s.dog.explain(err)
	s.end()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// open asks for the next bytes: as many as are wanted now, and if somebody reads on, four times as many as before.
func (s *span) open(want int64) error {
	length := max(want, min(4*s.last, maxSpan))
	till := min(s.off+length, s.blob.size)
	dog := watch(s.blob.ctx, s.blob.nodes.stall())
	body, err := s.blob.get(dog, s.off, till)
	if err != nil {
		err = dog.explain(err)
		dog.stop()
		return fmt.Errorf("bytes %d to %d: %w", s.off, till-1, err)
	}
	s.body, s.dog, s.till, s.last = body, dog, till, length
	return nil
}

// end lets go of the request. A body that was read whole gives its connection back.
func (s *span) end() {
	if s.body == nil {
		return
	}
	if s.off == s.till { // its end is there to be read, or the connection would be closed
		_, _ = s.body.Read(make([]byte, 1))
	}
	_ = s.body.Close()
	s.dog.stop()
	s.body = nil
}
