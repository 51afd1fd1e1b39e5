package handler_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/blinkdrive/blinkdrive/handler"
	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// bare is a server without a database: enough for what comes before the services.
func bare(t *testing.T, change func(*handler.Server)) *httptest.Server {
	t.Helper()
	s := &handler.Server{
		Accounts: &service.Accounts{},
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)),
		Pages: fstest.MapFS{
			"index.html": {Data: []byte("<!doctype html>")},
			"app/a.js":   {Data: []byte("export {}")},
			"static.go":  {Data: []byte("package static")},
		},
	}
	if change != nil {
		change(s)
	}
	ts := httptest.NewServer(handler.Documented(t, s.Handler()))
	t.Cleanup(ts.Close)
	return ts
}

// do sends a request with headers given as "Name: value".
func do(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func envelope(t *testing.T, resp *http.Response) api.Envelope {
	t.Helper()
	var env api.Envelope
	if err := json.NewDecoder(resp.Body).Decode(&env); err != nil {
		t.Fatalf("answer is no envelope: %v", err)
	}
	return env
}

// want checks status and code.
func want(t *testing.T, resp *http.Response, status int, code api.Code) api.Envelope {
	t.Helper()
	env := envelope(t, resp)
	if resp.StatusCode != status || env.Code != code {
		t.Fatalf("got %d, code %d (%s); want %d, code %d", resp.StatusCode, env.Code, env.Msg, status, code)
	}
	return env
}

func TestUnknownPathAndMethod(t *testing.T) {
	t.Parallel()
	ts := bare(t, nil)
	for _, path := range []string{"/nothing", "/file//meta", "/user", "/user/info/", "/static", "/../etc/passwd"} {
		want(t, do(t, "GET", ts.URL+path, ""), 404, api.NotFound)
	}
	resp := do(t, "DELETE", ts.URL+"/user/info", "")
	want(t, resp, 405, api.WrongMethod)
	if got := resp.Header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	ts := bare(t, nil)
	for _, path := range []string{"/", "/file/upload", "/static/index.html", "/static/app/a.js"} {
		resp := do(t, "GET", ts.URL+path, "")
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src 'self' 'wasm-unsafe-eval'") {
			t.Errorf("%s: %s %v", path, resp.Status, resp.Header)
		}
		again := do(t, "GET", ts.URL+path, "", "If-None-Match: "+resp.Header.Get("ETag"))
		if again.StatusCode != 304 {
			t.Errorf("%s again: %s", path, again.Status)
		}
	}
	for _, path := range []string{"/static/", "/static/app", "/static/app/", "/static/static.go", "/static/../static.go"} {
		if resp := do(t, "GET", ts.URL+path, ""); resp.StatusCode != 404 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestEveryAnswerHasSecurityHeaders(t *testing.T) {
	t.Parallel()
	ts := bare(t, nil)
	for _, path := range []string{"/", "/nothing", "/user/info", "/healthz"} {
		h := do(t, "GET", ts.URL+path, "").Header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || len(h.Get(api.HeaderRequestID)) != 24 {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestAnonymousIsRefused(t *testing.T) {
	t.Parallel()
	ts := bare(t, nil)
	want(t, do(t, "GET", ts.URL+"/user/info", ""), 401, api.TokenInvalid)
	want(t, do(t, "GET", ts.URL+"/user/info?token=abc", ""), 401, api.TokenInvalid)
	want(t, do(t, "GET", ts.URL+"/user/info", "", "Authorization: Basic abc"), 401, api.TokenInvalid)
	want(t, do(t, "GET", ts.URL+"/user/info", "", "Authorization: Bearer "+strings.Repeat("g", 40)), 401, api.TokenInvalid)
}
