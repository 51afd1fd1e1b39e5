package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/blinkdrive/blinkdrive/store"
)

// sizes say how a blob is cut.
type sizes struct {
	single int64 // up to this a blob goes in one piece
	part   int64 // a larger one in parts of at least this
	page   int32 // what is listed at a time; 0 is the store's choice
}

var defaultSizes = sizes{single: 16 << 20, part: 5 << 20}

// Every store takes parts of 5 MiB to 5 GB, and no more than 10,000 of them.
const maxParts = 10_000

// partSize depends on the blob's size alone, so that each process cuts it alike.
func (s sizes) partSize(size int64) int64 {
	const mib = 1 << 20
	least := (size + maxParts - 1) / maxParts
	return max(s.part, (least+mib-1)/mib*mib)
}

// parted is one blob on its way in parts.
type parted struct {
	*Blobs
	name   store.BlobName
	src    store.Blob
	sums   store.Sums
	upload string
	size   int64                // of each part but the last
	held   map[int32]types.Part // what the store has of an earlier try
	free   chan []byte          // buffers that are not in use now
	done   []types.CompletedPart
	md5s   [][md5.Size]byte
}

func (b *Blobs) putParts(
	ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums, upload string, begun func(string) error,
) error {
	size := b.sizes.partSize(sums.Size)
	n := int((sums.Size + size - 1) / size)
	p := &parted{
		Blobs: b, name: name, src: src, sums: sums, upload: upload, size: size,
		free: make(chan []byte, b.opts.Concurrency+1), done: make([]types.CompletedPart, n), md5s: make([][md5.Size]byte, n),
	}
	if there, err := p.resume(ctx); there || err != nil {
		return err
	}
	if p.upload == "" {
		if err := p.begin(ctx, begun); err != nil {
			return err
		}
	}
	if err := p.send(ctx); err != nil {
		return p.unlessThere(ctx, err)
	}
	if err := p.unlessThere(ctx, p.complete(ctx)); err != nil {
		return err
	}
	return p.confirm(ctx, name, sums, joinedETag(p.md5s))
}

// resume finds out what the store has of an earlier try. An upload that it does not know any more may have been completed
// by a process that did not live to hear of it; else the blob is begun anew.
func (p *parted) resume(ctx context.Context) (there bool, err error) {
	if p.upload == "" {
		return false, nil
	}
	p.held, err = p.listParts(ctx, p.name, p.upload)
	if !errors.Is(err, errNoUpload) {
		return false, err
	}
	p.upload = ""
	return p.there(ctx, p.name, p.sums)
}

func (b *Blobs) listParts(ctx context.Context, name store.BlobName, upload string) (map[int32]types.Part, error) {
	held := map[int32]types.Part{}
	pages := s3.NewListPartsPaginator(b.client, &s3.ListPartsInput{
		Bucket: b.bucket(), Key: aws.String(b.key(name)), UploadId: &upload, MaxParts: b.page(),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err = b.fail(ctx, "list the parts of "+string(name), err); errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("%w: %v", errNoUpload, err) // Ceph says that the key is missing
		} else if err != nil {
			return nil, err
		}
		for _, part := range page.Parts {
			held[aws.ToInt32(part.PartNumber)] = part
		}
	}
	return held, nil
}

func (p *parted) begin(ctx context.Context, begun func(string) error) error {
	out, err := p.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: p.bucket(), Key: aws.String(p.key(p.name)), ContentType: aws.String(mediaType),
		Metadata: metadata(p.sums), ACL: p.acl(),
	})
	if err != nil {
		return hideNotFound(p.fail(ctx, "begin "+string(p.name), err))
	}
	p.upload = aws.ToString(out.UploadId)
	return begun(p.upload)
}

// send reads the source once, part by part, while earlier parts go up from their buffers. One more buffer is in use than
// parts are under way, whatever the size of the blob. The sums are compared before anything becomes visible.
func (p *parted) send(ctx context.Context) error {
	defer p.release()
	h := newHashes()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(p.opts.Concurrency)
	for i := range p.done {
		off := int64(i) * p.size
		buf := p.buffer()[:min(p.size, p.sums.Size-off)]
		if err := h.read(p.src, buf, off); err != nil {
			return errors.Join(fmt.Errorf("blob %s: %w", p.name, err), g.Wait())
		}
		g.Go(func() error {
			defer func() { p.free <- buf[:p.size] }()
			return p.sendPart(gctx, i, buf)
		})
		if gctx.Err() != nil {
			break
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := h.compare(p.sums); err != nil {
		return fmt.Errorf("blob %s: %w", p.name, err)
	}
	return nil
}

func (p *parted) buffer() []byte {
	select {
	case buf := <-p.free:
		return buf
	default:
		return p.pool.get(int(p.size))
	}
}

func (p *parted) release() {
	for range len(p.free) {
		p.pool.put(<-p.free)
	}
}

// sendPart sends the i-th part from 0, unless the store has it. Only an ETag that is the MD5 of the very bytes shows that
// it has; where ETags are something else, parts are sent again.
func (p *parted) sendPart(ctx context.Context, i int, buf []byte) error {
	n, sum := int32(i+1), md5.Sum(buf)
	p.md5s[i] = sum
	etag := hex.EncodeToString(sum[:])
	if held, ok := p.held[n]; ok && aws.ToInt64(held.Size) == int64(len(buf)) && sameETag(aws.ToString(held.ETag), etag) {
		p.done[i] = types.CompletedPart{PartNumber: &n, ETag: held.ETag}
		p.opts.Resumed(int64(len(buf)))
		return nil
	}
	out, err := p.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: p.bucket(), Key: aws.String(p.key(p.name)), UploadId: &p.upload, PartNumber: &n,
		Body: bytes.NewReader(buf), ContentLength: aws.Int64(int64(len(buf))), ContentMD5: contentMD5(sum),
	}, p.unsigned)
	if err != nil {
		return hideNotFound(p.fail(ctx, fmt.Sprintf("send part %d of %s", n, p.name), err))
	}
	p.done[i] = types.CompletedPart{PartNumber: &n, ETag: out.ETag}
	return nil
}

func (p *parted) complete(ctx context.Context) error {
	_, err := p.client.CompleteMultipartUpload(patient(ctx), &s3.CompleteMultipartUploadInput{
		Bucket: p.bucket(), Key: aws.String(p.key(p.name)), UploadId: &p.upload,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: p.done},
	})
	return hideNotFound(p.fail(ctx, "complete "+string(p.name), err))
}

// unlessThere forgets a failure when the blob is there and right after all: the answer to its completion was lost, or
// another process was faster.
func (p *parted) unlessThere(ctx context.Context, failure error) error {
	if !errors.Is(failure, store.ErrUnavailable) || ctx.Err() != nil {
		return failure
	}
	there, err := p.there(ctx, p.name, p.sums)
	if there {
		return nil
	}
	return errors.Join(failure, err)
}

// buffers keeps the buffers of usual parts for the next blob, or for the garbage collector.
type buffers struct {
	size int
	pool sync.Pool
}

func (b *buffers) get(n int) []byte {
	if n == b.size {
		if p, ok := b.pool.Get().(*[]byte); ok {
			return *p
		}
	}
	return make([]byte, n)
}

func (b *buffers) put(p []byte) {
	if len(p) == b.size {
		b.pool.Put(&p)
	}
}
