package store

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// A Digest is the SHA-1 of a file's bytes: the key of instant upload. The zero Digest means "not known";
// it is only made by ParseDigest, by hashing, or by converting a checksum that was computed here.
type Digest [sha1.Size]byte

// EmptyDigest is the digest of no bytes.
var EmptyDigest = Digest(sha1.Sum(nil))

// ParseDigest reads 40 hexadecimal characters of either case.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) {
		return Digest{}, fmt.Errorf("digest: %w: must be 40 hexadecimal characters, got %d", ErrInvalid, len(s))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return Digest{}, fmt.Errorf("digest: %w: must be hexadecimal", ErrInvalid)
	}
	return d, nil
}

// String returns 40 lower-case hexadecimal characters.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether the digest is not known.
func (d Digest) IsZero() bool { return d == Digest{} }

// A SHA256 is the second, collision-resistant checksum of a content.
type SHA256 [sha256.Size]byte

// ParseSHA256 reads 64 hexadecimal characters of either case.
func ParseSHA256(s string) (SHA256, error) {
	var d SHA256
	if len(s) != hex.EncodedLen(len(d)) {
		return SHA256{}, fmt.Errorf("sha-256: %w: must be 64 hexadecimal characters, got %d", ErrInvalid, len(s))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return SHA256{}, fmt.Errorf("sha-256: %w: must be hexadecimal", ErrInvalid)
	}
	return d, nil
}

// String returns 64 lower-case hexadecimal characters.
func (d SHA256) String() string { return hex.EncodeToString(d[:]) }

// Sums are what the server itself computed over a content's bytes.
type Sums struct {
	Digest Digest
	SHA256 SHA256
	Size   int64 // bytes
}
