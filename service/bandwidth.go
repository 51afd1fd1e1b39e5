package service

import (
	"context"
	"io"
	"sync"

	"golang.org/x/time/rate"

	"github.com/blinkdrive/blinkdrive/store"
)

// A throttle makes all transfers of a process together read no more than so many bytes per second.
type throttle struct {
	once    sync.Once
	limiter *rate.Limiter
}

// limit returns src with reads that wait for their share of perSecond, the same at each call; 0 is no limit.
func (l *throttle) limit(ctx context.Context, src store.Blob, perSecond int64) store.Blob {
	if perSecond <= 0 {
		return src
	}
	l.once.Do(func() { l.limiter = rate.NewLimiter(rate.Limit(perSecond), burst(perSecond)) })
	return &slowBlob{Blob: src, ctx: ctx, limiter: l.limiter}
}

// burst is what may be read at once: an eighth of a second's bytes, 1 MiB at the most.
func burst(perSecond int64) int { return int(min(max(perSecond/8, 1), 1<<20)) }

// A slowBlob waits for leave before each piece of a read. Only one of its reads waits at a time, so that a transfer with
// many parallel parts gets no larger share than one with a single part: the limiter serves whoever waits in turn.
type slowBlob struct {
	store.Blob
	ctx     context.Context //nolint:containedctx // of the transfer; a reader has no other way to be told
	limiter *rate.Limiter
	turn    sync.Mutex
}

func (b *slowBlob) Read(p []byte) (int, error) {
	p = p[:min(len(p), b.limiter.Burst())]
	if err := b.wait(len(p)); err != nil {
		return 0, err
	}
	return b.Blob.Read(p)
}

func (b *slowBlob) ReadAt(p []byte, off int64) (int, error) {
	total := 0
	for total < len(p) {
		piece := p[total:min(len(p), total+b.limiter.Burst())]
		if err := b.wait(len(piece)); err != nil {
			return total, err
		}
		n, err := b.Blob.ReadAt(piece, off+int64(total))
		total += n
		if err != nil && (err != io.EOF || total < len(p)) { //nolint:errorlint // io.ReaderAt returns that very value
			return total, err
		}
	}
	return total, nil
}

func (b *slowBlob) wait(n int) error {
	b.turn.Lock()
	defer b.turn.Unlock()
	return b.limiter.WaitN(b.ctx, n)
}
