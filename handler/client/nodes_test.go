package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// A fakeNode serves one blob as a node does, and fails as it is told.
type fakeNode struct {
	*httptest.Server
	data     []byte
	requests atomic.Int64
	meddle   func(w http.ResponseWriter, r *http.Request) bool // answers instead where it returns true
	cut      func(answered int64) int                          // how many bytes of a body may go before the line is cut; less than 0: all
}

const nodeName = "n7"

func newFakeNode(t *testing.T, data []byte) *fakeNode {
	t.Helper()
	n := &fakeNode{data: data}
	n.Server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(n.Close)
	return n
}

func (n *fakeNode) serve(w http.ResponseWriter, r *http.Request) {
	answered := n.requests.Add(1)
	if n.meddle != nil && n.meddle(w, r) {
		return
	}
	key, asked := api.NewNodeKey([]byte("secret")), r.Header.Get("Authorization")
	req := api.NodeRequest{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Node: nodeName}
	if !key.Verify(asked, req, time.Now()) || r.URL.Path != api.NodeBlobPath {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("name") != "blob" {
		w.Header().Set(api.HeaderNodeAnswer, key.Answer(asked, false, 0))
		http.NotFound(w, r)
		return
	}
	w.Header().Set(api.HeaderNodeAnswer, key.Answer(asked, true, int64(len(n.data))))
	if n.cut != nil && r.Method == http.MethodGet {
		if left := n.cut(answered); left >= 0 {
			w = &cutWriter{w, left}
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(n.data))
}

// A cutWriter breaks the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) <= w.left {
		w.left -= len(p)
		return w.ResponseWriter.Write(p)
	}
	_, _ = w.ResponseWriter.Write(p[:w.left])
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func nodeReader() *client.NodeBlobs {
	n := client.NewNodeBlobs([]byte("secret"))
	n.Pause = time.Millisecond
	return n
}

func (n *fakeNode) open(t *testing.T, from *client.NodeBlobs) *client.NodeBlob {
	t.Helper()
	b, err := from.Open(t.Context(), n.URL, nodeName, "blob")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if b.Size() != int64(len(n.data)) {
		t.Fatalf("size %d, want %d", b.Size(), len(n.data))
	}
	return b
}

func someBytes(n int) []byte {
	data := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

func TestNodeBlobIsReadWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 1000, 5 << 20} {
		n := newFakeNode(t, someBytes(size))
		b := n.open(t, nodeReader())
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, n.data) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
		if k, err := b.Read(make([]byte, 1)); k != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("behind the end: %d, %v", k, err)
		}
		if k := n.requests.Load(); k > 12 {
			t.Errorf("%d bytes took %d requests", size, k)
		}
	}
}

// Random reads, each checked: as io.SectionReader in many goroutines, by ReadAt and by Seek and Read.
func TestNodeBlobIsReadAnywhere(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t, someBytes(1<<20))
	b := n.open(t, nodeReader())
	var readers sync.WaitGroup
	for i := range 8 {
		readers.Go(func() {
			part := int64(len(n.data) / 8)
			got, err := io.ReadAll(io.NewSectionReader(b, part*int64(i), part))
			if err != nil || !bytes.Equal(got, n.data[part*int64(i):][:part]) {
				t.Errorf("part %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	readers.Wait()
	r := rand.New(rand.NewPCG(2, 3))
	for range 100 {
		off, p := r.Int64N(1<<20+10), make([]byte, r.IntN(20_000))
		want := bytes.NewReader(n.data)
		k1, err1 := want.ReadAt(append([]byte{}, p...), off)
		k2, err2 := b.ReadAt(p, off)
		if len(p) == 0 {
			err1 = nil
		}
		if k1 != k2 || !errors.Is(err2, err1) || off < 1<<20 && !bytes.Equal(p[:k2], n.data[off:][:k2]) {
			t.Fatalf("ReadAt %d bytes at %d: %d, %v; want %d, %v", len(p), off, k2, err2, k1, err1)
		}
	}
	for _, whence := range []int{io.SeekStart, io.SeekCurrent, io.SeekEnd} {
		if _, err := b.Seek(-100, whence); (err == nil) != (whence == io.SeekEnd) {
			t.Errorf("seek: %v", err)
		}
	}
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, n.data[1<<20-100:]) {
		t.Errorf("the last bytes: %d, %v", len(got), err)
	}
}

func TestNodeBlobGoesOnAfterCuts(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t, someBytes(1<<20))
	n.cut = func(answered int64) int {
		if answered%3 == 0 {
			return -1
		}
		return int(answered * 7919 % 60_000)
	}
	b := n.open(t, nodeReader())
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, n.data) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	p := make([]byte, 500_000)
	if _, err := b.ReadAt(p, 12_345); err != nil || !bytes.Equal(p, n.data[12_345:][:len(p)]) {
		t.Fatal(err)
	}
}

func TestNodeThatGoesDown(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t, someBytes(1<<20))
	b := n.open(t, nodeReader())
	if _, err := io.ReadFull(b, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	n.CloseClientConnections()
	n.Close()
	if _, err := io.ReadAll(b); !errors.Is(err, client.ErrNodeUnavailable) {
		t.Errorf("read: %v", err)
	}
	if _, err := nodeReader().Open(t.Context(), n.URL, nodeName, "blob"); !errors.Is(err, client.ErrNodeUnavailable) {
		t.Errorf("open: %v", err)
	}
}

func TestNodeThatStalls(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t, someBytes(100_000))
	n.cut = func(int64) int { return -1 }
	from := nodeReader()
	from.Stall = 50 * time.Millisecond
	b := n.open(t, from)
	n.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if n.requests.Load()%2 == 0 {
			<-r.Context().Done()
			return true
		}
		return false
	}
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, n.data) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	n.meddle = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
	if _, err := b.ReadAt(make([]byte, 10), 5); !errors.Is(err, client.ErrNodeUnavailable) {
		t.Errorf("a node that hangs: %v", err)
	}
}

func TestNodeBlobEndsWithItsContext(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t, someBytes(1000))
	ctx, cancel := context.WithCancel(t.Context())
	b, err := nodeReader().Open(ctx, n.URL, nodeName, "blob")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cancel()
	if _, err := b.Read(make([]byte, 10)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Only the node itself can say that there is no such blob.
func TestWhoSaysThatABlobIsGone(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t, someBytes(1000))
	open := func(from *client.NodeBlobs, node, name string) error {
		_, err := from.Open(t.Context(), n.URL, node, name)
		return err
	}
	stranger, late := client.NewNodeBlobs([]byte("Secret")), nodeReader()
	late.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	for what, tt := range map[string]struct {
		err  error
		want error
	}{
		"gone":           {open(nodeReader(), nodeName, "other"), client.ErrNoBlob},
		"another secret": {open(stranger, nodeName, "other"), client.ErrNodeUnavailable},
		"a wrong clock":  {open(late, nodeName, "other"), client.ErrNodeUnavailable},
		"another node":   {open(nodeReader(), "n8", "other"), client.ErrNodeUnavailable},
	} {
		if !errors.Is(tt.err, tt.want) || errors.Is(tt.err, client.ErrNoBlob) == errors.Is(tt.err, client.ErrNodeUnavailable) {
			t.Errorf("%s: %v", what, tt.err)
		}
	}
	for _, address := range []string{"", "n1:80", "ftp://n1/", "http://", ":"} {
		if _, err := nodeReader().Open(t.Context(), address, nodeName, "blob"); !errors.Is(err, client.ErrNodeUnavailable) {
			t.Errorf("address %q: %v", address, err)
		}
	}
}

// Answers that nobody should believe.
func TestNodeAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t, someBytes(1000))
	b := n.open(t, nodeReader())
	answers := map[string]func(w http.ResponseWriter, r *http.Request){
		"no proof": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(n.data))
		},
		"500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		},
		"another range": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(api.HeaderNodeAnswer, api.NewNodeKey([]byte("secret")).Answer(r.Header.Get("Authorization"), true, 1000))
			w.Header().Set("Content-Range", "bytes 1-10/1000")
			w.Header().Set("Content-Length", strconv.Itoa(10))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(n.data[1:11])
		},
		"the whole": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(api.HeaderNodeAnswer, api.NewNodeKey([]byte("secret")).Answer(r.Header.Get("Authorization"), true, 1000))
			_, _ = w.Write(n.data)
		},
	}
	for what, answer := range answers {
		n.meddle = func(w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }
		if k, err := b.ReadAt(make([]byte, 10), 0); k != 0 || !errors.Is(err, client.ErrNodeUnavailable) {
			t.Errorf("%s: %d bytes, %v", what, k, err)
		}
	}
}
