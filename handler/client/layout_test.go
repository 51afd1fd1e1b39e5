package client

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"pgregory.net/rapid"
)

func TestPlanLayout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ size, want, chunk int64 }{
		{0, 0, 5 << 20},
		{1 << 30, 0, 5 << 20},
		{1 << 30, 1, 256 << 10},
		{1 << 30, 1 << 30, 64 << 20},
		{1 << 40, 0, (1<<40 + 9999) / 10000},
	} {
		if l := planLayout(tt.size, tt.want); l.chunk != tt.chunk || l.count() > maxChunks {
			t.Errorf("planLayout(%d, %d) = %+v, want chunks of %d", tt.size, tt.want, l, tt.chunk)
		}
	}
}

func TestLayoutCoversTheFileOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := layout{rapid.Int64Range(0, 10_000).Draw(t, "size"), rapid.Int64Range(1, 3000).Draw(t, "chunk")}
		held := rapid.SliceOf(rapid.IntRange(-2, 20)).Draw(t, "held")
		var next int64
		for i := 1; i <= l.count(); i++ {
			off, n := l.extent(i)
			if off != next || n <= 0 || n > l.chunk {
				t.Fatalf("chunk %d of %+v: %d bytes at %d", i, l, n, off)
			}
			next += n
			if slices.Contains(held, i) == slices.Contains(l.missing(held), i) {
				t.Fatalf("chunk %d: held %v, missing %v", i, held, l.missing(held))
			}
		}
		if next != l.size {
			t.Fatalf("%+v ends at %d", l, next)
		}
	})
}

func TestSumHashesWholeAndChunks(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 99, 100, 101, 1 << 20} {
		data := randomBytes(size)
		l := layout{int64(size), 100}
		moved := 0
		s, err := sum(t.Context(), bytes.NewReader(data), l, func(n int) { moved += n })
		if err != nil {
			t.Fatal(err)
		}
		if s.digest != hexSHA1(data) || len(s.chunks) != l.count() || moved != size {
			t.Fatalf("%d bytes: digest %s, %d chunks, %d moved", size, s.digest, len(s.chunks), moved)
		}
		for i, got := range s.chunks {
			off, n := l.extent(i + 1)
			if want := hexSHA1(data[off : off+n]); got != want {
				t.Fatalf("chunk %d of %d bytes: %s, want %s", i+1, size, got, want)
			}
		}
	}
}

func TestSumOfShorterFile(t *testing.T) {
	t.Parallel()
	_, err := sum(t.Context(), bytes.NewReader(make([]byte, 99)), layout{100, 10}, func(int) {})
	if !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}

func TestProve(t *testing.T) {
	t.Parallel()
	data := randomBytes(5000)
	ch := api.Challenge{Challenge: "the challenge", Ranges: []api.ChallengeRange{{Offset: 4000, Length: 1000}, {Offset: 10, Length: 5}}}
	mac := hmac.New(sha256.New, []byte("the challenge"))
	mac.Write(data[4000:5000])
	mac.Write(data[10:15])
	got, err := prove(ch, bytes.NewReader(data))
	if err != nil || got != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := prove(ch, bytes.NewReader(data[:4500])); !errors.Is(err, ErrChanged) {
		t.Errorf("of a shorter file: %v, want ErrChanged", err)
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

func hexSHA1(b []byte) string {
	s := sha1.Sum(b)
	return hex.EncodeToString(s[:])
}
