package client

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// A verifier hashes what arrives, in order, and compares it with what the drive says of the file.
type verifier struct {
	hash.Hash
	want []byte
}

// verifier chooses the strongest digest that is known: SHA-256 as the answer's header tells, else SHA-1 from the ETag,
// from the reference, or from the entry.
func (c *Client) verifier(ctx context.Context, ref Ref, info *fileInfo) (*verifier, error) {
	if info.sha256 != nil {
		return &verifier{sha256.New(), info.sha256}, nil
	}
	if want := etagSHA1(info.etag); want != nil {
		return &verifier{sha1.New(), want}, nil
	}
	digest := ref.Digest
	if digest == "" {
		m, err := c.Meta(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("could not get the digest: %w", err)
		}
		digest = m.FileSha1
	}
	want, err := hex.DecodeString(digest)
	if err != nil || len(want) != sha1.Size {
		return nil, fmt.Errorf("invalid digest %q", digest)
	}
	return &verifier{sha1.New(), want}, nil
}

func (v *verifier) verify() error {
	if got := v.Sum(nil); !bytes.Equal(got, v.want) {
		return fmt.Errorf("%w: digest %x, want %x", ErrCorrupt, got, v.want)
	}
	return nil
}

// etagSHA1 returns the SHA-1 that an ETag is, or nil if it is something else.
func etagSHA1(etag string) []byte {
	b, err := hex.DecodeString(strings.Trim(etag, `"`))
	if err != nil || len(b) != sha1.Size {
		return nil
	}
	return b
}
