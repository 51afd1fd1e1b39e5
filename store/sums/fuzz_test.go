package sums

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/store"
)

// FuzzPieces: the bytes come in two pieces, at any distance from a word's boundary, and the states move on in between.
func FuzzPieces(f *testing.F) {
	for _, n := range []int{0, 1, 55, 56, 63, 64, 65, 119, 128, 1000} {
		f.Add(noise(n), uint16(n/2), uint8(n))
	}
	f.Fuzz(func(t *testing.T, p []byte, cut uint16, shift uint8) {
		room := make([]byte, int(shift)+len(p))
		copy(room[shift:], p)
		p = room[shift:]
		at := min(int(cut), len(p))
		for name, make := range kinds() {
			h := make()
			h.Write(p[:at])
			s1, s2, err := h.State()
			if err != nil {
				t.Fatal(err)
			}
			for other, make := range kinds() {
				next := make()
				if err := next.Restore(s1, s2, int64(at)); err != nil {
					t.Fatal(err)
				}
				next.Write(p[at:])
				if diff := cmp.Diff(want(p), next.Sums()); diff != "" {
					t.Errorf("%s, then %s, of %d and %d bytes: %s", name, other, at, len(p)-at, diff)
				}
			}
		}
	})
}

// FuzzRestore: no state, however it was spoilt, does more than to be refused or to give other sums.
func FuzzRestore(f *testing.F) {
	h := New()
	h.Write(noise(100))
	s1, s2, err := h.State()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s1, s2, int64(100))
	f.Add([]byte{}, s2, int64(0))
	f.Fuzz(func(t *testing.T, s1, s2 []byte, size int64) {
		var all []store.Sums
		for _, make := range kinds() {
			h := make()
			if err := h.Restore(s1, s2, size); err != nil {
				h = make()
			}
			h.Write(s1)
			all = append(all, h.Sums())
		}
		for _, s := range all[1:] {
			if diff := cmp.Diff(all[0], s); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// TestLongLengths: the padding holds the length in bits, which has more than 32 of them from 512 MiB on. The states are those of
// contents so long that nobody hashes them here.
func TestLongLengths(t *testing.T) {
	t.Parallel()
	for _, blocks := range []int64{1 << 23, 1<<26 - 1, 1 << 26, 1<<26 + 1, 1 << 34, 1 << 52} {
		for _, rest := range []int{0, 1, 55, 56, 63} {
			size := blocks*blockSize + int64(rest)
			first := noise(rest)
			s1, s2 := sha1.New(), sha256.New()
			s1.Write(first)
			s2.Write(first)
			m1, m2 := long(t, s1, size), long(t, s2, size)
			more := noise(200)
			s1.Write(more)
			s2.Write(more)
			for name, make := range kinds() {
				h := make()
				if err := h.Restore(m1, m2, size); err != nil {
					t.Fatal(err)
				}
				h.Write(more)
				want := store.Sums{Digest: store.Digest(s1.Sum(nil)), SHA256: store.SHA256(s2.Sum(nil)), Size: size + int64(len(more))}
				if diff := cmp.Diff(want, h.Sums()); diff != "" {
					t.Errorf("%s of %d bytes: %s", name, size, diff)
				}
			}
		}
	}
}

// long has a hash believe that so many bytes were written to it, and returns that state.
func long(t *testing.T, h hash.Hash, size int64) []byte {
	t.Helper()
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(state[len(state)-8:], uint64(size))
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	return state
}

// TestManyAtOnce hashes on more goroutines than there are CPUs, on stacks that grow and with a collector that runs all the time.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	p := noise(3*burst + 17)
	whole := want(p)
	var wg sync.WaitGroup
	for n := range 4 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for range 10 {
				if diff := cmp.Diff(whole, deep(n, p)); diff != "" {
					t.Error(diff)
				}
				runtime.GC()
			}
		})
	}
	wg.Wait()
}

// deep hashes a copy of p on its stack, after having grown that.
func deep(n int, p []byte) store.Sums {
	var onStack [blockSize]byte
	if n > 0 {
		s := deep(n-1, p)
		onStack[n%blockSize] = s.Digest[0]
		return s
	}
	h := New()
	for len(p) > 0 {
		k := copy(onStack[:], p)
		h.Write(onStack[:k])
		p = p[k:]
	}
	return h.Sums()
}
