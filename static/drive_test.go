package static_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A drive is the real server on a folder of its own.
type drive struct {
	program string
	data    string
	url     string
	serve   *exec.Cmd
}

// programs is the folder of what the tests build; it is there as long as TestMain runs.
var programs string

// buildOnce builds the real server for all tests.
var buildOnce = sync.OnceValues(func() (program string, err error) {
	program = filepath.Join(programs, "blinkdrive")
	build := exec.Command("go", "build", "-o", program, "github.com/blinkdrive/blinkdrive/cmd/blinkdrive")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return program, nil
})

func buildDrive(t *testing.T) string {
	t.Helper()
	program, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// startDrive runs the server with nothing configured on a throw-away folder. BLINKDRIVE_PAGE_URL names one that runs
// already, which is convenient while the page is worked on.
func startDrive(t *testing.T, program string) *drive {
	t.Helper()
	d := &drive{program: program, data: t.TempDir(), url: os.Getenv("BLINKDRIVE_PAGE_URL")}
	if d.url == "" {
		d.start(t)
		t.Cleanup(func() { d.stop(t) })
	}
	return d
}

func (d *drive) start(t *testing.T) {
	t.Helper()
	d.serve = exec.Command(d.program, "serve")
	// Every request in the log would bury what a test says.
	d.serve.Env = append([]string{"BLINKDRIVE_LOG_LEVEL=warn"}, os.Environ()...)
	d.serve.Env = append(d.serve.Env, "BLINKDRIVE_LISTEN=127.0.0.1:0", "BLINKDRIVE_DATA="+d.data)
	d.serve.Stderr = t.Output()
	out, err := d.serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.serve.Start(); err != nil {
		t.Fatalf("start the server: %v", err)
	}
	d.url = announcedURL(t, out)
}

// stop asks the server to stop, as its operator would, and kills it if it does not.
func (d *drive) stop(t *testing.T) {
	if err := d.serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop the server: %v", err)
	}
	kill := time.AfterFunc(patience, func() { _ = d.serve.Process.Kill() })
	defer kill.Stop()
	if err := d.serve.Wait(); err != nil {
		t.Errorf("the server stopped with: %v", err)
	}
}

// kill ends the server without a word.
func (d *drive) kill(t *testing.T) {
	t.Helper()
	if err := d.serve.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.serve.Wait() // it was killed
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
	case <-time.After(patience):
		t.Fatal("the server has not printed its URL")
		return ""
	}
}
