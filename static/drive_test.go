package static_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// startDrive builds the real server, runs it with nothing configured on a throw-away folder, and returns its URL.
// BLINKDRIVE_PAGE_URL names one that runs already, which is convenient while the page is worked on.
func startDrive(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("BLINKDRIVE_PAGE_URL"); url != "" {
		return url
	}
	program := filepath.Join(t.TempDir(), "blinkdrive")
	build := exec.Command("go", "build", "-o", program, "github.com/blinkdrive/blinkdrive/cmd/blinkdrive")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	serve := exec.Command(program, "serve")
	serve.Env = append(os.Environ(), "BLINKDRIVE_LISTEN=127.0.0.1:0", "BLINKDRIVE_DATA="+t.TempDir())
	serve.Stderr = t.Output()
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatalf("start the server: %v", err)
	}
	t.Cleanup(func() { stopDrive(t, serve) })
	return announcedURL(t, out)
}

// stopDrive asks the server to stop, as its operator would, and kills it if it does not.
func stopDrive(t *testing.T, serve *exec.Cmd) {
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop the server: %v", err)
	}
	kill := time.AfterFunc(20*time.Second, func() { _ = serve.Process.Kill() })
	defer kill.Stop()
	if err := serve.Wait(); err != nil {
		t.Errorf("the server stopped with: %v", err)
	}
}

// announcedURL reads the line with the URL from the server's output and lets the rest go by.
func announcedURL(t *testing.T, out io.Reader) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		url := regexp.MustCompile(`https?://[^\s"]+`)
		for lines.Scan() {
			if u := url.FindString(lines.Text()); u != "" {
				select {
				case found <- u:
				default:
				}
			}
		}
	}()
	select {
	case url := <-found:
		return url
	case <-time.After(30 * time.Second):
		t.Fatal("the server has not printed its URL")
		return ""
	}
}
