package handler

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Whatever clients send, the labels have few values, and every request is counted once, under the status it was told.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	d := newDrive(t, func(s *Server) { s.Registry = reg })
	ann := d.join("ann")
	d.get("/user/info", nil, ann.bearer())
	d.get("/user/info", nil)
	d.get("/file/mete", nil)
	d.get("/no/such?page", nil)
	d.send("DELETE", "/user/info", nil, nil)
	d.send("BREW", "/user/info", nil, nil)
	d.send("HEAD", "/", nil, nil)
	d.get("/static/index.css", nil)
	d.get("/static/no-such-file", nil)

	want := `
		# HELP blinkdrive_http_requests_total HTTP requests answered, by path, method and status.
		# TYPE blinkdrive_http_requests_total counter
		blinkdrive_http_requests_total{method="POST",path="/user/signin",status="200"} 1
		blinkdrive_http_requests_total{method="GET",path="/user/info",status="200"} 1
		blinkdrive_http_requests_total{method="GET",path="/user/info",status="401"} 1
		blinkdrive_http_requests_total{method="GET",path="none",status="404"} 2
		blinkdrive_http_requests_total{method="DELETE",path="/user/info",status="405"} 1
		blinkdrive_http_requests_total{method="other",path="/user/info",status="405"} 1
		blinkdrive_http_requests_total{method="HEAD",path="/",status="200"} 1
		blinkdrive_http_requests_total{method="GET",path="/static/",status="404"} 2
	`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "blinkdrive_http_requests_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg, "blinkdrive_http_request_seconds"); err != nil || n != 5 {
		t.Errorf("%d paths have times, %v; want 5", n, err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
