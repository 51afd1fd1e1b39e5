//go:build !purego

package sums

import (
	"encoding/binary"

	"github.com/blinkdrive/blinkdrive/store"
)

// hasSHA: the CPU has the SHA instructions, and those of SSSE3 and SSE4.1 that prepare their operands.
var hasSHA = detect()

// detect asks the CPU.
func detect() bool {
	const ssse3, sse41, sha = 1 << 9, 1 << 19, 1 << 29
	most, _, _ := cpuid(0, 0)
	if most < 7 {
		return false
	}
	_, _, features := cpuid(1, 0)
	_, more, _ := cpuid(7, 0)
	return features&ssse3 != 0 && features&sse41 != 0 && more&sha != 0
}

func cpuid(leaf, sub uint32) (eax, ebx, ecx uint32)

// lanes are the words of both states in the order in which the instructions want them, the lowest lane first.
type lanes struct {
	abef, cdgh [4]uint32 // SHA-256
	abcd, e    [4]uint32 // SHA-1
}

// blocks adds whole blocks to both states. k is roundWords.
//
//go:noescape
func blocks(s *lanes, p *byte, count int, k *[64]uint32)

// roundWords are SHA-256's constants.
var roundWords = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

// A fused computes both hashes in one loop.
type fused struct {
	lanes
	tail [blockSize]byte // what came after the last whole block
	size int64
}

func newFused() both {
	f := &fused{}
	f.set(words{
		sha1:   [words1]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
		sha256: [words256]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
	})
	return f
}

func (f *fused) write(p []byte) {
	if rest := int(f.size % blockSize); rest > 0 {
		n := copy(f.tail[rest:], p)
		f.size += int64(n)
		if p = p[n:]; rest+n < blockSize {
			return
		}
		blocks(&f.lanes, &f.tail[0], 1, &roundWords)
	}
	for len(p) >= blockSize {
		n := min(len(p), burst) / blockSize
		blocks(&f.lanes, &p[0], n, &roundWords)
		f.size += int64(n * blockSize)
		p = p[n*blockSize:]
	}
	f.size += int64(copy(f.tail[:], p))
}

// digests pads a copy: a one bit, zeros, and the number of bits in the last eight bytes.
func (f *fused) digests() (store.Digest, store.SHA256) {
	end := *f
	var pad [2 * blockSize]byte
	pad[0] = 0x80
	zeros := (2*blockSize - 8 - 1 - int(f.size%blockSize)) % blockSize
	binary.BigEndian.PutUint64(pad[1+zeros:], uint64(f.size)<<3)
	end.write(pad[:1+zeros+8])
	var d store.Digest
	var s store.SHA256
	w := end.words()
	copy(d[:], appendWords(nil, w.sha1[:]))
	copy(s[:], appendWords(nil, w.sha256[:]))
	return d, s
}

func (f *fused) state() (s1, s2 []byte, err error) {
	w := f.words()
	s1, s2 = w.state()
	return s1, s2, nil
}

func (f *fused) restore(s1, s2 []byte, size int64) error {
	w, err := parse(s1, s2, size)
	if err == nil {
		f.set(w)
	}
	return err
}

func (f *fused) words() words {
	return words{
		sha1: [words1]uint32{f.abcd[3], f.abcd[2], f.abcd[1], f.abcd[0], f.e[3]},
		sha256: [words256]uint32{
			f.abef[3], f.abef[2], f.cdgh[3], f.cdgh[2], f.abef[1], f.abef[0], f.cdgh[1], f.cdgh[0],
		},
		tail: f.tail, size: f.size,
	}
}

func (f *fused) set(w words) {
	a, s := w.sha1, w.sha256
	f.abcd, f.e = [4]uint32{a[3], a[2], a[1], a[0]}, [4]uint32{3: a[4]}
	f.abef, f.cdgh = [4]uint32{s[5], s[4], s[1], s[0]}, [4]uint32{s[7], s[6], s[3], s[2]}
	f.tail, f.size = w.tail, w.size
}
