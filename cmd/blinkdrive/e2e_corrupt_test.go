//go:build linux

package main_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// A moody transport answers some requests itself, as proxies do, and changes a byte of some bodies.
type moody struct {
	next            http.RoundTripper
	upset           atomic.Bool
	refused, spoilt atomic.Int64
	chunks          sync.Map // how often each was spoilt
}

// maySpoil says whether a chunk's bytes may change: not so often that the client rightly gives up.
func (m *moody) maySpoil(r *http.Request) bool {
	if r.URL.Path != "/file/mpupload/uppart" {
		return false
	}
	n, _ := m.chunks.LoadOrStore(r.URL.Query().Get("index"), new(atomic.Int64))
	return n.(*atomic.Int64).Add(1) <= 2
}

func (m *moody) RoundTrip(r *http.Request) (*http.Response, error) {
	if !m.upset.Load() {
		return m.next.RoundTrip(r)
	}
	switch rand.IntN(6) {
	case 0:
		m.refused.Add(1)
		return refusal(r), nil
	case 1:
		if m.maySpoil(r) {
			m.spoilt.Add(1)
			return m.next.RoundTrip(spoil(r))
		}
	}
	return m.next.RoundTrip(r)
}

// refusal is an answer that asks for patience, not all of them in the form of the drive's own.
func refusal(r *http.Request) *http.Response {
	if r.Body != nil {
		r.Body.Close()
	}
	status := []int{502, 503, 504, 423, 429, 408}[rand.IntN(6)]
	body := []string{"<html>Bad Gateway</html>", `{"code":10109,"msg":"later"}`, ""}[rand.IntN(3)]
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Retry-After": {"0"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// spoil changes one byte on its way.
func spoil(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Body = struct {
		io.Reader
		io.Closer
	}{&spoiler{r.Body, rand.Int64N(r.ContentLength)}, r.Body}
	r.GetBody = nil
	return r
}

type spoiler struct {
	io.Reader
	at int64
}

func (s *spoiler) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if s.at >= 0 && s.at < int64(n) {
		p[s.at] ^= 0x80
	}
	s.at -= int64(n)
	return n, err
}

// testBadMoods uploads and downloads while answers are refusals and bytes change on the way.
func testBadMoods(t *testing.T, bin string) {
	w := newWorld(t, bin)
	m := &moody{next: http.DefaultTransport.(*http.Transport).Clone()}
	o := patient
	o.HTTP = &http.Client{Transport: m}
	c := w.userWith("alice", w.drive.URL, o)
	m.upset.Store(true)
	p := pattern{30, 40 * mib}
	res, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{Target: client.Target{Name: "a"}, ChunkSize: mib})
	if err != nil || res.Meta.FileSha1 != p.digest(t) || res.BytesSent < p.size {
		t.Fatalf("%+v, %v", res, err)
	}
	if m.refused.Load() == 0 || m.spoilt.Load() == 0 {
		t.Errorf("%d refused, %d spoilt: the test tests nothing", m.refused.Load(), m.spoilt.Load())
	}
	w.wantSame(c, client.ByID(res.Meta.ID), p.file(t))
	m.upset.Store(false)
	w.wantFiles(c, 1, p.size)
	w.fsck()
}

// testBadChunkHeld has the drive hold a chunk with wrong bytes, which only complete can tell.
func testBadChunkHeld(t *testing.T, bin string) {
	w := newWorld(t, bin)
	c := w.user("alice")
	p := pattern{31, 7*mib + 5}
	_, in := initUpload(t, c, p, "a")
	putChunk(t, c, in, p, 1)
	putChunk(t, c, in, p, 8)
	if err := c.PutChunk(t.Context(), in.UploadID, 3, bytes.NewReader(make([]byte, mib)), 0, mib, ""); err != nil {
		t.Fatal(err)
	}
	res, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{
		Target: client.Target{Name: "a"}, ChunkSize: mib, NoInstant: true,
	})
	if err != nil || res.UploadID != in.UploadID {
		t.Fatalf("%+v, %v", res, err)
	}
	if want := p.size - mib - 5; res.BytesSent != want || res.ChunksSent != 6 {
		t.Errorf("sent %d bytes in %d chunks; want %d in 6: what was missing, and the bad one", res.BytesSent, res.ChunksSent, want)
	}
	w.wantFiles(c, 1, p.size)
	w.wantSame(c, client.ByID(res.Meta.ID), p.file(t))
	w.fsck()
}
