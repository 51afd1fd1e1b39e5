package handler

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// countedFile is a blob that counts the bytes that pass through this program rather than through the kernel alone.
type countedFile struct {
	*os.File
	read *atomic.Int64
}

func (f countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.read.Add(int64(n))
	return n, err
}

// servedFile is a server that gives out a file of that size as downloads are given out.
func servedFile(t testing.TB, size int) (url string, data []byte, read, renewed *atomic.Int64) {
	t.Helper()
	data = make([]byte, size)
	rand.Read(data)
	name := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	read, renewed = new(atomic.Int64), new(atomic.Int64)
	ts := httptest.NewServer(http.HandlerFunc(func(plain http.ResponseWriter, r *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		w := &response{ResponseWriter: plain, renew: func() { renewed.Add(1) }}
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, countedFile{f, read})
	}))
	t.Cleanup(ts.Close)
	return ts.URL, data, read, renewed
}

func fetch(t testing.TB, url, ranges string) []byte {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// The kernel copies a file to the socket: only the first bytes, which net/http wants to see, come through us, and each
// piece has a deadline of its own.
func TestDownloadsUseSendfile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("shown on Linux only")
	}
	const size = 8<<20 + 123
	for _, ranges := range []string{"", "bytes=0-", "bytes=1000000-7999999"} {
		url, data, read, renewed := servedFile(t, size)
		want := data
		if ranges == "bytes=1000000-7999999" {
			want = data[1000000:8000000]
		}
		if got := fetch(t, url, ranges); !bytes.Equal(got, want) {
			t.Fatalf("range %q: wrong bytes", ranges)
		}
		if n := read.Load(); n > 64<<10 {
			t.Errorf("range %q: %d bytes were read by the program", ranges, n)
		}
		if n := renewed.Load(); n < int64(len(want)/piece) {
			t.Errorf("range %q: the deadline was renewed %d times", ranges, n)
		}
	}
}

// What is no file goes through the program, each piece with a deadline of its own.
func TestDownloadsOfWhatIsNoFile(t *testing.T) {
	t.Parallel()
	data := make([]byte, 3*piece+123)
	rand.Read(data)
	for name, test := range map[string]struct {
		src  io.Reader
		want []byte
	}{
		"whole":   {struct{ io.Reader }{bytes.NewReader(data)}, data},
		"limited": {io.LimitReader(bytes.NewReader(data), 2*piece+1), data[:2*piece+1]},
	} {
		renewed := 0
		rec := httptest.NewRecorder()
		w := &response{ResponseWriter: rec, renew: func() { renewed++ }}
		n, err := io.Copy(w, test.src)
		if err != nil || n != int64(len(test.want)) || w.bytes != n || !bytes.Equal(rec.Body.Bytes(), test.want) {
			t.Errorf("%s: %d bytes, %d counted, %v, want %d", name, n, w.bytes, err, len(test.want))
		}
		if renewed < len(test.want)/piece {
			t.Errorf("%s: the deadline was renewed %d times", name, renewed)
		}
	}
}

func BenchmarkDownload(b *testing.B) {
	const size = 64 << 20
	url, _, read, _ := servedFile(b, size)
	b.SetBytes(size)
	for b.Loop() {
		resp, err := http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != size {
			b.Fatal(n, err)
		}
		resp.Body.Close()
	}
	b.ReportMetric(float64(read.Load())/float64(b.N), "B-through-us/op")
}
