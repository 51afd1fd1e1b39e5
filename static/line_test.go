package static_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
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

func says(status, code int, data string) fault {
	return fault{status: status, body: fmt.Sprintf(`{"code":%d,"msg":"a fault","data":%s}`, code, data)}
}

// A line stands between one tab and the drive. It lets everything pass but the faults planned for a path, one for each
// request, and chunks while they are held back: so that a test is in the middle of an upload for as long as it wants,
// however fast or slow the machine is.
type line struct {
	url string

	mu     sync.Mutex
	to     *httputil.ReverseProxy
	plan   map[string][]fault
	passes int           // how many more chunks may pass while the rest is held
	held   chan struct{} // closed when all may pass; nil: nothing is held
	passed map[string]int
}

func newLine(t *testing.T, driveURL string) *line {
	t.Helper()
	l := &line{passed: map[string]int{}}
	l.lead(t, driveURL)
	l.serve(t, httptest.NewServer(l))
	return l
}

func (l *line) serve(t *testing.T, s *httptest.Server) {
	l.url = s.URL
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(l.release)
}

// lead makes the line lead to a drive.
func (l *line) lead(t *testing.T, driveURL string) {
	t.Helper()
	u, err := url.Parse(driveURL)
	if err != nil {
		t.Fatal(err)
	}
	to := httputil.NewSingleHostReverseProxy(u)
	// Browser and drive go away whenever they like; that is no news.
	to.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

func (l *line) drive() http.Handler {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to
}

// hold lets n more chunks pass and holds the others back.
func (l *line) hold(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passes = n
	if l.held == nil {
		l.held = make(chan struct{})
	}
}

// release lets everything go on.
func (l *line) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

func (l *line) expect(plan map[string][]fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan = plan
}

// left returns how many faults have not happened.
func (l *line) left() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, faults := range l.plan {
		n += len(faults)
	}
	return n
}

// count returns how many requests for a path have come.
func (l *line) count(path string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed[path]
}

func (l *line) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("holding %t, requests %v, faults to come %v", l.held != nil, l.passed, l.plan)
}

// next returns what is to happen to a request: a fault, and what it has to wait for.
func (l *line) next(path string) (f fault, faulty bool, wait chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !strings.HasPrefix(path, "/static/") {
		l.passed[path]++
	}
	if faults := l.plan[path]; len(faults) > 0 {
		l.plan[path] = faults[1:]
		return faults[0], true, nil
	}
	if path != "/file/mpupload/uppart" || l.held == nil {
		return fault{}, false, nil
	}
	if l.passes > 0 {
		l.passes--
		return fault{}, false, nil
	}
	return fault{}, false, l.held
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, faulty, wait := l.next(r.URL.Path)
	if wait != nil {
		<-wait
	}
	switch {
	case !faulty:
		l.drive().ServeHTTP(w, r)
	case f.corrupt:
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) == 0 {
			panic(http.ErrAbortHandler)
		}
		body[len(body)/2] ^= 1
		r.Body = io.NopCloser(bytes.NewReader(body))
		l.drive().ServeHTTP(w, r)
	case f == cut:
		panic(http.ErrAbortHandler)
	default:
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, f.body)
	}
}
