package s3

import "github.com/aws/aws-sdk-go-v2/service/s3"

// SetSizes makes parts as small as the stores take them, and pages so small that there are several.
func (b *Blobs) SetSizes(single, part int64, page int32) {
	b.sizes = sizes{single: single, part: part, page: page}
	b.pool = &buffers{size: int(part)}
}

// PartSize is the size of the parts of a blob.
func PartSize(size int64) int64 { return defaultSizes.partSize(size) }

// Client speaks to the store past the driver.
func (b *Blobs) Client() *s3.Client { return b.client }
