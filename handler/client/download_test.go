package client_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// quick are options under which tests do not wait long.
var quick = client.Options{Retry: client.Retry{Base: time.Millisecond, Max: 20 * time.Millisecond, Patience: 20 * time.Second}}

func newClient(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(url, quick)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(b)
	return b
}

// A shelf serves one file as a drive does.
type shelf struct {
	data       []byte
	etag, repr string
	asked      atomic.Int64
}

// newShelf serves data under the digests of claimed; a bare one tells no SHA-256, as where an object store answers.
func newShelf(data, claimed []byte, bare bool) *shelf {
	sum1, sum2 := sha1.Sum(claimed), sha256.Sum256(claimed)
	s := &shelf{data: data, etag: fmt.Sprintf(`"%x"`, sum1)}
	if !bare {
		s.repr = "sha-256=:" + base64.StdEncoding.EncodeToString(sum2[:]) + ":"
	}
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	w.Header().Set("ETag", s.etag)
	w.Header().Set("Repr-Digest", s.repr)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.data))
}

// serve starts a server; with cut its connections break off after a random number of bytes sent.
func serve(t *testing.T, h http.Handler, cut bool) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	if cut {
		srv.Listener = cutting{srv.Listener}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

type cutting struct{ net.Listener }

func (l cutting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &cutConn{Conn: c, left: rand.IntN(4 << 20)}, err
}

type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p[:min(len(p), c.left)])
	if c.left -= n; err == nil && n < len(p) {
		c.Conn.Close()
		err = net.ErrClosed
	}
	return n, err
}

// onlyWriterAt hides that a file can be read.
type onlyWriterAt struct{ io.WriterAt }

func TestDownload(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 8<<20 - 1, 8 << 20, 8<<20 + 1, 30<<20 + 7} {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, cut %v", size, cut), func(t *testing.T) {
				t.Parallel()
				data := randomBytes(size)
				testDownload(t, newShelf(data, data, size%2 == 1), cut)
			})
		}
	}
}

func testDownload(t *testing.T, s *shelf, cut bool) {
	c := newClient(t, serve(t, s, cut))
	name := filepath.Join(t.TempDir(), "file")
	var last client.Event
	d, err := c.DownloadFile(t.Context(), client.ByID("x"), name, client.DownloadOptions{Progress: func(e client.Event) { last = e }})
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(s.data))
	if d.Size != size || d.Received != size || last != (client.Event{Stage: client.StageDone, Bytes: size, Total: size}) {
		t.Errorf("size %d: got %+v, last event %+v", size, d, last)
	}
	if got, _ := os.ReadFile(name); !bytes.Equal(got, s.data) {
		t.Error("the file differs")
	}
	f, err := os.Create(name + "2")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := c.Download(t.Context(), client.ByID("x"), onlyWriterAt{f}, client.DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(name + "2"); !bytes.Equal(got, s.data) {
		t.Error("in one piece: the file differs")
	}
}

func TestDownloadFindsDamage(t *testing.T) {
	t.Parallel()
	data := randomBytes(20 << 20)
	bad := bytes.Clone(data)
	bad[len(bad)/2]++
	for _, bare := range []bool{false, true} {
		c := newClient(t, serve(t, newShelf(bad, data, bare), false))
		dir := t.TempDir()
		_, err := c.DownloadFile(t.Context(), client.ByID("x"), filepath.Join(dir, "file"), client.DownloadOptions{})
		if !errors.Is(err, client.ErrCorrupt) {
			t.Errorf("got %v, want ErrCorrupt", err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		r, err := c.Open(t.Context(), client.ByID("x"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, client.ErrCorrupt) {
			t.Errorf("got %v, want ErrCorrupt", err)
		}
	}
}

func TestDownloadOfChangingFile(t *testing.T) {
	t.Parallel()
	data := randomBytes(20<<20 + 1)
	one, two := newShelf(data[1:], data[1:], false), newShelf(data, data, false)
	var n atomic.Int64
	c := newClient(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 3 {
			one.ServeHTTP(w, r)
		} else {
			two.ServeHTTP(w, r)
		}
	}), false))
	_, err := c.DownloadFile(t.Context(), client.ByID("x"), filepath.Join(t.TempDir(), "file"), client.DownloadOptions{})
	if !errors.Is(err, client.ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}

func TestDownloadRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(404)
		io.WriteString(w, `{"code":10102,"msg":"not found"}`)
	}), false))
	if _, err := c.Open(t.Context(), client.ByID("x")); !client.IsCode(err, api.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func TestStalledDownloadIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	data := randomBytes(1 << 20)
	s := newShelf(data, data, false)
	o := quick
	o.Stall = 50 * time.Millisecond
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.asked.Load() == 0 { // the first request is never answered
			s.asked.Add(1)
			<-r.Context().Done()
			return
		}
		s.ServeHTTP(w, r)
	}), false)
	c, err := client.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if _, err := c.DownloadFile(t.Context(), client.ByID("x"), filepath.Join(t.TempDir(), "f"), client.DownloadOptions{}); err != nil {
		t.Error(err)
	}
}

func TestCancelledDownloadEndsSoon(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), false))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := c.Open(ctx, client.ByID("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}
