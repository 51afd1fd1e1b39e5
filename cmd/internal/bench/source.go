package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	chunkSize = 8 << 20
	mib       = 1 << 20
	gib       = 1 << 30
)

// A file is one that no peer has seen before: every chunk of it begins with a number and goes on with the same noise, so
// that it costs the client nothing to make.
type file struct {
	nonce [16]byte
	noise []byte // of a chunk's size
	size  int64
	known string // its SHA-1, which clients know before they begin; "" where nobody asks for it
}

func newNoise() []byte {
	b := make([]byte, chunkSize)
	rand.Read(b)
	return b
}

func newFile(noise []byte, size int64) file {
	f := file{noise: noise, size: size}
	rand.Read(f.nonce[:])
	return f
}

func (f file) chunks() int { return int((f.size + chunkSize - 1) / chunkSize) }

func (f file) extent(i int) (off, n int64) {
	off = int64(i) * chunkSize
	return off, min(chunkSize, f.size-off)
}

// A loader makes the chunks of files in one buffer.
type loader struct{ buf []byte }

func newLoader(noise []byte) *loader { return &loader{bytes.Clone(noise)} }

func (l *loader) chunk(f file, i int) []byte {
	_, n := f.extent(i)
	copy(l.buf, f.nonce[:])
	binary.LittleEndian.PutUint64(l.buf[len(f.nonce):], uint64(i))
	return l.buf[:n]
}

func (f file) digest() string {
	h, l := sha1.New(), newLoader(f.noise)
	for i := range f.chunks() {
		h.Write(l.chunk(f, i))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// write writes the whole file.
func (f file) write(w io.Writer) error {
	l := newLoader(f.noise)
	for i := range f.chunks() {
		if _, err := w.Write(l.chunk(f, i)); err != nil {
			return err
		}
	}
	return nil
}

// each calls send for the chunks from first on, in order on each of the connections.
func (f file) each(ctx context.Context, conns int, send func(ctx context.Context, i int, p []byte) error) error {
	g, ctx := errgroup.WithContext(ctx)
	next := make(chan int)
	g.Go(func() error {
		defer close(next)
		for i := range f.chunks() {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range conns {
		l := newLoader(f.noise)
		g.Go(func() error {
			for i := range next {
				if err := send(ctx, i, l.chunk(f, i)); err != nil {
					return fmt.Errorf("chunk %d: %w", i, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// newHTTP is the client that measures all peers alike.
func newHTTP() *http.Client {
	d := &net.Dialer{Timeout: 10 * time.Second, Control: dialCongestion}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: d.DialContext, MaxIdleConns: 64, MaxIdleConnsPerHost: 64, DisableCompression: true,
			WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A request is one to a peer.
type request struct {
	method, url string
	body        []byte
	parts       [][]byte // the body, where it lies in several places
	header      map[string]string
}

// content is the request's body.
func (r request) content() (io.Reader, int64) {
	if r.parts == nil {
		return bytes.NewReader(r.body), int64(len(r.body))
	}
	var readers []io.Reader
	var n int64
	for _, p := range r.parts {
		readers = append(readers, bytes.NewReader(p))
		n += int64(len(p))
	}
	return io.MultiReader(readers...), n
}

// do sends a request and returns the answer's header and body; a status from 400 on is an error.
func do(ctx context.Context, c *http.Client, r request) (http.Header, []byte, error) {
	content, length := r.content()
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, content)
	if err != nil {
		return nil, nil, err
	}
	req.ContentLength = length
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", r.method, req.URL.Path, resp.Status, body[:min(len(body), 300)])
	}
	return resp.Header, body, err
}
