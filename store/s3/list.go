package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blinkdrive/blinkdrive/store"
)

// Delete removes a blob. A missing bucket is an error: garbage must not be forgotten because of a wrong setting.
func (b *Blobs) Delete(ctx context.Context, name store.BlobName) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b.bucket(), Key: aws.String(b.key(name))})
	if err = b.fail(ctx, "delete "+string(name), err); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// List calls fn with each blob below the prefix.
func (b *Blobs) List(ctx context.Context, fn func(store.BlobInfo) error) error {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{
		Bucket: b.bucket(), Prefix: aws.String(b.prefix()), MaxKeys: b.page(),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.fail(ctx, "list", err)
		}
		for _, o := range page.Contents {
			name, ok := b.named(aws.ToString(o.Key))
			if !ok {
				continue
			}
			if err := fn(store.BlobInfo{Name: name, Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ListMultiparts calls fn with each unfinished multipart upload below the prefix.
func (b *Blobs) ListMultiparts(ctx context.Context, fn func(store.Multipart) error) error {
	return b.listMultiparts(ctx, b.prefix(), fn)
}

func (b *Blobs) listMultiparts(ctx context.Context, prefix string, fn func(store.Multipart) error) error {
	pages := s3.NewListMultipartUploadsPaginator(b.client, &s3.ListMultipartUploadsInput{
		Bucket: b.bucket(), Prefix: &prefix, MaxUploads: b.page(),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.fail(ctx, "list the multipart uploads", err)
		}
		for _, u := range page.Uploads {
			name, ok := b.named(aws.ToString(u.Key))
			if !ok {
				continue
			}
			if err := fn(store.Multipart{Name: name, Upload: aws.ToString(u.UploadId), Begun: aws.ToTime(u.Initiated)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// page is how much is listed at a time, nil for the store's choice.
func (b *Blobs) page() *int32 {
	if b.sizes.page == 0 {
		return nil
	}
	return &b.sizes.page
}

// abortTries bounds how often parts that were under way meanwhile are removed too.
const abortTries = 4

// AbortMultipart removes an unfinished multipart upload. A part that was on its way may arrive after an abort, so it is
// repeated until the store knows nothing of the upload.
func (b *Blobs) AbortMultipart(ctx context.Context, name store.BlobName, upload string) error {
	for range abortTries {
		_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: b.bucket(), Key: aws.String(b.key(name)), UploadId: &upload,
		})
		if err = b.fail(ctx, "abort the multipart upload of "+string(name), err); err != nil && !errors.Is(err, errNoUpload) {
			return err
		}
		held, err := b.listParts(ctx, name, upload)
		switch {
		case errors.Is(err, errNoUpload):
			return nil
		case err != nil:
			return err
		case len(held) == 0 && b.rules.opaque: // a store may list no parts rather than no upload
			return nil
		}
	}
	return fmt.Errorf("%s %s: abort the multipart upload of %s: %w: parts are still arriving", b.Kind(), b.opts.Bucket, name, store.ErrUnavailable)
}
