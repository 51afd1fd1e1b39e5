package sums

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/blinkdrive/blinkdrive/store"
)

// kinds are the ways to compute sums that this machine has.
func kinds() map[string]func() *Hash {
	list := map[string]func() *Hash{"pair": func() *Hash { return &Hash{both: newPair()} }}
	if hasSHA {
		list["fused"] = func() *Hash { return &Hash{both: newFused()} }
	}
	return list
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func want(p []byte) store.Sums {
	return store.Sums{Digest: sha1.Sum(p), SHA256: sha256.Sum256(p), Size: int64(len(p))}
}

// TestLengths: every length around the edges of blocks and of the padding, and some long ones.
func TestLengths(t *testing.T) {
	t.Parallel()
	p := noise(1<<20 + 77)
	for name, make := range kinds() {
		lengths := []int{4095, 4096, 4097, burst - 1, burst, burst + 1, len(p)}
		for n := range 300 {
			lengths = append(lengths, n)
		}
		for _, n := range lengths {
			h := make()
			h.Write(p[:n])
			if diff := cmp.Diff(want(p[:n]), h.Sums()); diff != "" {
				t.Fatalf("%s of %d bytes: %s", name, n, diff)
			}
		}
	}
}

// TestPieces: however the bytes come, and wherever the states are taken out and put into another Hash, of any kind, the
// sums are the standard library's.
func TestPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"pair", "fused"})
		make := func() *Hash {
			if f := kinds()[name.Draw(t, "kind")]; f != nil {
				return f()
			}
			return New()
		}
		h := make()
		var all []byte
		for range rapid.IntRange(0, 8).Draw(t, "pieces") {
			p := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "piece")
			all = append(all, p...)
			h.Write(p)
			if diff := cmp.Diff(want(all), h.Sums()); diff != "" {
				t.Fatal(diff)
			}
			s1, s2, err := h.State()
			if err != nil {
				t.Fatal(err)
			}
			h = make()
			h.Write([]byte("other bytes"))
			if err := h.Restore(s1, s2, int64(len(all))); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want(all), h.Sums()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestStatesAreTheStandardLibrarys, so that a journal serves whatever program has written it.
func TestStatesAreTheStandardLibrarys(t *testing.T) {
	t.Parallel()
	for n, p := 0, noise(200); n <= len(p); n++ {
		std := &Hash{both: newPair()}
		std.Write(p[:n])
		w1, w2, err := std.State()
		if err != nil {
			t.Fatal(err)
		}
		for name, make := range kinds() {
			h := make()
			h.Write(p) // what a block leaves in the tail must not show
			h = make()
			h.Write(p[:n])
			g1, g2, err := h.State()
			if err != nil || !bytes.Equal(g1, w1) || !bytes.Equal(g2, w2) {
				t.Fatalf("%s after %d bytes: %x %x, want %x %x (%v)", name, n, g1, g2, w1, w2, err)
			}
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	for name, make := range kinds() {
		p := noise(100)
		h := make()
		h.Write(p)
		s1, s2, err := h.State()
		if err != nil {
			t.Fatal(err)
		}
		spoilt := func(b []byte, at int) []byte {
			b = bytes.Clone(b)
			b[at] ^= 1
			return b
		}
		for what, c := range map[string]struct {
			s1, s2 []byte
			size   int64
		}{
			"nothing": {nil, nil, 100}, "one for the other": {s2, s1, 100}, "another size": {s1, s2, 99}, "negative": {s1, s2, -28},
			"magic": {spoilt(s1, 0), s2, 100}, "magic of the second": {s1, spoilt(s2, 3), 100}, "tails differ": {spoilt(s1, 24), s2, 100},
			"sizes differ": {s1, spoilt(s2, len(s2)-1), 100}, "short": {s1[:len(s1)-1], s2, 100},
		} {
			if err := h.Restore(c.s1, c.s2, c.size); err == nil {
				t.Errorf("%s: %s is accepted", name, what)
			}
		}
		if diff := cmp.Diff(want(p), h.Sums()); diff != "" {
			t.Errorf("%s: a refused state has left its mark: %s", name, diff)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	p := noise(256 << 10)
	for name, make := range kinds() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			h := make()
			for b.Loop() {
				h.Write(p)
			}
		})
	}
}
