package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

const (
	partSize = 8 << 20 // of a parallel download
	maxParts = 4096    // more are not kept track of; parts get larger instead
	copySize = 256 << 10
)

// DownloadOptions say how a file is to be downloaded. The zero value means the documented defaults.
type DownloadOptions struct {
	Parallel int         // ranges under way at once; default that of the client
	Progress func(Event) // called now and then, by one goroutine at a time; must return soon
}

// Downloaded is what a download came to.
type Downloaded struct {
	Size     int64
	Digest   string // SHA-1 in hexadecimal, where the drive tells it
	Received int64  // bytes of the file that came, counting each as often as it came
}

// A Reader reads a file from its beginning. It goes on after trouble on the way, and its last Read returns ErrCorrupt
// in the place of io.EOF if the bytes were not those of the file. Close it after use.
type Reader struct {
	s *stream
	v *verifier
}

// Open opens a file for reading.
func (c *Client) Open(ctx context.Context, ref Ref) (*Reader, error) {
	s := c.stream(ctx, ref, 0, -1, nil)
	if err := s.open(); err != nil {
		return nil, err
	}
	v, err := c.verifier(ctx, ref, s.info)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &Reader{s, v}, nil
}

// Size returns the bytes in the file.
func (r *Reader) Size() int64 { return r.s.info.size }

func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.s.Read(p)
	r.v.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if verr := r.v.verify(); verr != nil {
			return n, verr
		}
	}
	return n, err
}

// Close ends the download.
func (r *Reader) Close() error { return r.s.Close() }

// Download writes a file to w and verifies it. Where w is an io.ReaderAt too, as an *os.File is, ranges come in parallel
// and are read back in order; else the file comes in one piece. After an error w holds whatever had come.
func (c *Client) Download(ctx context.Context, ref Ref, w io.WriterAt, o DownloadOptions) (Downloaded, error) {
	if o.Parallel <= 0 {
		o.Parallel = c.opts.Parallel
	}
	d := &download{c: c, ref: ref, w: w, o: o}
	var err error
	if rw, ok := w.(readerWriterAt); ok && o.Parallel > 1 {
		err = d.parallel(ctx, rw)
	} else {
		err = d.sequential(ctx)
	}
	res := Downloaded{Received: d.received.Load()}
	if d.info != nil {
		res.Size = d.info.size
		if sha := etagSHA1(d.info.etag); sha != nil {
			res.Digest = fmt.Sprintf("%x", sha)
		}
	}
	if err != nil {
		return res, fmt.Errorf("download: %w", err)
	}
	d.meter.enter(StageDone, res.Size)
	return res, nil
}

type readerWriterAt interface {
	io.ReaderAt
	io.WriterAt
}

// A download is one call of Download.
type download struct {
	c        *Client
	ref      Ref
	w        io.WriterAt
	o        DownloadOptions
	info     *fileInfo
	meter    *meter
	received atomic.Int64
}

func (d *download) begin(info *fileInfo) {
	d.info = info
	d.meter = newMeter(info.size, d.o.Progress)
	d.meter.enter(StageReceiving, 0)
}

func (d *download) moved(n int) {
	d.received.Add(int64(n))
	d.meter.moved(n)
}

func (d *download) sequential(ctx context.Context) error {
	r, err := d.c.Open(ctx, d.ref)
	if err != nil {
		return err
	}
	defer r.Close()
	d.begin(r.s.info)
	r.s.moved = d.moved
	return copyAt(d.w, 0, r)
}

func copyAt(w io.WriterAt, off int64, r io.Reader) error {
	_, err := io.CopyBuffer(io.NewOffsetWriter(w, off), r, make([]byte, copySize))
	return err
}

// parallel fetches ranges. The first one also tells what file it is.
func (d *download) parallel(ctx context.Context, w readerWriterAt) error {
	g, ctx := errgroup.WithContext(ctx)
	defer g.Wait() // ends the context on the early returns
	first, err := d.first(ctx)
	if err != nil {
		return err
	}
	defer first.Close()
	d.begin(first.info)
	v, err := d.c.verifier(ctx, d.ref, d.info)
	if err != nil {
		return err
	}
	p := newParts(d.info.size, first.end)
	g.Go(func() error { return p.follow(ctx, w, v) })
	g.Go(func() error { return d.fetch(ctx, first, p) })
	return g.Wait()
}

// first opens the first part. An empty file has no bytes to ask for, so it is asked for whole.
func (d *download) first(ctx context.Context) (*stream, error) {
	s := d.c.stream(ctx, d.ref, 0, partSize, nil)
	err := s.open()
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable {
		s = d.c.stream(ctx, d.ref, 0, -1, nil)
		err = s.open()
	}
	return s, err
}

func (d *download) fetch(ctx context.Context, first *stream, p *parts) error {
	g, all := errgroup.WithContext(ctx)
	g.SetLimit(d.o.Parallel)
	for i := range p.count() {
		if all.Err() != nil {
			break
		}
		s := first
		if i > 0 {
			off, end := p.extent(i)
			s = d.c.stream(all, d.ref, off, end, d.info)
		}
		g.Go(func() error { return d.part(s, p.done[i]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func (d *download) part(s *stream, done chan<- struct{}) error {
	defer s.Close()
	s.moved = d.moved
	if err := copyAt(d.w, s.off, s); err != nil {
		return err
	}
	close(done)
	return nil
}

// parts are the ranges of a parallel download: the first one, and then all of one size.
type parts struct {
	size, first, each int64
	done              []chan struct{} // closed when the part has come
}

func newParts(size, first int64) *parts {
	p := &parts{size: size, first: first, each: max(partSize, (size+maxParts-1)/maxParts)}
	n := 1 + (size-first+p.each-1)/p.each
	p.done = make([]chan struct{}, n)
	for i := range p.done {
		p.done[i] = make(chan struct{})
	}
	return p
}

func (p *parts) count() int { return len(p.done) }

func (p *parts) extent(i int) (off, end int64) {
	if i == 0 {
		return 0, p.first
	}
	off = p.first + int64(i-1)*p.each
	return off, min(off+p.each, p.size)
}

// follow hashes the parts in order as they come, and verifies.
func (p *parts) follow(ctx context.Context, r io.ReaderAt, v *verifier) error {
	for i := range p.done {
		select {
		case <-p.done[i]:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		off, end := p.extent(i)
		if err := eachBlock(ctx, r, off, end-off, func(b []byte) { v.Write(b) }); err != nil {
			return fmt.Errorf("could not read back the downloaded bytes: %w", err)
		}
	}
	return v.verify()
}

// DownloadFile downloads to a file, which appears, or is replaced, when it has come whole, is verified and on the disk.
func (c *Client) DownloadFile(ctx context.Context, ref Ref, name string, o DownloadOptions) (Downloaded, error) {
	tmp := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text()[:8]+".part")
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return Downloaded{}, fmt.Errorf("download: %w", err)
	}
	defer os.Remove(tmp) // fails when it has its name
	defer f.Close()
	d, err := c.Download(ctx, ref, f, o)
	if err != nil {
		return d, err
	}
	if err := settle(f, name); err != nil {
		return d, fmt.Errorf("download: %w", err)
	}
	return d, nil
}

// settle makes a whole file durable and gives it its name.
func settle(f *os.File, name string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
