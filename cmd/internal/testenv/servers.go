package testenv

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Servers are the processes that one Start… function has started, in a folder of their own, under control as one.
type Servers struct {
	folder *Folder
	ports  ports
	all    []*Process                      // in the order in which they start
	joined func(ctx context.Context) error // nil error: they work together, as far as that takes time
}

var _ Control = (*Servers)(nil)

func newServers(dir, name string) (*Servers, error) {
	f, err := NewFolder(dir, name)
	if err != nil {
		return nil, err
	}
	return &Servers{folder: f}, nil
}

// path names a file in the folder.
func (s *Servers) path(name string) string { return filepath.Join(s.folder.Path, name) }

func (s *Servers) add(p *Process) *Process {
	p.dir = s.folder.Path
	if p.env == nil {
		p.env = s.folder.Env()
	}
	s.all = append(s.all, p)
	return p
}

// tool runs a program to its end and returns what it wrote.
func (s *Servers) tool(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	if cmd.Env == nil {
		cmd.Env = s.folder.Env()
	}
	cmd.Dir = s.folder.Path
	cmd.WaitDelay = time.Second // what a killed one has started holds the pipe, until Close
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("testenv: %s: %w\n%s", filepath.Base(cmd.Path), errors.Join(err, ctx.Err()), out)
	}
	return out, nil
}

// Kill implements Control, for all.
func (s *Servers) Kill() {
	var wg sync.WaitGroup
	for _, p := range s.all {
		wg.Go(p.Kill)
	}
	wg.Wait()
}

// Stop implements Control, for all, in the reverse order of starting.
func (s *Servers) Stop(ctx context.Context) error {
	var errs []error
	for _, p := range slices.Backward(s.all) {
		errs = append(errs, p.Stop(ctx))
	}
	return errors.Join(errs...)
}

// Start implements Control, for all.
func (s *Servers) Start(ctx context.Context) error {
	for _, p := range s.all {
		if err := p.Start(ctx); err != nil {
			return err
		}
	}
	return s.join(ctx)
}

func (s *Servers) join(ctx context.Context) error {
	if s.joined == nil {
		return nil
	}
	return until(ctx, s.joined)
}

// Pause implements Control, for all.
func (s *Servers) Pause() error { return s.each((*Process).Pause) }

// Resume implements Control, for all.
func (s *Servers) Resume() error { return s.each((*Process).Resume) }

func (s *Servers) each(f func(*Process) error) error {
	var errs []error
	for _, p := range s.all {
		errs = append(errs, f(p))
	}
	return errors.Join(errs...)
}

// Crashed returns an error that tells of every process that has ended by itself.
func (s *Servers) Crashed() error { return s.each((*Process).crashed) }

// Close kills all and removes what they have left. It may be called again.
func (s *Servers) Close() error {
	if s.folder == nil {
		return nil
	}
	s.Kill()
	err := s.folder.Close()
	s.ports.release()
	s.folder = nil
	return err
}

// closeOn closes the servers where their start has failed.
func (s *Servers) closeOn(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, s.Close())
}
