// Package sums computes both digests of a content, SHA-1 and SHA-256, in one pass over its bytes.
//
// Each of the two is a chain: a round needs the one before it, and the CPU's SHA instructions take several cycles each, most of
// which are spent waiting. The two chains do not need each other. If the CPU has the instructions (amd64), one loop
// takes both a step at a time, so that one works while the other waits: on the machine of docs/benchmarks.md it takes
// 0.8 CPU-seconds for a GiB, and one after the other 1.3. Everywhere else, and with the build tag purego (which also takes
// the standard library's assembly away), this is the standard library's two hashes.
package sums

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"hash"

	"github.com/blinkdrive/blinkdrive/store"
)

// A Hash is written to and tells the sums of what was written. It is not safe for concurrent use.
type Hash struct {
	both
	size int64
}

// both is the two hashes, however they are computed.
type both interface {
	write(p []byte)
	digests() (store.Digest, store.SHA256)
	state() (sha1, sha256 []byte, err error)
	restore(sha1, sha256 []byte, size int64) error
}

// New returns a Hash of nothing yet.
func New() *Hash {
	if hasSHA {
		return &Hash{both: newFused()}
	}
	return &Hash{both: newPair()}
}

// Write adds p. It never fails.
func (h *Hash) Write(p []byte) (int, error) {
	h.write(p)
	h.size += int64(len(p))
	return len(p), nil
}

// Size is how many bytes were written.
func (h *Hash) Size() int64 { return h.size }

// Sums returns the sums of what was written so far. More may be written after.
func (h *Hash) Sums() store.Sums {
	d, s := h.digests()
	return store.Sums{Digest: d, SHA256: s, Size: h.size}
}

// State returns the states of both hashes, each as MarshalBinary of the standard library's writes it.
func (h *Hash) State() (sha1, sha256 []byte, err error) { return h.state() }

var errState = errors.New("sums: invalid hash states")

// Restore goes on from the State of a Hash that size bytes were written to. If it fails h is as before.
func (h *Hash) Restore(sha1, sha256 []byte, size int64) error {
	if err := h.restore(sha1, sha256, size); err != nil {
		return err
	}
	h.size = size
	return nil
}

// A pair is the standard library's two hashes.
type pair struct{ sha1, sha256 hash.Hash }

func newPair() *pair { return &pair{sha1.New(), sha256.New()} }

// step is how many bytes one hash takes before the other gets them: they are still in the CPU's nearest cache then.
const step = 16 << 10

func (h *pair) write(p []byte) {
	for len(p) > 0 {
		n := min(len(p), step)
		h.sha1.Write(p[:n]) // a hash never fails
		h.sha256.Write(p[:n])
		p = p[n:]
	}
}

func (h *pair) digests() (store.Digest, store.SHA256) {
	return store.Digest(h.sha1.Sum(nil)), store.SHA256(h.sha256.Sum(nil))
}

func (h *pair) state() (s1, s2 []byte, err error) {
	s1, err1 := h.sha1.(encoding.BinaryMarshaler).MarshalBinary()
	s2, err2 := h.sha256.(encoding.BinaryMarshaler).MarshalBinary()
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, fmt.Errorf("sums: %w", err)
	}
	return s1, s2, nil
}

func (h *pair) restore(s1, s2 []byte, size int64) error {
	if _, err := parse(s1, s2, size); err != nil {
		return err
	}
	fresh := newPair()
	err1 := fresh.sha1.(encoding.BinaryUnmarshaler).UnmarshalBinary(s1)
	err2 := fresh.sha256.(encoding.BinaryUnmarshaler).UnmarshalBinary(s2)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("sums: %w", err)
	}
	*h = *fresh
	return nil
}
