package service

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/blinkdrive/blinkdrive/store"
)

// contents reads every content whole, a few at a time.
func (r *fsckRun) contents(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan store.Content)
	var workers sync.WaitGroup
	for range orDefault(r.Workers, 2) {
		workers.Go(func() {
			for c := range queue {
				if err := r.content(ctx, c); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := r.feed(ctx, queue)
	close(queue)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// feed sends all contents to the workers.
func (r *fsckRun) feed(ctx context.Context, queue chan<- store.Content) error {
	for after := int64(0); ; {
		page, err := r.Contents.ListContents(ctx, after, rowsAtATime)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, c := range page {
			select {
			case queue <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		after = page[len(page)-1].ID
	}
}

// content checks one content. One that is not right is checked again by a fresh row: it may have moved, or gone.
func (r *fsckRun) content(ctx context.Context, c store.Content) error {
	for {
		x, bad := r.check(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !bad {
			return r.good(ctx, c)
		}
		now, err := r.Contents.Content(ctx, c.Sums.Digest)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case now.Location != c.Location:
			c = now
			continue
		}
		return r.bad(ctx, c, x)
	}
}

// check reads a blob and says what is wrong with it.
func (r *fsckRun) check(ctx context.Context, c store.Content) (x Finding, bad bool) {
	x = Finding{Of: c.Sums.Digest.String()}
	blob, err := r.Places.Open(ctx, c.Location)
	if errors.Is(err, store.ErrNotFound) {
		x.Kind, x.Detail = BlobMissing, "no blob at "+c.Location.String()
		return x, true
	} else if err != nil {
		x.Kind, x.Detail = BlobUnread, err.Error()
		return x, true
	}
	defer blob.Close()
	sums, err := sumBlob(ctx, blob)
	if err != nil {
		x.Kind, x.Detail = BlobUnread, err.Error()
		return x, true
	}
	x.Kind = BlobDamaged
	switch {
	case sums.Size != c.Sums.Size:
		x.Detail = fmt.Sprintf("%d bytes at %s, want %d", sums.Size, c.Location, c.Sums.Size)
	case sums.Digest != c.Sums.Digest:
		x.Detail = fmt.Sprintf("the bytes at %s have a different SHA-1", c.Location)
	case sums.SHA256 != c.Sums.SHA256:
		x.Detail = fmt.Sprintf("the bytes at %s have a different SHA-256", c.Location)
	}
	return x, sums != c.Sums
}

// good notes that a content was read and found right.
func (r *fsckRun) good(ctx context.Context, c store.Content) error {
	r.mu.Lock()
	r.report.Contents++
	r.report.Bytes += c.Sums.Size
	r.mu.Unlock()
	mended, err := r.mark(ctx, c, store.ContentLive)
	if err == nil && c.Status == store.ContentDamaged {
		r.tell(Finding{Kind: BlobGood, Of: c.Sums.Digest.String(), Detail: "marked damaged, but intact", Repaired: mended})
	}
	if err == nil && mended && c.Status == store.ContentDamaged { // whose transfer was given up for that
		_, err = r.Rows.ReplayTransfers(ctx, c.Sums.Digest, r.Now())
	}
	return err
}

// bad tells of a content that is lost. Marking it does not bring it back: it stays a problem until it is uploaded again.
func (r *fsckRun) bad(ctx context.Context, c store.Content, x Finding) error {
	var marked bool
	var err error
	if x.Kind != BlobUnread {
		marked, err = r.mark(ctx, c, store.ContentDamaged)
	}
	if marked || c.Status == store.ContentDamaged {
		x.Detail += "; marked damaged until it is uploaded again"
	}
	r.tell(x)
	return err
}

func (r *fsckRun) mark(ctx context.Context, c store.Content, s store.ContentStatus) (bool, error) {
	return r.fix(func() error { return r.Contents.MarkContent(ctx, c.Sums.Digest, c.Location, s, r.Now()) })
}
