//go:build linux

package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// helperDir is the variable that makes this program a maker of a folder that is to be killed.
const helperDir = "TESTENV_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		fmt.Println(helper(dir))
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// helper starts a program that is bound to this one, and by it one that is not, and returns their folder.
func helper(dir string) string {
	s, err := newServers(dir, "helper")
	if err != nil {
		return err.Error()
	}
	p := s.add(&Process{
		Name: "parent", argv: []string{"/bin/sh", "-c", "trap '' HUP; setsid sleep 1000 & touch started; wait"},
		ready: func(context.Context) error {
			_, err := os.Stat(s.path("started"))
			return err
		},
	})
	if err := p.Start(context.Background()); err != nil {
		return err.Error()
	}
	return s.folder.Path
}

// TestMakerKilled kills the maker of a folder with -9: its processes end, also those in other sessions, and the folder goes.
func TestMakerKilled(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	folder := &Folder{Path: strings.TrimSpace(line)}
	if _, serr := os.Stat(folder.Path); err != nil || serr != nil {
		t.Errorf("%v, %v", err, serr)
	}
	if pids := folder.Processes(); len(pids) < 2 {
		t.Errorf("only %v belong to the folder", pids)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	gone(t, folder)
}

// gone waits until nothing is left of a folder.
func gone(t *testing.T, f *Folder) {
	t.Helper()
	err := until(t.Context(), func(context.Context) error {
		_, err := os.Stat(f.Path)
		if pids := f.Processes(); len(pids) > 0 || !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("of %s there are left: %v and processes %v", f.Path, err, pids)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestFolderClose closes a folder in which a process writes for ever, and leaves alone what belongs to another.
func TestFolderClose(t *testing.T) {
	t.Parallel()
	start := func(f *Folder) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", "n=0; while mkdir -p d/$n; do n=$((n+1)); done")
		cmd.Dir, cmd.Env = f.Path, f.Env()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	dir := t.TempDir()
	one, err1 := NewFolder(dir, "a")
	two, err2 := NewFolder(dir, "a")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	first, second := start(one), start(two)
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	_ = first.Wait() // it was killed
	if pids := two.Processes(); len(pids) == 0 || pids[0] != second.Process.Pid {
		t.Errorf("of the other's processes there are %v", pids)
	}
	if err := two.Close(); err != nil {
		t.Error(err)
	}
	_ = second.Wait()
	gone(t, one)
	gone(t, two)
}

// TestPorts takes many: no two sets have one in common, and what is released can be had again.
func TestPorts(t *testing.T) {
	t.Parallel()
	var one, two ports
	defer two.release()
	taken := map[int]bool{}
	for range 50 {
		for _, p := range []*ports{&one, &two} {
			first, err := p.take(4)
			if err != nil {
				t.Fatal(err)
			}
			for port := first; port < first+4; port++ {
				if taken[port] {
					t.Fatalf("port %d was taken before", port)
				}
				taken[port] = true
			}
		}
	}
	port, err := one.take(1)
	if err != nil {
		t.Fatal(err)
	}
	if two.hold(port, 1) {
		t.Errorf("port %d is taken twice", port)
	}
	one.release()
	// A process that is being made holds what is open here for a moment.
	err = until(t.Context(), func(context.Context) error {
		if !two.hold(port, 1) {
			return fmt.Errorf("port %d cannot be had though it is released", port)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
