package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store/s3"
)

// Operations of S3, as far as the driver uses them.
const (
	opHead       = "HeadObject"
	opGet        = "GetObject"
	opPut        = "PutObject"
	opDelete     = "DeleteObject"
	opList       = "ListObjectsV2"
	opBucket     = "CreateBucket"
	opBegin      = "CreateMultipartUpload"
	opPart       = "UploadPart"
	opParts      = "ListParts"
	opComplete   = "CompleteMultipartUpload"
	opAbort      = "AbortMultipartUpload"
	opMultiparts = "ListMultipartUploads"
)

func opOf(r *http.Request) string {
	q := r.URL.Query()
	bucket := strings.Count(strings.Trim(r.URL.Path, "/"), "/") == 0
	switch {
	case bucket && r.Method == http.MethodPut:
		return opBucket
	case bucket && q.Has("uploads"):
		return opMultiparts
	case bucket:
		return opList
	case q.Has("uploads"):
		return opBegin
	case q.Has("uploadId"):
		return map[string]string{
			http.MethodPut: opPart, http.MethodGet: opParts, http.MethodPost: opComplete, http.MethodDelete: opAbort,
		}[r.Method]
	}
	return map[string]string{
		http.MethodHead: opHead, http.MethodPut: opPut, http.MethodGet: opGet, http.MethodDelete: opDelete,
	}[r.Method]
}

// A fault does to one request what it likes.
type fault func(p *proxy, w http.ResponseWriter, r *http.Request)

// A seen request, for the tests to look at.
type seen struct {
	op, part, bytes string
	from            string // the connection
	header          http.Header
	ok              bool // it was answered, with success
}

// proxy stands in front of a real store. Host and signature are passed on as they are.
type proxy struct {
	server  *httptest.Server
	backend *url.URL

	mu     sync.Mutex
	faults map[string][]fault // for the next requests of each operation; nil is none
	always map[string]fault
	seen   []*seen
}

// behind puts a proxy before the store of o.
func behind(t testing.TB, o s3.Options) (*proxy, s3.Options) {
	t.Helper()
	backend, err := url.Parse(o.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{backend: backend, faults: map[string][]fault{}, always: map[string]fault{}}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.server.Close)
	o.Endpoint = p.server.URL
	return p, o
}

// next makes the next requests of an operation fail.
func (p *proxy) next(op string, f ...fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[op] = append(p.faults[op], f...)
}

// all makes all requests of an operation fail, or of every operation where op is empty.
func (p *proxy) all(op string, f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always[op] = f
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	s := &seen{op: opOf(r), part: r.URL.Query().Get("partNumber"), bytes: r.Header.Get("Range"), from: r.RemoteAddr, header: r.Header.Clone()}
	p.mu.Lock()
	p.seen = append(p.seen, s)
	f := p.always[s.op]
	if f == nil {
		f = p.always[""]
	}
	if q := p.faults[s.op]; len(q) > 0 {
		f, p.faults[s.op] = q[0], q[1:]
	}
	p.mu.Unlock()
	if f == nil {
		f = forward
	}
	f(p, &noting{w, p, s}, r)
}

// noting remembers that a request was answered with success.
type noting struct {
	http.ResponseWriter
	p *proxy
	s *seen
}

func (n *noting) WriteHeader(status int) {
	n.p.mu.Lock()
	n.s.ok = status < 300
	n.p.mu.Unlock()
	n.ResponseWriter.WriteHeader(status)
}

func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// of returns the requests of an operation that came so far.
func (p *proxy) of(op string) []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	var of []seen
	for _, s := range p.seen {
		if s.op == op {
			of = append(of, *s)
		}
	}
	return of
}

func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = nil
}

// ask sends a request on to the store.
func (p *proxy) ask(w http.ResponseWriter, r *http.Request) *http.Response {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = p.backend.Scheme, p.backend.Host, ""
	out.Header.Del("Expect")
	if r.ContentLength == 0 {
		out.Body = nil
	}
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return resp
}

func reply(w http.ResponseWriter, resp *http.Response, body io.Reader) {
	defer resp.Body.Close()
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func forward(p *proxy, w http.ResponseWriter, r *http.Request) {
	resp := p.ask(w, r)
	reply(w, resp, resp.Body)
}

// answer is an error of the store.
func answer(status int, code string, header ...string) fault {
	return func(_ *proxy, w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message></Message></Error>", code)
	}
}

// cut ends the connection after n bytes of the request.
func cut(n int64) fault {
	return func(_ *proxy, _ http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, n)
		panic(http.ErrAbortHandler)
	}
}

// cutAnswer ends the connection after n bytes of the answer's body.
func cutAnswer(n int64) fault {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		resp := p.ask(w, r)
		reply(w, resp, io.MultiReader(io.LimitReader(resp.Body, n), aborting{w}))
	}
}

type aborting struct{ w http.ResponseWriter }

func (a aborting) Read([]byte) (int, error) {
	http.NewResponseController(a.w).Flush()
	panic(http.ErrAbortHandler)
}

// lose lets the store do what it is asked, and ends the connection without an answer.
func lose(p *proxy, w http.ResponseWriter, r *http.Request) {
	resp := p.ask(w, r)
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	panic(http.ErrAbortHandler)
}

// stall reads n bytes of the request, and does nothing more.
func stall(n int64) fault {
	return func(_ *proxy, _ http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, n)
		waitGone(r)
	}
}

// stallAnswer sends n bytes of the answer, and does nothing more.
func stallAnswer(n int64) fault {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		resp := p.ask(w, r)
		reply(w, resp, io.MultiReader(io.LimitReader(resp.Body, n), stalling{w, r}))
	}
}

type stalling struct {
	w http.ResponseWriter
	r *http.Request
}

func (s stalling) Read([]byte) (int, error) {
	http.NewResponseController(s.w).Flush()
	waitGone(s.r)
	return 0, io.ErrUnexpectedEOF
}

// waitGone waits for the client to leave. One whose body was not read to its end is not noticed.
func waitGone(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(3 * time.Second):
	}
	panic(http.ErrAbortHandler)
}

// slow passes n bytes at a time, with pauses.
func slow(n int64, pause time.Duration) fault {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		r.Body = &dripping{r.Body, n, pause, nil}
		resp := p.ask(w, r)
		reply(w, resp, &dripping{resp.Body, n, pause, w})
	}
}

type dripping struct {
	io.ReadCloser
	n     int64
	pause time.Duration
	w     http.ResponseWriter // flushed, where there is one
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.w != nil {
		http.NewResponseController(d.w).Flush()
	}
	time.Sleep(d.pause)
	return d.ReadCloser.Read(p[:min(int64(len(p)), d.n)])
}

// shortRange answers with no more than the first n bytes of the range that was asked for, as a store may.
func shortRange(n int64) fault {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		resp := p.ask(w, r)
		var from, to, size int64
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil {
			panic(http.ErrAbortHandler)
		}
		resp.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, size))
		resp.Header.Set("Content-Length", fmt.Sprint(n))
		reply(w, resp, io.LimitReader(resp.Body, n))
	}
}

// withHeader answers with another header.
func withHeader(key, value string) fault {
	return func(p *proxy, w http.ResponseWriter, r *http.Request) {
		resp := p.ask(w, r)
		resp.Header.Set(key, value)
		reply(w, resp, resp.Body)
	}
}

// withBytes answers with other bytes, as many.
func withBytes(p *proxy, w http.ResponseWriter, r *http.Request) {
	resp := p.ask(w, r)
	body, err := io.ReadAll(resp.Body)
	if err != nil || len(body) == 0 {
		panic(http.ErrAbortHandler)
	}
	body[len(body)/2] ^= 1
	reply(w, resp, bytes.NewReader(body))
}
