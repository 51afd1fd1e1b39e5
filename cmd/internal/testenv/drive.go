package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Package is what Build builds.
const Package = "github.com/blinkdrive/blinkdrive/cmd/blinkdrive"

// Build compiles the server into a directory, with further arguments to "go build", and returns the program's name.
func Build(ctx context.Context, dir string, args ...string) (string, error) {
	bin := filepath.Join(dir, "blinkdrive")
	args = append(append([]string{"build", "-o", bin}, args...), Package)
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("testenv: go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return bin, nil
}

// FreeAddr returns a local address on which nobody listens now.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("testenv: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// A Setting says what is to be started.
type Setting struct {
	Bin  string    // as Build returned it
	Data string    // the data directory
	Addr string    // where to listen
	Env  []string  // further variables, as in NAME=VALUE
	Log  io.Writer // what the process writes; nil: nowhere
}

// A Drive is a running server process.
type Drive struct {
	URL  string
	PID  int
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // then: how
}

// Command prepares a run of the program with the setting's environment, and nothing of this process's own drive.
func (s Setting) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Bin, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BLINKDRIVE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "BLINKDRIVE_DATA="+s.Data, "BLINKDRIVE_LISTEN="+s.Addr)
	cmd.Env = append(cmd.Env, s.Env...)
	cmd.Stdout, cmd.Stderr = s.Log, s.Log
	return cmd
}

// Start starts the server and waits until it is ready.
func Start(ctx context.Context, s Setting) (*Drive, error) {
	cmd := s.Command(context.WithoutCancel(ctx), "serve")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("testenv: %w", err)
	}
	d := &Drive{URL: "http://" + s.Addr, PID: cmd.Process.Pid, cmd: cmd, done: make(chan struct{})}
	go func() {
		d.err = cmd.Wait()
		close(d.done)
	}()
	if err := d.ready(ctx); err != nil {
		d.Kill()
		return nil, err
	}
	return d, nil
}

func (d *Drive) ready(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-d.done:
			return fmt.Errorf("testenv: the server ended at once: %w", errors.Join(d.err))
		case <-ctx.Done():
			return fmt.Errorf("testenv: waiting for the server: %w", ctx.Err())
		case <-tick.C:
			if d.answers(ctx) {
				return nil
			}
		}
	}
}

func (d *Drive) answers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Kill ends the process as kill -9 does, and waits until it is gone.
func (d *Drive) Kill() {
	_ = d.cmd.Process.Kill() // it fails where the process is gone, which is what is wanted
	<-d.done
}

// Done is closed when the process has ended.
func (d *Drive) Done() <-chan struct{} { return d.done }

// Stop asks the process to end, waits, and returns an error if it did not end with code 0.
func (d *Drive) Stop(ctx context.Context) error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	select {
	case <-d.done:
		return d.err
	case <-ctx.Done():
		d.Kill()
		return fmt.Errorf("testenv: the server did not end: %w", ctx.Err())
	}
}
