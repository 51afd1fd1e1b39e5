package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/blinkdrive/blinkdrive/store"
)

// Check says whether the bucket can be used, and makes it where it is missing and we may. Its error names what is in the
// way: the endpoint, the credentials, the region, the clock, the bucket or a permission. ErrUnavailable: try again later.
// Where all is well it costs one request.
func (b *Blobs) Check(ctx context.Context) error {
	// Unlike HEAD, the listing has an error body, and it is allowed to exactly those who can use List.
	_, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: b.bucket(), Prefix: aws.String(b.prefix()), MaxKeys: aws.Int32(1),
	})
	err = b.fail(ctx, "check", err)
	if errors.Is(err, errNoBucket) {
		return b.makeBucket(ctx)
	}
	return err
}

func (b *Blobs) makeBucket(ctx context.Context) error {
	if err := b.mayMake(ctx); err != nil {
		return err
	}
	in := &s3.CreateBucketInput{Bucket: b.bucket()}
	if b.rules.private {
		in.ACL = types.BucketCannedACLPrivate
	}
	if b.rules.constraint && b.opts.Region != "us-east-1" { // which is refused as a name
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(b.opts.Region),
		}
	}
	_, err := b.client.CreateBucket(ctx, in)
	switch codeOf(err) {
	case "BucketAlreadyOwnedByYou":
		return nil // another process was faster
	case "BucketAlreadyExists":
		return fmt.Errorf("%s %s: the bucket name is taken by another account: %w", b.Kind(), b.opts.Bucket, err)
	}
	if err = b.fail(ctx, "create the missing bucket", err); err != nil {
		return err
	}
	b.log.Info("bucket created", "store", b.Kind(), "bucket", b.opts.Bucket)
	return nil
}

func (b *Blobs) mayMake(ctx context.Context) error {
	if b.opts.MayMake == nil {
		return nil
	}
	may, err := b.opts.MayMake(ctx)
	if err == nil && !may {
		err = errNotMade
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", b.Kind(), b.opts.Bucket, err)
	}
	return nil
}

// withBucket does what needs the bucket, and does it again when it had to be made first.
func (b *Blobs) withBucket(ctx context.Context, do func() error) error {
	err := do()
	if !errors.Is(err, errNoBucket) {
		return err
	}
	if cerr := b.Check(ctx); cerr != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, cerr)
	}
	return do()
}
