package static_test

import (
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

var (
	//go:embed testdata/probe/probe.js
	probe string
	//go:embed testdata/probe/faults.js
	faults string
)

const (
	firstScript  = "/static/app/first-paint.js" // the first that the page runs
	faultsScript = "/static/app/faults.js"      // which no drive has
)

// hosts counts the lines. Each is at an address of its own, and with that has cookies and storage of its own: browsers do
// not tell ports apart for cookies.
var hosts atomic.Int32

// probedLine is a line that sees which chunks pass, and that puts the probe into the page.
func probedLine(t *testing.T, driveURL string, chunks *traffic) *line {
	t.Helper()
	l := &line{passed: map[string]int{}}
	l.lead(t, driveURL)
	n := hosts.Add(1)
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.%d.%d:0", 1+n/250, 1+n%250))
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: probed(watched(l, chunks))}}
	s.Start()
	l.serve(t, s)
	return l
}

// probed asks for the first script as one that nobody has, so that all of it comes, and puts the probe in front.
func probed(to http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		default:
			to.ServeHTTP(w, r)
			return
		case faultsScript:
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = fmt.Fprint(w, faults)
			return
		case firstScript:
		}
		plain := r.Clone(r.Context())
		for _, name := range []string{"Accept-Encoding", "If-None-Match", "If-Modified-Since"} {
			plain.Header.Del(name)
		}
		answer := httptest.NewRecorder()
		to.ServeHTTP(answer, plain)
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(answer.Code)
		_, _ = fmt.Fprint(w, probe, answer.Body) // the browser may be gone
	})
}

// watched tells traffic of the chunks that pass. One is acknowledged when the whole answer has been written.
func watched(to http.Handler, chunks *traffic) http.Handler {
	var requests atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		index := chunkOf(r.URL.String())
		if index == 0 {
			to.ServeHTTP(w, r)
			return
		}
		id := fmt.Sprint(requests.Add(1))
		chunks.sends(id, index)
		to.ServeHTTP(statusWriter{w, func(status int) { chunks.answers(id, status) }}, r)
		chunks.ends(id) // an answer that is cut off does not come here
	})
}

// A statusWriter tells of the status that is written.
type statusWriter struct {
	http.ResponseWriter
	told func(status int)
}

func (w statusWriter) WriteHeader(status int) {
	w.told(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
