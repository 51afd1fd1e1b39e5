package handler

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A remoteBlob is a blob that breaks at some byte, and notes what it is told to expect.
type remoteBlob struct {
	*bytes.Reader
	breaks   int64 // where it breaks
	expected []int64
}

var _ store.RemoteBlob = (*remoteBlob)(nil)

func (b *remoteBlob) Expect(n int64) { b.expected = append(b.expected, n) }

func (b *remoteBlob) Read(p []byte) (int, error) {
	left := b.breaks - (b.Size() - int64(b.Len()))
	if left <= 0 {
		return 0, errors.New("test: the store is gone")
	}
	return b.Reader.Read(p[:min(int64(len(p)), left)])
}

func (b *remoteBlob) Close() error { return nil }

// A blob of an object store is told how much of it a request wants, and one that breaks breaks the answer: what has come is never
// taken for the whole.
func TestStreamOfARemoteBlob(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 3*piece/16+1)
	size := int64(len(content))
	for _, tt := range []struct {
		ranged     string
		breaks     int64
		from, want int64
		broken     bool
	}{
		{breaks: size, want: size},
		{ranged: "bytes=100-999", breaks: size, from: 100, want: 900},
		{ranged: "bytes=-7", breaks: size, from: size - 7, want: 7},
		{breaks: 1, want: 1, broken: true},
		{breaks: size - 1, want: size - 1, broken: true},
		{breaks: 2 * piece, want: 2 * piece, broken: true},
		{ranged: "bytes=100-999999", breaks: size, from: 100, want: min(999_999+1, size) - 100},
		{ranged: "bytes=100-", breaks: piece, from: 100, want: piece - 100, broken: true},
	} {
		blob := &remoteBlob{Reader: bytes.NewReader(content), breaks: tt.breaks}
		ts := serve(t, &Server{}, raw, func(w http.ResponseWriter, r *http.Request, _ *call) error {
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, "", time.Time{}, blob)
			return nil
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ts.URL+"/raw", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.ranged != "" {
			req.Header.Set("Range", tt.ranged)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !bytes.Equal(got, content[tt.from:tt.from+tt.want]) || errors.Is(err, io.ErrUnexpectedEOF) != tt.broken || err == nil == tt.broken {
			t.Errorf("%+v: %d bytes, %v", tt, len(got), err)
		}
		whole := size
		if tt.ranged != "" {
			whole = resp.ContentLength
		}
		if !slices.Equal(blob.expected, []int64{whole}) {
			t.Errorf("%+v: told to expect %d", tt, blob.expected)
		}
	}
}
