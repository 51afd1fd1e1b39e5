package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/blinkdrive/blinkdrive/store"
)

const mediaType = "application/octet-stream"

// The metadata of a blob.
const (
	metaSHA1   = "sha1"
	metaSHA256 = "sha256"
)

func metadata(s store.Sums) map[string]string {
	return map[string]string{metaSHA1: s.Digest.String(), metaSHA256: s.SHA256.String()}
}

// object is what the store tells of a blob that is there.
type object struct {
	size         int64
	sha1, sha256 string
	etag         string
	sealed       bool // encrypted with a key of its own, so that the ETag is of other bytes
}

func (o object) is(s store.Sums) bool {
	return o.size == s.Size && o.sha1 == s.Digest.String() && o.sha256 == s.SHA256.String()
}

// same reports whether both are the same bytes. A blob that was put twice has another ETag where its parts differ.
func (o object) same(p object) bool {
	if o.sha256 != "" && p.sha256 != "" {
		return o.size == p.size && o.sha1 == p.sha1 && o.sha256 == p.sha256
	}
	return o.size == p.size && o.etag == p.etag
}

// head asks for a blob's size and sums. ErrNotFound, also where the bucket is missing: the answer has no body.
func (b *Blobs) head(ctx context.Context, name store.BlobName) (object, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: b.bucket(), Key: aws.String(b.key(name))})
	if err != nil {
		return object{}, b.fail(ctx, "inspect "+string(name), err)
	}
	return object{
		size: aws.ToInt64(out.ContentLength), sha1: out.Metadata[metaSHA1], sha256: out.Metadata[metaSHA256],
		etag: aws.ToString(out.ETag), sealed: sealed(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}, nil
}

func sealed(e types.ServerSideEncryption, customer *string) bool {
	return e != "" && e != types.ServerSideEncryptionAes256 || aws.ToString(customer) != ""
}

// there reports whether the blob is there and right.
func (b *Blobs) there(ctx context.Context, name store.BlobName, sums store.Sums) (bool, error) {
	o, err := b.head(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && o.is(sums), err
}

// confirm makes sure of a blob that has been sent: size, metadata and, where it means something, the ETag. Each byte
// was sent with an MD5 that the store has compared. Where the ETag raises a doubt nevertheless, the blob is read.
func (b *Blobs) confirm(ctx context.Context, name store.BlobName, sums store.Sums, etag string) error {
	o, err := b.head(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("blob %s: %w: not found after it was stored", name, store.ErrUnavailable)
	case err != nil:
		return err
	case !o.is(sums):
		return fmt.Errorf("blob %s: stored with %d bytes and other metadata, want %d bytes", name, o.size, sums.Size)
	case sameETag(o.etag, etag), o.sealed, b.rules.opaque:
		return nil
	}
	b.log.Warn("unexpected ETag; reading the blob back", "blob", name, "etag", o.etag, "want", etag)
	return b.readBack(ctx, name, sums)
}

// readBack compares the stored bytes with sums. Bytes that are wrong are removed: the next put must not take them for right.
func (b *Blobs) readBack(ctx context.Context, name store.BlobName, sums store.Sums) error {
	f, err := b.Open(ctx, name)
	if err != nil {
		return fmt.Errorf("read back: %w", hideNotFound(err))
	}
	defer f.Close()
	err = verify(f, sums)
	if errors.Is(err, store.ErrDigestMismatch) || errors.Is(err, store.ErrLength) {
		return errors.Join(fmt.Errorf("blob %s: the stored bytes differ from those sent", name), b.Delete(ctx, name))
	}
	return err
}

// hideNotFound keeps a put from saying Not Found, which would be taken for the source's.
func hideNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %v", store.ErrUnavailable, err)
	}
	return err
}

// contentMD5 is the header that makes the store compare what it got.
func contentMD5(sum [md5.Size]byte) *string {
	return aws.String(base64.StdEncoding.EncodeToString(sum[:]))
}

// sameETag compares ETags whatever their quotes and case.
func sameETag(a, b string) bool {
	plain := func(s string) string { return strings.Trim(strings.TrimPrefix(s, "W/"), `"`) }
	return strings.EqualFold(plain(a), plain(b))
}

// joinedETag is the ETag of a blob that was sent in parts.
func joinedETag(parts [][md5.Size]byte) string {
	var all bytes.Buffer
	for _, p := range parts {
		all.Write(p[:])
	}
	sum := md5.Sum(all.Bytes())
	return hex.EncodeToString(sum[:]) + "-" + strconv.Itoa(len(parts))
}
