package static_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// A fault is what happens to one request instead of its answer.
type fault struct {
	status  int    // answered at once, with body
	body    string // JSON
	corrupt bool   // the request's body is changed on the way, and the server gives the answer
}

// cut closes the connection without an answer.
var cut = fault{}

// A badLine stands between the browser and the drive. It applies the faults planned for a path, one for each request,
// then lets everything pass.
type badLine struct {
	mu   sync.Mutex
	plan map[string][]fault
	to   http.Handler
}

func newBadLine(t *testing.T, driveURL string) (*badLine, string) {
	t.Helper()
	u, err := url.Parse(driveURL)
	if err != nil {
		t.Fatal(err)
	}
	l := &badLine{to: httputil.NewSingleHostReverseProxy(u)}
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	return l, s.URL
}

func (l *badLine) expect(plan map[string][]fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan = plan
}

// left returns how many faults have not happened.
func (l *badLine) left() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, faults := range l.plan {
		n += len(faults)
	}
	return n
}

func (l *badLine) next(path string) (fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	faults := l.plan[path]
	if len(faults) == 0 {
		return fault{}, false
	}
	l.plan[path] = faults[1:]
	return faults[0], true
}

func (l *badLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := l.next(r.URL.Path)
	switch {
	case !ok:
		l.to.ServeHTTP(w, r)
	case f.corrupt:
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) == 0 {
			panic(http.ErrAbortHandler)
		}
		body[len(body)/2] ^= 1
		r.Body = io.NopCloser(bytes.NewReader(body))
		l.to.ServeHTTP(w, r)
	case f == cut:
		panic(http.ErrAbortHandler)
	default:
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, f.body)
	}
}

func says(status, code int, data string) fault {
	return fault{status: status, body: fmt.Sprintf(`{"code":%d,"msg":"a fault","data":%s}`, code, data)}
}

// TestFaults uploads over a line on which everything goes wrong that may.
func TestFaults(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	line, url := newBadLine(t, startDrive(t))
	b := newTab(t, browser, url)
	b.signUp(newName())
	corrupt := fault{corrupt: true}
	for _, c := range []struct {
		name string
		end  string
		plan map[string][]fault
	}{
		{"troubled.bin", "done", map[string][]fault{
			"/file/mpupload/init":     {says(423, 10107, "null"), says(503, 10109, "null"), cut},
			"/file/mpupload/uppart":   {corrupt, corrupt, says(503, 10109, "null"), cut, says(429, 10108, "null"), {status: 502}},
			"/file/fastupload":        {says(429, 10108, "null")},
			"/file/mpupload/complete": {says(409, -2, `{"Missing":[2,3]}`), says(422, 10101, `{"Bad":[1]}`), cut},
		}},
		{"vanished.bin", "done", map[string][]fault{"/file/mpupload/uppart": {says(404, 10102, "null")}}},
		{"refused.bin", "failed", map[string][]fault{"/file/mpupload/init": {says(507, 10111, "null")}}},
	} {
		path, content := randomFile(t, c.name, 40<<20)
		line.expect(c.plan)
		b.choose(id("upload-input"), path)
		b.waitState(c.name, c.end)
		if n := line.left(); n > 0 {
			t.Errorf("%s: %d faults did not come to pass", c.name, n)
		}
		if c.end == "failed" {
			b.click(in("upload", c.name, "upload-retry"))
			b.waitState(c.name, "done")
		}
		b.waitListed(c.name)
		if !bytes.Equal(b.download(c.name), content) {
			t.Errorf("%s: the download differs from what was uploaded", c.name)
		}
	}
}
