package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sums"
)

// Put stores the bytes of src. What it sent of a large blob before it failed is removed, since nobody could go on with it.
func (b *Blobs) Put(ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums) error {
	var last string
	err := b.put(ctx, name, src, sums, func() error {
		return b.putParts(ctx, name, src, sums, "", func(upload string) error {
			last = upload
			return nil
		})
	})
	if err == nil || last == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if aerr := b.AbortMultipart(ctx, name, last); aerr != nil {
		b.log.Warn("could not abort multipart upload; the sweeper will", "blob", name, "err", aerr)
	}
	return err
}

// PutResumable is Put that goes on with an earlier try. It reads src with ReadAt, in order and once, part by part.
func (b *Blobs) PutResumable(
	ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums, upload string, begun func(string) error,
) error {
	return b.put(ctx, name, src, sums, func() error {
		return b.putParts(ctx, name, src, sums, upload, func(upload string) error {
			if err := begun(upload); err != nil {
				return err
			}
			if err := b.abortOthers(ctx, name, upload); err != nil {
				b.log.Warn("could not abort multipart uploads of an earlier attempt; the sweeper will", "blob", name, "err", err)
			}
			return nil
		})
	})
}

// put stores a blob: a small one with one request, whether it is there or not, since asking would cost each of them another; a
// larger one by parts, unless it is there.
func (b *Blobs) put(ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums, parts func() error) error {
	if src.Size() != sums.Size {
		return fmt.Errorf("blob %s: %w: %d bytes, want %d", name, store.ErrLength, src.Size(), sums.Size)
	}
	if sums.Size <= b.sizes.single {
		return b.withBucket(ctx, func() error { return b.putWhole(ctx, name, src, sums) })
	}
	if there, err := b.there(ctx, name, sums); there || err != nil {
		return err
	}
	return b.withBucket(ctx, parts)
}

// abortOthers ends what was begun for the same blob and never recorded: whoever begins anew knows of none, so a process
// died before begun was through. No part of it was sent.
func (b *Blobs) abortOthers(ctx context.Context, name store.BlobName, upload string) error {
	return b.listMultiparts(ctx, b.key(name), func(m store.Multipart) error {
		if m.Name != name || m.Upload == upload {
			return nil
		}
		return b.AbortMultipart(ctx, name, m.Upload)
	})
}

// putWhole sends a small blob with one request.
func (b *Blobs) putWhole(ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums) error {
	buf := make([]byte, sums.Size)
	h := newHashes()
	if err := h.read(src, buf, 0); err != nil {
		return fmt.Errorf("blob %s: %w", name, err)
	}
	if err := h.compare(sums); err != nil {
		return fmt.Errorf("blob %s: %w", name, err)
	}
	sum := md5.Sum(buf)
	in := &s3.PutObjectInput{
		Bucket: b.bucket(), Key: aws.String(b.key(name)), Body: bytes.NewReader(buf), ContentLength: aws.Int64(sums.Size),
		ContentMD5: contentMD5(sum), ContentType: aws.String(mediaType), Metadata: metadata(sums), ACL: b.acl(),
	}
	out, err := b.client.PutObject(ctx, in, b.unsigned)
	if err != nil {
		return hideNotFound(b.fail(ctx, "put "+string(name), err))
	}
	if etag := hex.EncodeToString(sum[:]); !sameETag(aws.ToString(out.ETag), etag) {
		return b.confirm(ctx, name, sums, etag)
	}
	return nil
}

func (b *Blobs) acl() types.ObjectCannedACL {
	if b.rules.private {
		return types.ObjectCannedACLPrivate
	}
	return ""
}

// unsigned leaves a body out of the signature where TLS protects it, or where the store takes that anyway: its MD5 is in a signed
// header, and one more hash of each part would only cost time, here and there.
func (b *Blobs) unsigned(o *s3.Options) {
	if b.rules.unsigned || b.opts.Endpoint == "" || strings.HasPrefix(b.opts.Endpoint, "https:") {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
}

// hashes follow the bytes of a whole blob.
type hashes struct{ *sums.Hash }

func newHashes() hashes { return hashes{sums.New()} }

// read fills p from src at off.
func (h hashes) read(src io.ReaderAt, p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	n, err := src.ReadAt(p, off)
	switch {
	case n == len(p):
		_, err = h.Write(p)
		return err
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("source: %w: ends at %d", store.ErrLength, off+int64(n))
	}
	return fmt.Errorf("source: %w", err)
}

func (h hashes) compare(s store.Sums) error {
	switch {
	case h.Size() != s.Size:
		return fmt.Errorf("source: %w: %d bytes, want %d", store.ErrLength, h.Size(), s.Size)
	case h.Sums() != s:
		return fmt.Errorf("source: %w", store.ErrDigestMismatch)
	}
	return nil
}

// verify reads r to its end.
func verify(r io.Reader, s store.Sums) error {
	h := newHashes()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	return h.compare(s)
}
