package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
)

// A process is a running server in a folder of its own.
type process struct {
	url  string
	dir  string
	pid  int
	kill func()
	// again starts the same program in the same folder, once this one is gone.
	again func(ctx context.Context) (*process, error)
}

// launch starts a server and waits until it answers at ready with anything.
func launch(ctx context.Context, dir, addr, ready string, cmd *exec.Cmd) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd.Stdout, cmd.Stderr = log, log
	dieWithUs(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(done)
	}()
	p := &process{url: "http://" + addr, dir: dir, pid: cmd.Process.Pid, kill: func() {
		_ = cmd.Process.Kill()
		<-done
	}}
	p.again = func(ctx context.Context) (*process, error) {
		same := exec.Command(cmd.Path, cmd.Args[1:]...)
		same.Env, same.Dir = cmd.Env, cmd.Dir
		return launch(ctx, dir, addr, ready, same)
	}
	if err := p.wait(ctx, ready, done); err != nil {
		p.kill()
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, said)
	}
	_ = setCongestion(p.pid) // each measurement reads what is in force, and the report warns if it is not the same for all
	return p, nil
}

func (p *process) wait(ctx context.Context, ready string, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+ready, nil)
		if err != nil {
			return err
		}
		req.Close = true // a connection from before setCongestion must not be measured
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// launchSelf starts this program as the raw yardstick.
func launchSelf(ctx context.Context, dir string, hash bool) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := testenv.FreeAddr()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, rawCommand, "-addr", addr, "-dir", dir, fmt.Sprintf("-hash=%t", hash))
	return launch(ctx, dir, addr, "/", cmd)
}
