package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"image/png"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	// Pictures larger than this have no thumbnail.
	maxPictureBytes  = 64 << 20
	maxPicturePixels = 50_000_000
	// pictureMemory is what all pictures that are being decoded may take together; one that would take more has no
	// thumbnail. leastMemory is what each counts for at least, so that no more than two are decoded at once.
	pictureMemory = 400 << 20
	leastMemory   = pictureMemory / 2
	// pictureTime is how long one may take to be read and decoded.
	pictureTime = 20 * time.Second
	// thumbnailsEach is how many of one user's are made at once: whoever has pictures that take long waits for himself.
	thumbnailsEach = 2
)

// ThumbnailSizes are the squares, in pixels, that thumbnails fit into.
func ThumbnailSizes() []int { return []int{128, 256, 512} }

// A Thumbnail is a small picture of a large one.
type Thumbnail struct {
	MediaType string // image/jpeg, or image/png where one can see through it
	Bytes     []byte
}

// thumbnails are those that are being made. The zero value is ready.
type thumbnails struct {
	once   sync.Once
	memory *semaphore.Weighted
	lines  lines
}

// Thumbnail makes a thumbnail of a file that Find returned, which fits into one of ThumbnailSizes. JPEG, PNG, GIF and WebP
// are known by their first bytes, whatever the name. What is made is not kept: the same file always has the same, and
// whoever asked can keep it. NoThumbnail: another kind of file. BadPicture: it is damaged. TooLarge.
func (s *Downloads) Thumbnail(ctx context.Context, e store.Entry, size int) (Thumbnail, error) {
	if e.Content.Sums.Size > maxPictureBytes {
		return Thumbnail{}, errorf(TooLarge, "the picture is too large for a thumbnail; the maximum is %d bytes", maxPictureBytes)
	}
	s.thumbnails.once.Do(func() { s.thumbnails.memory = semaphore.NewWeighted(pictureMemory) })
	head, err := s.head(ctx, e)
	if err != nil {
		return Thumbnail{}, err
	}
	if formatOf(head) == "" {
		return Thumbnail{}, errorf(NoThumbnail, "thumbnails are available only for JPEG, PNG, GIF and WebP")
	}
	leave, err := s.thumbnails.lines.enter(ctx, e.User, thumbnailsEach)
	if err != nil {
		return Thumbnail{}, fmt.Errorf("thumbnail: %w", err)
	}
	defer leave()
	for room := int64(leastMemory); ; {
		small, need, err := s.thumbnailWithin(ctx, e, size, room)
		if err != nil || need <= room {
			return small, err
		}
		room = need
	}
}

// thumbnailWithin makes a thumbnail in so much memory, or tells how much more it needs. It keeps nothing then: many that wait for
// much would otherwise hold their files meanwhile, which nobody counts. Only work has a time limit, waiting has none.
func (s *Downloads) thumbnailWithin(ctx context.Context, e store.Entry, size int, room int64) (small Thumbnail, need int64, err error) {
	if err := s.thumbnails.memory.Acquire(ctx, room); err != nil {
		return Thumbnail{}, 0, fmt.Errorf("thumbnail: %w", err)
	}
	defer s.thumbnails.memory.Release(room)
	ctx, cancel := context.WithTimeoutCause(ctx, pictureTime, errorf(BadPicture, "decoding the picture takes too long"))
	defer cancel()
	p, err := s.picture(ctx, e)
	if err != nil {
		return Thumbnail{}, 0, err
	}
	if need = p.memory(); need > room {
		return Thumbnail{}, need, nil
	}
	small, err = p.thumbnail(ctx, size)
	return small, need, err
}

// cause is the service's own reason where that ended the context.
func cause(ctx context.Context, err error) error {
	if c, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
		return c
	}
	return err
}

// head reads the first bytes of a file.
func (s *Downloads) head(ctx context.Context, e store.Entry) ([]byte, error) {
	d, err := s.OpenEntry(ctx, e)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	head := make([]byte, min(16, e.Content.Sums.Size))
	if _, err := d.Blob.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("thumbnail: %w", err)
	}
	return head, nil
}

// picture reads a file whole and looks how large the picture is.
func (s *Downloads) picture(ctx context.Context, e store.Entry) (*picture, error) {
	d, err := s.OpenEntry(ctx, e)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	data := make([]byte, e.Content.Sums.Size)
	if _, err := io.ReadFull(stopping{ctx, d.Blob}, data); err != nil {
		return nil, fmt.Errorf("thumbnail: %w", cause(ctx, err))
	}
	return newPicture(data)
}

// thumbnail decodes, shrinks and encodes.
func (p *picture) thumbnail(ctx context.Context, size int) (Thumbnail, error) {
	img, err := p.decode(ctx)
	if err != nil {
		return Thumbnail{}, err
	}
	small := turned(shrunk(img, size), p.orientation)
	var out bytes.Buffer
	if !small.Opaque() {
		if err := png.Encode(&out, small); err != nil {
			return Thumbnail{}, fmt.Errorf("thumbnail: %w", err)
		}
		return Thumbnail{"image/png", out.Bytes()}, nil
	}
	if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: 80}); err != nil {
		return Thumbnail{}, fmt.Errorf("thumbnail: %w", err)
	}
	return Thumbnail{"image/jpeg", out.Bytes()}, nil
}

// stopping is a reader that ends with a context: the decoders know of none.
type stopping struct {
	ctx context.Context
	r   io.Reader
}

func (s stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, cause(s.ctx, err)
	}
	return s.r.Read(p)
}
