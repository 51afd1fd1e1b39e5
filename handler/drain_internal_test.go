package handler

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

// dialURL opens a connection to a server.
func dialURL(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// A zeros is a body of that many zero bytes.
type zeros int64

func (z zeros) WriteTo(w io.Writer) (int64, error) {
	piece := make([]byte, 256<<10)
	for left := int64(z); left > 0; {
		n, err := w.Write(piece[:min(left, int64(len(piece)))])
		if left -= int64(n); err != nil {
			return int64(z) - left, err
		}
	}
	return int64(z), nil
}

// sendThenRead writes a request whole before it reads the answer, as Python's http.client does.
func sendThenRead(t *testing.T, url, head string, body ...io.WriterTo) *http.Response {
	t.Helper()
	conn := dialURL(t, url)
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	for _, b := range body {
		if _, err := b.WriteTo(conn); err != nil {
			t.Fatalf("the body could not be sent: %v", err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("the answer did not arrive: %v", err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func wantStatus(t *testing.T, resp *http.Response, status int, msg string) {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || !strings.Contains(string(body), msg) {
		t.Errorf("got %s %s, %v; want %d %s", resp.Status, body, err, status, msg)
	}
}

// A refusal must reach clients that send all before they read, whatever the size of a chunk, and a form.
func TestRefusalArrives(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.Accounts.Quota = 20 << 20 })
	p := d.join("alice")
	content, _ := newContent(9, 2*service.MinChunkSize)
	u := d.begin(p, content, "a.bin")
	head := func(target, token string, size int64, more string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n%s\r\n", target, token, size, more)
	}
	chunk := func(id string, index int) string {
		return fmt.Sprintf("/file/mpupload/uppart?uploadid=%s&index=%d", id, index)
	}
	dead := strings.Repeat("0", 40)
	gone := "n1-" + strings.Repeat("0", 32)
	for _, mib := range []int64{6, 16, 32, 64} {
		t.Run(fmt.Sprintf("%d MiB", mib), func(t *testing.T) {
			t.Parallel()
			size := mib << 20
			wantStatus(t, sendThenRead(t, d.url, head(chunk(u.id, 1), dead, size, ""), zeros(size)), 401, "token")
			wantStatus(t, sendThenRead(t, d.url, head(chunk(gone, 1), p.token, size, ""), zeros(size)), 404, "not found")
			wantStatus(t, sendThenRead(t, d.url, head(chunk(u.id, 1), p.token, size, ""), zeros(size)), 400, "bytes")
			wantStatus(t, sendThenRead(t, d.url, head("/file/mpupload/complete", p.token, size,
				"Content-Type: application/x-www-form-urlencoded\r\n"), zeros(size)), 413, "")
			open := "--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
			form := []io.WriterTo{strings.NewReader(open), zeros(size), strings.NewReader("\r\n--b--\r\n")}
			whole := size + int64(len(open)+len("\r\n--b--\r\n"))
			kind := "Content-Type: multipart/form-data; boundary=b\r\n"
			wantStatus(t, sendThenRead(t, d.url, head("/file/upload", dead, whole, kind), form...), 401, "token")
			if size > 20<<20 {
				form[0], form[2] = strings.NewReader(open), strings.NewReader("\r\n--b--\r\n")
				wantStatus(t, sendThenRead(t, d.url, head("/file/upload", p.token, whole, kind), form...), 507, "quota")
			}
		})
	}
}

// serveRefusals refuses every request after it has read some bytes of it.
func serveRefusals(t *testing.T, l drainLimits, stopping <-chan struct{}, read int64) *httptest.Server {
	t.Helper()
	s := &Server{}
	rt := s.router()
	rt.drains = newDrains(l, stopping)
	rt.routes = map[string][]route{"/raw": {{"POST", "/raw", public, raw, false, func(w http.ResponseWriter, r *http.Request, c *call) error {
		if _, err := io.CopyN(io.Discard, r.Body, read); err != nil {
			return err
		}
		return &service.Error{Kind: service.Conflict, Msg: "refused"}
	}}}}
	ts := httptest.NewServer(http.HandlerFunc(rt.observe))
	t.Cleanup(ts.Close)
	return ts
}

// A slowly writes a body in pieces, with a pause after each.
type slowly struct {
	pieces int
	pause  time.Duration
}

func (s slowly) WriteTo(w io.Writer) (n int64, err error) {
	for range s.pieces {
		m, err := w.Write(make([]byte, 64<<10))
		if n += int64(m); err != nil {
			return n, err
		}
		time.Sleep(s.pause)
	}
	return n, nil
}

func TestRefusalOfSlowBodyArrives(t *testing.T) {
	t.Parallel()
	l := defaultDrainLimits
	l.keepTime, l.stall = 50*time.Millisecond, 400*time.Millisecond
	ts := serveRefusals(t, l, nil, 100)
	body := slowly{10, 60 * time.Millisecond}
	for _, header := range []string{"Content-Length: 655360\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"} {
		parts := []io.WriterTo{body}
		if strings.HasPrefix(header, "T") {
			parts = []io.WriterTo{strings.NewReader("a0000\r\n"), body, strings.NewReader("\r\n0\r\n\r\n")}
		}
		resp := sendThenRead(t, ts.URL, "POST /raw HTTP/1.1\r\nHost: x\r\n"+header, parts...)
		wantStatus(t, resp, 409, "refused")
		if !resp.Close {
			t.Errorf("%q: the connection goes on", header)
		}
	}
}

// A client that reads while it sends has the whole refusal at once.
func TestRefusalIsNotHeldBack(t *testing.T) {
	t.Parallel()
	ts := serveRefusals(t, defaultDrainLimits, nil, 100)
	start := time.Now()
	resp := sendThenRead(t, ts.URL, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 67108864\r\n\r\n", zeros(1<<20))
	wantStatus(t, resp, 409, "refused")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// ended waits until the server has closed a connection.
func ended(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection lives: %v", err)
	}
	return time.Since(start)
}

// Drains end: by their total time, by silence, by the number of bytes, when the process stops; and there are only so many.
func TestDrainLimits(t *testing.T) {
	t.Parallel()
	const head = "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n"
	long := drainLimits{keepBytes: 1, keepTime: 10 * time.Millisecond, bytes: 1 << 40, time: time.Hour, stall: time.Hour, all: 9, perAddr: 9}
	for name, c := range map[string]struct {
		change func(*drainLimits)
		trickle,
		stop bool
		took time.Duration
	}{
		"time":        {change: func(l *drainLimits) { l.time = 400 * time.Millisecond }, trickle: true, took: 300 * time.Millisecond},
		"silence":     {change: func(l *drainLimits) { l.stall = 300 * time.Millisecond }, took: 200 * time.Millisecond},
		"bytes":       {change: func(l *drainLimits) { l.bytes = 2000 }, trickle: true},
		"all":         {change: func(l *drainLimits) { l.all = 0 }},
		"per address": {change: func(l *drainLimits) { l.perAddr = 0 }},
		"stop":        {change: func(*drainLimits) {}, stop: true, trickle: true, took: 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, stopping := long, make(chan struct{})
			c.change(&l)
			ts := serveRefusals(t, l, stopping, 100)
			conn := dialURL(t, ts.URL)
			_, _ = io.WriteString(conn, head+strings.Repeat("x", 100))
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			wantStatus(t, resp, 409, "refused")
			if c.trickle {
				go func() {
					for {
						if _, err := conn.Write(bytes.Repeat([]byte("x"), 1000)); err != nil {
							return
						}
						time.Sleep(10 * time.Millisecond)
					}
				}()
			}
			if c.stop {
				time.AfterFunc(300*time.Millisecond, func() { close(stopping) })
			}
			if took := ended(t, conn); took < c.took || took > 10*time.Second {
				t.Errorf("the connection was closed after %v", took)
			}
		})
	}
}

func TestDrainSlots(t *testing.T) {
	t.Parallel()
	d := newDrains(drainLimits{all: 3, perAddr: 2}, nil)
	var leave []func()
	for i, c := range []struct {
		addr string
		ok   bool
	}{
		{"192.0.2.1", true}, {"192.0.2.1", true}, {"192.0.2.1", false}, {"2001:db8::1", true}, {"2001:db8::2", false}, {"192.0.2.9", false},
	} {
		l, ok := d.enter(netip.MustParseAddr(c.addr))
		if ok != c.ok {
			t.Errorf("%d: %s: %v", i, c.addr, ok)
		}
		if ok {
			leave = append(leave, l)
		}
	}
	for _, l := range leave {
		l()
	}
	if d.active != 0 || len(d.byAddr) != 0 {
		t.Errorf("left behind: %d, %v", d.active, d.byAddr)
	}
}
