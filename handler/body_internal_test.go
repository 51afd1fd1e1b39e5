package handler

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

// serve runs one handler behind the whole middleware, as POST /raw and GET /raw.
func serve(t *testing.T, s *Server, body bodyUse, handle func(http.ResponseWriter, *http.Request, *call) error) *httptest.Server {
	t.Helper()
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	rt := &router{Server: s, counts: newRequestMetrics(nil), drains: newDrains(defaultDrainLimits, nil), routes: map[string][]route{"/raw": {{"GET POST", "/raw", public, body, false, handle}}},
		origin: http.NewCrossOriginProtection()}
	ts := httptest.NewServer(http.HandlerFunc(rt.observe))
	t.Cleanup(ts.Close)
	return ts
}

// dial opens a connection and writes a request by hand.
func dial(t *testing.T, ts *httptest.Server, request string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", ts.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestSlowlorisDies(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]bodyUse{"form": form, "raw": raw} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cause := make(chan error, 1)
			ts := serve(t, &Server{ReadTimeout: 200 * time.Millisecond}, body, func(w http.ResponseWriter, r *http.Request, c *call) error {
				_, err := io.Copy(io.Discard, r.Body)
				cause <- err
				return err
			})
			conn := dial(t, ts, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n")
			go func() { // a byte now and then keeps no deadline away
				for {
					if _, err := conn.Write([]byte("a")); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}()
			start := time.Now()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil && resp.StatusCode != 400 {
				t.Errorf("answer: %s", resp.Status)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it lived for %v", took)
			}
			if body == raw {
				if err := <-cause; service.KindOf(err) != service.CutOff || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("cause: %v", err)
				}
			}
		})
	}
}

// Each 64 KiB gets the whole time again, and what the handler does between two reads costs the client nothing.
func TestSlowButHonestBodyArrives(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	ts := serve(t, &Server{ReadTimeout: timeout}, raw, func(w http.ResponseWriter, r *http.Request, c *call) error {
		buf := make([]byte, window)
		total := 0
		for {
			n, err := io.ReadFull(r.Body, buf)
			total += n
			if err != nil {
				return writeOK(w, total)
			}
			time.Sleep(timeout / 4)
		}
	})
	body := bytes.Repeat([]byte("x"), 8*window)
	resp, err := http.Post(ts.URL+"/raw", "", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(answer), fmt.Sprint(len(body))) {
		t.Errorf("answer: %s", answer)
	}
}

// The read deadline must be gone once the body is in: net/http would end the request's context by it.
func TestDeadlineDoesNotOutliveTheBody(t *testing.T) {
	t.Parallel()
	ts := serve(t, &Server{ReadTimeout: 50 * time.Millisecond}, form, func(w http.ResponseWriter, r *http.Request, c *call) error {
		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-time.After(250 * time.Millisecond):
			return writeOK(w, c.Params.get("a"))
		}
	})
	resp, err := http.Post(ts.URL+"/raw", "application/x-www-form-urlencoded", strings.NewReader("a=b"))
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
}

// A client that reads nothing before it has sent all must still get the answer, on a connection that lives.
func TestRejectedBodyIsDrained(t *testing.T) {
	t.Parallel()
	ts := serve(t, &Server{}, raw, func(w http.ResponseWriter, r *http.Request, c *call) error { return unauthenticated("no") })
	const size = 5 << 20
	conn := dial(t, ts, fmt.Sprintf("POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size))
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Fatalf("the body could not be sent: %v", err)
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 401 || resp.Close {
		t.Fatalf("answer: %+v, %v", resp, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if _, err := io.WriteString(conn, "GET /raw HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if resp, err = http.ReadResponse(br, nil); err != nil || resp.StatusCode != 401 {
		t.Fatalf("next answer: %+v, %v", resp, err)
	}
}

// A body that waits to be asked for, or that is endless, is not drained.
func TestUnwantedBodyIsNotAskedFor(t *testing.T) {
	t.Parallel()
	ts := serve(t, &Server{}, raw, func(w http.ResponseWriter, r *http.Request, c *call) error { return unauthenticated("no") })
	for _, headers := range []string{"Expect: 100-continue\r\nContent-Length: 1000000", "Content-Length: 1000000000000"} {
		conn := dial(t, ts, "POST /raw HTTP/1.1\r\nHost: x\r\n"+headers+"\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != 401 {
			t.Fatalf("%s: %+v, %v", headers, resp, err)
		}
	}
}

func TestCutOffBody(t *testing.T) {
	t.Parallel()
	cause := make(chan error, 1)
	ts := serve(t, &Server{}, raw, func(w http.ResponseWriter, r *http.Request, c *call) error {
		_, err := io.Copy(io.Discard, r.Body)
		cause <- err
		return err
	})
	conn := dial(t, ts, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
	_ = conn.(*net.TCPConn).CloseWrite()
	if err := <-cause; service.KindOf(err) != service.CutOff || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cause: %v", err)
	}
}

// A file must reach the connection as a file, for the kernel to copy it, and be counted.
func TestFileIsHandedOnToTheConnection(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 3*piece/16+5)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{0, 1, piece, 2*piece + 7, int64(len(content)), int64(len(content)) + 99} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sink := &fileSink{ResponseRecorder: httptest.NewRecorder()}
		w := &response{ResponseWriter: sink, renew: func() {}}
		var src io.Reader = f
		want := len(content)
		if limit > 0 {
			src, want = io.LimitReader(f, limit), min(want, int(limit))
		}
		n, err := io.Copy(w, src)
		if limit > 0 { // as http.ServeContent does
			n, err = w.bytes, nil
		}
		if err != nil || int(n) != want || !bytes.Equal(sink.Body.Bytes(), content[:want]) || w.bytes != n {
			t.Errorf("limit %d: %d bytes, %v", limit, n, err)
		}
		if !sink.file {
			t.Errorf("limit %d: the file was hidden from the connection", limit)
		}
	}
}

type fileSink struct {
	*httptest.ResponseRecorder
	file bool
}

// ReadFrom sees what net/http's own writer would see: a file behind at most one limit.
func (s *fileSink) ReadFrom(r io.Reader) (int64, error) {
	if lr, ok := r.(*io.LimitedReader); ok {
		_, s.file = lr.R.(syscall.Conn) // a file, or what package os makes of it
	}
	return io.Copy(s.ResponseRecorder.Body, r)
}

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	s := &Server{Log: slog.New(slog.NewTextHandler(&logs, nil))}
	ts := serve(t, s, raw, func(w http.ResponseWriter, r *http.Request, c *call) error { panic("secret cause") })
	resp, err := http.Get(ts.URL + "/raw")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 500 || strings.Contains(string(answer), "secret") {
		t.Errorf("%s: %s", resp.Status, answer)
	}
	ts.Close()
	if !strings.Contains(logs.String(), "secret cause") || !strings.Contains(logs.String(), resp.Header.Get("X-Request-Id")) {
		t.Errorf("log: %s", logs.String())
	}
}

// An error after the answer began must break the connection: a short answer must not pass for a whole one.
func TestFailureUnderWayBreaksTheConnection(t *testing.T) {
	t.Parallel()
	ts := serve(t, &Server{}, raw, func(w http.ResponseWriter, r *http.Request, c *call) error {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("half"))
		return errors.New("disk on fire")
	})
	resp, err := http.Get(ts.URL + "/raw")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a short answer passed for a whole one")
	}
}

func TestUnknownErrorIsShownWithoutItsCause(t *testing.T) {
	t.Parallel()
	ts := serve(t, &Server{}, raw, func(w http.ResponseWriter, r *http.Request, c *call) error {
		w.Header().Set("Content-Length", "7")
		w.Header().Set("Cache-Control", "public")
		return fmt.Errorf("open /secret/path: %w", context.DeadlineExceeded)
	})
	resp, err := http.Get(ts.URL + "/raw")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 500 || !strings.Contains(string(answer), `"code":10002`) || strings.Contains(string(answer), "secret") ||
		resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %v: %s", resp.Status, resp.Header, answer)
	}
}
