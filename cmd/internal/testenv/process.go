package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Control is what a test does to a server, or to several as one. Every method may be called in any state and by several
// goroutines: what is so already is left so.
type Control interface {
	// Kill ends it as kill -9 does and returns when it is gone.
	Kill()
	// Stop asks it to end and waits. It is killed, and an error returned, when it has not ended after 20 s or when ctx is done;
	// Ceph's gateway, which often takes its time and has nothing to save, is killed after 3 s, and that is no error.
	Stop(ctx context.Context) error
	// Start starts it again, with the data and the addresses that it had, and returns when it answers.
	Start(ctx context.Context) error
	// Pause halts it: connections stay open and nothing answers.
	Pause() error
	// Resume lets it go on after Pause.
	Resume() error
}

const (
	startLimit = 90 * time.Second // for a server to answer on a machine that is busy with other things
	stopLimit  = 20 * time.Second
	hastyLimit = 3 * time.Second
	poll       = 10 * time.Millisecond
)

// A Process is one server program. Its data and its address stay the same from Start to Start.
type Process struct {
	Name string // as in messages and in the name of the log
	Addr string // where clients reach it, HOST:PORT

	argv  []string
	env   []string
	dir   string                          // where it runs and logs
	hasty bool                            // it is killed soon after it was asked to end
	ready func(ctx context.Context) error // nil error: it answers

	mu      sync.Mutex
	run     *run // the last one; nil before the first
	stopped bool // by one of the methods; else it ended by itself
}

var _ Control = (*Process)(nil)

// A run is one life of a process.
type run struct {
	pid  int
	done chan struct{} // closed when it has ended
	err  error         // then: how
}

// launch starts a command whose thread of start lives as long as the command does: the kernel ends a process with Pdeathsig
// when the thread ends that made it.
func launch(cmd *exec.Cmd) (*run, error) {
	r := &run{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			r.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			r.err = cmd.Wait()
			close(r.done)
		}
	}()
	return r, <-started
}

func (r *run) alive() bool {
	if r == nil {
		return false
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// signal sends to the process and all that it has started.
func (r *run) signal(s syscall.Signal) error {
	if !r.alive() {
		return nil // its number may be another's by now
	}
	if err := syscall.Kill(-r.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

func (p *Process) logFile() string { return filepath.Join(p.dir, p.Name+".log") }

// Log returns what the process has written so far, in all its runs.
func (p *Process) Log() ([]byte, error) {
	b, err := os.ReadFile(p.logFile())
	if err != nil {
		return nil, fmt.Errorf("testenv: %w", err)
	}
	return b, nil
}

// PID returns the number of the running process, or 0.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.run.alive() {
		return 0
	}
	return p.run.pid
}

// Start implements Control.
func (p *Process) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run.alive() {
		return p.wait(ctx)
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = p.dir, p.env, log, log, bound()
	r, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("testenv: %s: %w", p.Name, err)
	}
	p.run, p.stopped = r, false
	if err := p.wait(ctx); err != nil {
		p.kill()
		return err
	}
	return nil
}

// wait returns when the process answers.
func (p *Process) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var last error
	for {
		select {
		case <-p.run.done:
			return fmt.Errorf("testenv: %s ended at once: %w%s", p.Name, reason(p.run.err), p.tail())
		case <-ctx.Done():
			return fmt.Errorf("testenv: %s does not answer: %w: %w%s", p.Name, ctx.Err(), reason(last), p.tail())
		case <-time.After(poll):
		}
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		last = p.ready(attempt)
		cancel()
		if last == nil {
			return nil
		}
	}
}

func reason(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// tail returns the last lines of the log, for messages.
func (p *Process) tail() string {
	b, err := p.Log()
	if err != nil {
		return "" // the message has its cause already
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return "\n" + string(bytes.Join(lines[max(0, len(lines)-15):], []byte("\n")))
}

// Kill implements Control.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill()
}

func (p *Process) kill() {
	p.stopped = true
	if p.run.alive() {
		_ = p.run.signal(syscall.SIGKILL) // it fails where the process is gone, which is what is wanted
		<-p.run.done
	}
}

// Stop implements Control.
func (p *Process) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if !p.run.alive() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := p.run.signal(syscall.SIGCONT); err != nil { // a halted one could not end
		return fmt.Errorf("testenv: %s: %w", p.Name, err)
	}
	// Only the program itself: what it has started is its own to end.
	if err := syscall.Kill(p.run.pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("testenv: %s: %w", p.Name, err)
	}
	var soon <-chan time.Time
	if p.hasty {
		soon = time.After(hastyLimit)
	}
	select {
	case <-p.run.done:
		return nil
	case <-soon:
		p.kill()
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("testenv: %s did not end: %w", p.Name, ctx.Err())
	}
}

// Pause implements Control.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume implements Control.
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.run.signal(s); err != nil {
		return fmt.Errorf("testenv: %s: %w", p.Name, err)
	}
	return nil
}

// crashed returns an error if the process has ended though nobody ended it.
func (p *Process) crashed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || p.stopped || p.run.alive() {
		return nil
	}
	return fmt.Errorf("testenv: %s ended by itself: %w%s", p.Name, reason(p.run.err), p.tail())
}
