package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blinkdrive/blinkdrive/store"
)

// maxBreaks is how often in a row a body may break without a byte before the read fails.
const maxBreaks = 4

// Open asks for the blob's size; its bytes are asked for when they are read. ctx bounds the reading too.
func (b *Blobs) Open(ctx context.Context, name store.BlobName) (store.Blob, error) {
	o, err := b.head(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		err = b.whyNotFound(ctx, name, err)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	return &blob{b: b, ctx: ctx, cancel: cancel, name: name, object: o}, nil
}

// whyNotFound asks once more in a way that is answered with a reason: a bucket that is missing is no lost blob.
func (b *Blobs) whyNotFound(ctx context.Context, name store.BlobName, notFound error) error {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: b.bucket(), Key: aws.String(b.key(name)), Range: aws.String("bytes=0-0"),
	})
	if err == nil {
		return errors.Join(notFound, out.Body.Close()) // it has just come
	}
	if err = b.fail(ctx, "open "+string(name), err); errors.Is(err, errNoBucket) {
		return err
	}
	return notFound
}

// blob is an open blob. Consecutive Reads share one GET; a Seek costs nothing until the next Read.
type blob struct {
	b      *Blobs
	ctx    context.Context
	cancel context.CancelFunc
	name   store.BlobName
	object object
	closed atomic.Bool

	pos    int64         // where the next Read is to begin
	body   io.ReadCloser // what the last Read read from, or nil
	at     int64         // where it stands
	end    int64         // where it ends
	span   int64         // how much the last GET of Read asked for
	from   int64         // what is between from and until will be read, as somebody said
	until  int64
	breaks int
}

// A GET of Read asks for little at first and for more with each that is read to its end: whoever wants a few bytes here
// and there is not sent the rest of the blob each time. Where somebody has said how much he wants, it asks for that.
const (
	firstSpan = 1 << 20
	maxSpan   = 64 << 20
)

// Size returns the bytes in the blob.
func (f *blob) Size() int64 { return f.object.size }

// Read reads on. A body that breaks is asked for again from where it broke.
func (f *blob) Read(p []byte) (int, error) {
	for {
		switch {
		case f.closed.Load():
			return 0, os.ErrClosed
		case len(p) == 0:
			return 0, nil
		case f.pos >= f.object.size:
			f.drop()
			return 0, io.EOF
		}
		n, err := f.readOn(p)
		if n > 0 {
			f.breaks = 0
			return n, nil // an error shows again at the next Read
		}
		if err = f.again(&f.breaks, f.pos, err); err != nil {
			return 0, err
		}
	}
}

func (f *blob) readOn(p []byte) (int, error) {
	if err := f.begin(); err != nil {
		return 0, err
	}
	n, err := f.body.Read(p[:min(int64(len(p)), f.end-f.pos)])
	f.pos += int64(n)
	f.at = f.pos
	if f.pos == f.end {
		f.drop()
	}
	if err != nil && f.body != nil {
		f.drop()
		return n, broken{err}
	}
	return n, nil
}

// begin sees to a body that stands where the next bytes are to come from.
func (f *blob) begin() error {
	if f.body != nil && f.at == f.pos {
		return nil
	}
	f.drop()
	end := f.nextEnd()
	body, err := f.get(f.pos, end-f.pos)
	if err != nil {
		return err
	}
	f.body, f.at, f.end = body, f.pos, end
	return nil
}

// nextEnd is how far the next GET of Read goes.
func (f *blob) nextEnd() int64 {
	if f.from <= f.pos && f.pos < f.until {
		return f.until
	}
	if f.at != f.pos {
		f.span = 0 // a reader that jumps may want little
	}
	f.span = min(max(firstSpan, 2*f.span), maxSpan)
	return min(f.pos+f.span, f.object.size)
}

// Expect implements store.RemoteBlob.
func (f *blob) Expect(n int64) {
	f.from, f.until = f.pos, f.pos+min(n, f.object.size-f.pos)
}

// drop ends the GET that Reads have shared.
func (f *blob) drop() {
	if f.body != nil {
		f.body.Close()
		f.body = nil
	}
}

// broken is the error of a body that did not come to its end. Any other is the store's answer, and final.
type broken struct{ error }

func (e broken) Unwrap() error { return e.error }

// again decides whether a broken body is asked for once more, and waits before that.
func (f *blob) again(breaks *int, off int64, err error) error {
	var cut broken
	if err == nil || !errors.As(err, &cut) {
		return err // nothing came, as a reader may
	}
	*breaks++
	if f.closed.Load() {
		return os.ErrClosed
	}
	if *breaks >= maxBreaks || f.ctx.Err() != nil {
		return f.b.fail(f.ctx, fmt.Sprintf("read %s at %d", f.name, off), cut.error)
	}
	select {
	case <-time.After(50 * time.Millisecond << *breaks):
		return nil
	case <-f.ctx.Done():
		return f.b.fail(f.ctx, fmt.Sprintf("read %s at %d", f.name, off), cut.error)
	}
}

// ReadAt reads a range with a GET of its own.
func (f *blob) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d: %w", off, store.ErrInvalid)
	}
	want := p[:max(0, min(int64(len(p)), f.object.size-off))]
	done, breaks := 0, 0
	for done < len(want) {
		if f.closed.Load() {
			return done, os.ErrClosed
		}
		n, err := f.readRange(want[done:], off+int64(done))
		if done += n; n > 0 {
			breaks = 0
		}
		if err = f.again(&breaks, off+int64(done), err); err != nil {
			return done, err
		}
	}
	if len(want) < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func (f *blob) readRange(p []byte, off int64) (int, error) {
	body, err := f.get(off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if err != nil {
		return n, broken{err}
	}
	return n, nil
}

// get asks for n bytes from off, and makes sure that they are of the blob that was opened: stores differ in what they take
// for If-Match, and what they answer is the same everywhere.
func (f *blob) get(off, n int64) (io.ReadCloser, error) {
	in := &s3.GetObjectInput{Bucket: f.b.bucket(), Key: aws.String(f.b.key(f.name))}
	whole := off == 0 && n == f.object.size
	if !whole {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	}
	out, err := f.b.client.GetObject(f.ctx, in)
	if f.closed.Load() && err != nil {
		return nil, os.ErrClosed
	}
	if err != nil {
		return nil, f.b.fail(f.ctx, fmt.Sprintf("read %s at %d", f.name, off), err)
	}
	got := object{
		size: aws.ToInt64(out.ContentLength), sha1: out.Metadata[metaSHA1], sha256: out.Metadata[metaSHA256],
		etag: aws.ToString(out.ETag),
	}
	from := int64(0)
	if !whole || aws.ToString(out.ContentRange) != "" {
		from, got.size = contentRange(aws.ToString(out.ContentRange))
	}
	if from != off || !got.same(f.object) {
		out.Body.Close()
		return nil, fmt.Errorf("%s %s: read %s at %d: %w: the store returned another range than requested",
			f.b.Kind(), f.b.opts.Bucket, f.name, off, store.ErrUnavailable)
	}
	return out.Body, nil
}

// contentRange reads "bytes FROM-TO/SIZE".
func contentRange(s string) (from, size int64) {
	s, ok := strings.CutPrefix(s, "bytes ")
	first, rest, _ := strings.Cut(s, "-")
	_, all, _ := strings.Cut(rest, "/")
	from, err := strconv.ParseInt(first, 10, 64)
	size, serr := strconv.ParseInt(all, 10, 64)
	if !ok || err != nil || serr != nil {
		return -1, -1
	}
	return from, size
}

// Seek says where the next Read begins.
func (f *blob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += f.object.size
	default:
		return 0, fmt.Errorf("seek: %w: whence %d", store.ErrInvalid, whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: %w", offset, store.ErrInvalid)
	}
	f.pos = offset
	return offset, nil
}

// Close ends what is under way.
func (f *blob) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	f.cancel()
	f.drop()
	return nil
}
