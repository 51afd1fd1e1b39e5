package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blinkdrive/blinkdrive/store"
)

// maxLink is how long a signature of version 4 can be valid.
const maxLink = 7 * 24 * time.Hour

// Link returns a presigned URL. It sends nothing to the store. ErrInvalid: no signature lives so long or so short. With
// credentials that expire, as those of a role, the link does not outlive them.
func (b *Blobs) Link(ctx context.Context, name store.BlobName, disposition, mediaType string, ttl time.Duration) (string, error) {
	if ttl < time.Second || ttl > maxLink {
		return "", fmt.Errorf("%s %s: presign: %w: lifetime must be between 1 second and 7 days, got %v", b.Kind(), b.opts.Bucket, store.ErrInvalid, ttl)
	}
	in := &s3.GetObjectInput{Bucket: b.bucket(), Key: aws.String(b.key(name))}
	if disposition != "" {
		in.ResponseContentDisposition = &disposition
	}
	if mediaType != "" {
		in.ResponseContentType = &mediaType
	}
	signed, err := b.links.PresignGetObject(ctx, in, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", b.fail(ctx, "link", err)
	}
	return signed.URL, nil
}
