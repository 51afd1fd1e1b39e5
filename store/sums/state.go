package sums

import (
	"bytes"
	"encoding/binary"
)

const (
	blockSize = 64       // of both hashes
	burst     = 64 << 10 // bytes that are hashed in one go, which the scheduler cannot interrupt
)

// The states are as the standard library writes them, all numbers big-endian:
//
//	"sha\x01" | five words | the bytes of the unfinished block, and zeros | size uint64
//	"sha\x03" | eight words | 〃
const (
	magic1, magic256 = "sha\x01", "sha\x03"
	words1, words256 = 5, 8

	stateSize1   = len(magic1) + 4*words1 + blockSize + 8
	stateSize256 = len(magic256) + 4*words256 + blockSize + 8
)

// words are the states of both hashes after whole blocks, and what came after these.
type words struct {
	sha1   [words1]uint32
	sha256 [words256]uint32
	tail   [blockSize]byte
	size   int64
}

// rest is how much of the tail is in use.
func (w *words) rest() int { return int(w.size % blockSize) }

func (w *words) state() (s1, s2 []byte) {
	s1, s2 = make([]byte, 0, stateSize1), make([]byte, 0, stateSize256)
	return w.appendTail(appendWords(append(s1, magic1...), w.sha1[:])),
		w.appendTail(appendWords(append(s2, magic256...), w.sha256[:]))
}

func appendWords(b []byte, list []uint32) []byte {
	for _, v := range list {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func (w *words) appendTail(b []byte) []byte {
	b = append(b, w.tail[:w.rest()]...)
	b = append(b, make([]byte, blockSize-w.rest())...)
	return binary.BigEndian.AppendUint64(b, uint64(w.size))
}

// parse reads the states of two hashes that the same size bytes were written to.
func parse(s1, s2 []byte, size int64) (words, error) {
	w := words{size: size}
	if len(s1) != stateSize1 || len(s2) != stateSize256 || size < 0 {
		return words{}, errState
	}
	tail1, tail2 := s1[len(magic1)+4*words1:], s2[len(magic256)+4*words256:]
	n := w.rest()
	switch {
	case string(s1[:len(magic1)]) != magic1, string(s2[:len(magic256)]) != magic256,
		!bytes.Equal(tail1[:n], tail2[:n]), !bytes.Equal(tail1[blockSize:], tail2[blockSize:]),
		binary.BigEndian.Uint64(tail1[blockSize:]) != uint64(size):
		return words{}, errState
	}
	for i := range w.sha1 {
		w.sha1[i] = binary.BigEndian.Uint32(s1[len(magic1)+4*i:])
	}
	for i := range w.sha256 {
		w.sha256[i] = binary.BigEndian.Uint32(s2[len(magic256)+4*i:])
	}
	copy(w.tail[:], tail1[:n])
	return w, nil
}
