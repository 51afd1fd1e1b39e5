package setup_test

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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

const patience = 30 * time.Second

// A served drive runs in this process.
type served struct {
	url   string
	stop  context.CancelFunc
	ended chan error
}

func serve(t *testing.T, c config.Config) *served {
	t.Helper()
	d := open(t, c)
	ctx, stop := context.WithCancel(context.Background())
	s := &served{stop: stop, ended: make(chan error, 1)}
	ready := make(chan string, 2)
	go func() {
		s.ended <- d.Serve(ctx, func(url string) { ready <- url })
		close(s.ended)
	}()
	t.Cleanup(func() { stop(); <-s.ended })
	select {
	case s.url = <-ready:
	case err := <-s.ended:
		t.Fatalf("Serve: %v", err)
	}
	return s
}

// end waits for the end of serving.
func (s *served) end(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("serving did not end")
	}
}

// eventually fails the test unless ok becomes true in time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: it does not come to that", what)
		}
	}
}

func signedIn(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	if err := c.Signup(t.Context(), "alice", "correct horse"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Signin(t.Context(), "alice", "correct horse"); err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// The wiring, from one end to the other: an upload is stored, moved, shown in the figures and survives a restart.
func TestAWholeDrive(t *testing.T) {
	t.Parallel()
	cfg := emptyDrive(t)
	cfg.GarbageGrace = time.Second
	d := open(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- d.Serve(ctx, func(url string) { ready <- url }) }()
	url := <-ready
	c := signedIn(t, url)
	content := bytes.Repeat([]byte("blink"), 1<<20)
	done, err := c.Upload(t.Context(), bytes.NewReader(content), int64(len(content)), client.UploadOptions{Target: client.Target{Name: "a.bin"}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the blob is in the object store", func() bool {
		m, err := c.Meta(t.Context(), client.ByID(done.Meta.ID))
		return err == nil && m.Location == "disk"
	})
	if status, body := get(t, url+"/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, body)
	}
	_, figures := get(t, url+"/metrics")
	for _, want := range []string{"blinkdrive_uploads_completed_total 1\n", "blinkdrive_transfers_done_total 1\n", "go_goroutines ", "blinkdrive_garbage_blobs "} {
		if !strings.Contains(figures, want) {
			t.Errorf("the figures lack %q", want)
		}
	}
	stop()
	if err := errors.Join(<-ended, d.Close()); err != nil {
		t.Fatal(err)
	}
	again := serve(t, cfg)
	c2, err := client.New(again.url, client.Options{Token: c.Token()})
	if err != nil {
		t.Fatal(err)
	}
	defer c2.CloseIdleConnections()
	r, err := c2.Open(t.Context(), client.ByDigest(done.Digest))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("after a restart %d bytes come back, %v; want the same %d", len(got), err, len(content))
	}
}

// slowChunk begins to send a chunk by hand and returns the connection and the rest of the body.
func slowChunk(t *testing.T, url string) (net.Conn, []byte) {
	t.Helper()
	c := signedIn(t, url)
	body := bytes.Repeat([]byte("x"), 256<<10)
	u, err := c.Init(t.Context(), client.InitRequest{Target: client.Target{Name: "slow"}, Size: int64(len(body))})
	if err != nil {
		t.Fatal(err)
	}
	c.CloseIdleConnections()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /file/mpupload/uppart?uploadid=%s&index=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", u.UploadID, c.Token(), len(body))
	if err != nil {
		t.Fatal(err)
	}
	// The server asks for the body once the handler reads it: from then on the request is running.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the server says %q, %v", line, err)
	}
	if _, err := conn.Write(body[:1000]); err != nil {
		t.Fatal(err)
	}
	return conn, body[1000:]
}

// refused reports whether nobody listens at the URL any more.
func refused(url string) bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func TestRunningRequestsFinish(t *testing.T) {
	t.Parallel()
	s := serve(t, emptyDrive(t))
	conn, rest := slowChunk(t, s.url)
	s.stop()
	eventually(t, "no more requests are taken", func() bool { return refused(s.url) })
	if _, err := conn.Write(rest); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.Contains(answer, []byte("200 OK")) {
		t.Errorf("the chunk is answered %q, %v", answer, err)
	}
	s.end(t)
}

func TestRequestsThatTakeTooLongAreCutOff(t *testing.T) {
	t.Parallel()
	c := emptyDrive(t)
	c.ShutdownTimeout = 50 * time.Millisecond
	s := serve(t, c)
	slowChunk(t, s.url)
	s.stop()
	s.end(t)
}

func TestRolesWithoutAPI(t *testing.T) {
	t.Parallel()
	c := emptyDrive(t)
	c.Roles = []string{"sweeper"}
	d := open(t, c)
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := d.Serve(ctx, func(url string) { t.Errorf("it serves at %s", url) }); err != nil {
		t.Error(err)
	}
}

func TestTakenAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := emptyDrive(t)
	c.Listen, c.AdminListen = l.Addr().String(), "127.0.0.1:0"
	err = open(t, c).Serve(t.Context(), func(string) { t.Error("it says that it serves") })
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasSuffix(err.Error(), "set BLINKDRIVE_LISTEN to another address") {
		t.Errorf("Serve: %v", err)
	}
}

func TestAdminAddress(t *testing.T) {
	t.Parallel()
	c := emptyDrive(t)
	c.AdminListen = "127.0.0.1:0"
	address := make(chan string, 1)
	d, err := setup.Open(t.Context(), c, slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "address" {
				address <- a.Value.String()
			}
			return a
		},
	})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, func(string) {}) }()
	admin := "http://" + <-address
	for path, want := range map[string]string{"/metrics": "blinkdrive_uploads_completed_total", "/debug/pprof/": "goroutine", "/debug/pprof/cmdline": "test"} {
		if status, body := get(t, admin+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q", path, status, want)
		}
	}
	if status, _ := get(t, admin+"/file/query"); status != http.StatusNotFound {
		t.Errorf("the admin address answers for the drive: %d", status)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := errors.Join(<-ended, d.Close()); err != nil {
		t.Error(err)
	}
}
