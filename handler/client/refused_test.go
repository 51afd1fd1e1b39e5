package client_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

const refusal = `{"code":10005,"msg":"invalid or expired token; sign in again"}`

func refuse(w http.ResponseWriter) {
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, refusal)
}

// A countedSource counts what is read of it.
type countedSource struct {
	*bytes.Reader
	read atomic.Int64
}

func (s *countedSource) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Reader.ReadAt(p, off)
	s.read.Add(int64(n))
	return n, err
}

// A large chunk is not sent before the drive asks for it.
func TestRefusedChunkIsNotSent(t *testing.T) {
	t.Parallel()
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w) }))
	t.Cleanup(ts.Close)
	c, err := client.New(ts.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src := &countedSource{Reader: bytes.NewReader(make([]byte, 8<<20))}
	err = c.PutChunk(t.Context(), "n1-x", 1, src, 0, 8<<20, "")
	if !client.IsCode(err, api.TokenInvalid) {
		t.Errorf("got %v, want the refusal", err)
	}
	if n := src.read.Load(); n > 0 {
		t.Errorf("%d bytes were sent", n)
	}
}

// A refusal that is lost to a reset is asked for, and the chunk not sent again and again.
func TestRefusalLostToReset(t *testing.T) {
	t.Parallel()
	var chunks atomic.Int64
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file/mpupload/init":
			_, _ = io.WriteString(w, `{"code":0,"msg":"OK","data":{"UploadID":"n1-x","ChunkSize":2097152,"ChunkCount":1,"ChunkExists":[]}}`)
		case "/file/mpupload/uppart":
			chunks.Add(1)
			panic(http.ErrAbortHandler)
		default:
			refuse(w)
		}
	}))
	t.Cleanup(ts.Close)
	c, err := client.New(ts.URL, client.Options{Retry: client.Retry{Base: time.Millisecond, Max: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	src := bytes.NewReader(make([]byte, 2<<20))
	_, err = c.Upload(t.Context(), src, src.Size(), client.UploadOptions{NoInstant: true, Target: client.Target{Name: "a"}})
	if !client.IsCode(err, api.TokenInvalid) {
		t.Errorf("got %v, want the refusal", err)
	}
	if n := chunks.Load(); n > 2 { // net/http may repeat it once by itself
		t.Errorf("the chunk was sent %d times", n)
	}
}
