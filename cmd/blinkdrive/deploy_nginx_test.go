//go:build linux

package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// TestBehindNginx has a real nginx with the example's settings before the drive.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	nginx := program(t, "nginx")
	w := newWorld(t, build(t), "BLINKDRIVE_TRUSTED_PROXIES=127.0.0.1/32")
	url := startNginx(t, nginx, w.setting.Addr)
	c := w.userWith("nginx", url, patient)

	size := int64(30 << 20)
	if long() {
		size = 300 << 20
	}
	big := pattern{1, size}.file(t)
	r, err := c.UploadFile(t.Context(), big, client.UploadOptions{ChunkSize: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	w.wantSame(c, client.ByID(r.Meta.ID), big)

	small := pattern{2, 3 << 20}.file(t) // as a form, whose body has no end in sight
	f, err := os.Open(small)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := c.UploadForm(t.Context(), "", client.FormFile{Name: "small", Content: f}); err != nil {
		t.Fatal(err)
	}
	w.wantFiles(c, 2, size+3<<20)
	link, err := c.DownloadURL(t.Context(), client.ByID(r.Meta.ID))
	if err != nil || !strings.HasPrefix(link, url) {
		t.Errorf("the link %s leads past nginx: %v", link, err)
	}
}

// TestRefusalsBehindNginx has clients that send a whole body before they read be refused through nginx, which must not
// make 502 of the refusal.
func TestRefusalsBehindNginx(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	nginx := program(t, "nginx")
	w := newWorld(t, build(t, raceArgs()...), "BLINKDRIVE_TRUSTED_PROXIES=127.0.0.1/32")
	for name, buffering := range map[string]string{"streamed": "proxy_request_buffering off;", "buffered": "proxy_request_buffering on;"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := startNginx(t, nginx, w.setting.Addr, "proxy_request_buffering off;", buffering)
			for _, mib := range []int{6, 16, 32, 64} {
				for _, path := range []string{"/file/mpupload/uppart?uploadid=x&index=1", "/file/upload"} {
					for range 2 {
						if err := refusedLate(url, path, mib<<20); err != nil {
							t.Errorf("%d MiB to %s: %v", mib, path, err)
						}
					}
				}
			}
		})
	}
}

// refusedLate posts a body without a token, reads nothing before it has sent all, and wants to be told of the token.
func refusedLate(url, path string, size int) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", path, size); err != nil {
		return err
	}
	for piece := make([]byte, 256<<10); size > 0; size -= len(piece) {
		if _, err := conn.Write(piece[:min(size, len(piece))]); err != nil {
			return fmt.Errorf("with %d bytes to go: %w", size, err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), `"code":10005`) {
		return fmt.Errorf("%s: %s, %w", resp.Status, body, err)
	}
	return nil
}

// startNginx runs nginx with the example, for a drive at addr, and returns its URL. change are more replacements in it.
func startNginx(t *testing.T, program, addr string, change ...string) string {
	t.Helper()
	listen, err := testenv.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := strings.NewReplacer(
		"server 127.0.0.1:8080;", "server "+addr+";",
		"listen 80;", "listen "+listen+";",
		"/var/log/nginx/", dir+"/",
	).Replace(readFile(t, "cmd/blinkdrive/deploy/nginx.conf"))
	conf = strings.NewReplacer(change...).Replace(conf)
	main := fmt.Sprintf("pid %[1]s/pid;\nerror_log %[1]s/error.log;\nevents {}\nhttp {\n", dir)
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += fmt.Sprintf("%s_temp_path %s/%s;\n", temp, dir, temp)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(main+conf+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "-t", "-p", dir, "-c", file).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	// One process as whoever runs the test: files of a temporary folder are not for nginx's own user.
	cmd := exec.Command(program, "-p", dir, "-c", file, "-g", "daemon off; master_process off;")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); pause(t) {
		if c, err := net.Dial("tcp", listen); err == nil {
			_ = c.Close()
			return "http://" + listen
		}
	}
	t.Fatal("nginx does not take connections")
	return ""
}
