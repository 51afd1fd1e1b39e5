package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

const (
	password = "a demo needs one"
	fileSize = 256 << 20 // about as much of the Go toolchain is packed
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bin := flag.String("bin", "", "the server's program; built where not given")
	flag.Parse()
	if err := run(ctx, *bin, fileSize, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin string, size int64, out io.Writer) error {
	dir, err := os.MkdirTemp("", "blinkdrive-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &story{bin: bin, size: size, out: out, dir: dir, began: time.Now()}
	defer s.end()
	s.headline()
	for _, scene := range []func(context.Context) error{
		s.prepare, s.signUp, s.uploadAndDie, s.resume, s.instant, s.impostor, s.download, s.moved, s.check,
	} {
		if err := scene(ctx); err != nil {
			return errors.Join(err, s.serverLog())
		}
	}
	fmt.Fprintf(out, "\nAll is as it should be, after %.1f s.\n", time.Since(s.began).Seconds())
	return nil
}

// A story is what the scenes share.
type story struct {
	out     io.Writer
	bin     string
	dir     string
	began   time.Time
	step    time.Time
	setting testenv.Setting
	drive   *testenv.Drive

	file         string // what is uploaded
	size         int64  // about; exactly, when it is packed
	digest       string
	alice, bob   *client.Client
	bobs, alices string // entries
}

// end leaves nothing running.
func (s *story) end() {
	if s.drive != nil {
		s.drive.Kill()
	}
}

func (s *story) serverLog() error {
	b, err := os.ReadFile(filepath.Join(s.dir, "server.log"))
	if err != nil || len(b) == 0 {
		return nil //nolint:nilerr // there is no more to tell
	}
	return fmt.Errorf("the server's last words:\n%s", b[max(0, len(b)-4000):])
}

func (s *story) headline() {
	fmt.Fprintf(s.out, "%-66s %8s %10s %10s\n", "", "time", "sent", "saved")
	s.step = time.Now()
}

// tell prints what has just happened. A negative number of bytes is none of interest.
func (s *story) tell(sent, saved int64, format string, args ...any) {
	took := time.Since(s.step)
	line := fmt.Sprintf("%-66s %6.2f s %10s %10s", fmt.Sprintf(format, args...), took.Seconds(), megabytes(sent), megabytes(saved))
	fmt.Fprintln(s.out, strings.TrimRight(line, " "))
	s.step = time.Now()
}

func megabytes(n int64) string {
	if n < 0 {
		return ""
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
