package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mark is the variable by which a process and all that it starts are known to belong to a folder. It does not begin with
// BLINKDRIVE_, which a Drive does not inherit.
const mark = "TESTENV_FOLDER"

// guard waits for the end of whoever made the folder. Where that came without a word, by kill -9 for one, it kills what
// belongs to the folder and removes it.
const guard = `trap '' HUP INT QUIT TERM
read -r word && exit
tries=0
while [ "$tries" -lt 100 ]; do
	for p in /proc/[0-9]*; do
		if grep -aqsF -- "$2" "$p/environ"; then kill -9 "${p#/proc/}"; fi
	done
	rm -rf -- "$1"
	if [ ! -e "$1" ]; then exit; fi
	tries=$((tries + 1))
	sleep 0.1
done`

// A Folder is a temporary directory to which processes belong. When it is closed, or its maker dies in whatever way, they are
// killed and it is removed.
type Folder struct {
	Path  string
	guard *exec.Cmd
	word  io.WriteCloser
}

// NewFolder makes a folder below dir, by default where temporary files are kept.
func NewFolder(dir, name string) (*Folder, error) {
	path, err := os.MkdirTemp(dir, "blinkdrive-"+name+"-")
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, fmt.Errorf("testenv: %w", err)
	}
	f := &Folder{Path: path}
	if err := f.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return f, nil
}

func (f *Folder) watch() error {
	cmd := exec.Command("/bin/sh", "-c", guard, "sh", f.Path, f.marked())
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what ends the maker's group must not end it
	word, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	f.guard, f.word = cmd, word
	return nil
}

// marked is in the environment of all that belong to the folder. The slash keeps it from being the beginning of another's.
func (f *Folder) marked() string { return mark + "=" + f.Path + "/" }

// Env returns the environment for a process that belongs to the folder: this process's own, changed by some NAME=VALUE.
func (f *Folder) Env(changes ...string) []string {
	return append(append(os.Environ(), f.marked()), changes...)
}

// Close kills what belongs to the folder and removes it.
func (f *Folder) Close() error {
	err := f.sweep()
	if _, werr := io.WriteString(f.word, "done\n"); werr != nil {
		err = errors.Join(err, fmt.Errorf("testenv: %w", werr))
	}
	f.word.Close()
	if werr := f.guard.Wait(); werr != nil {
		err = errors.Join(err, fmt.Errorf("testenv: guard of %s: %w", f.Path, werr))
	}
	return err
}

func (f *Folder) sweep() error {
	for end := time.Now().Add(stopLimit); ; time.Sleep(poll) {
		pids := f.Processes()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
		// Who just died may still have been making files.
		err := os.RemoveAll(f.Path)
		if err == nil && len(pids) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("testenv: %s cannot be removed, processes %v: %w", f.Path, pids, reason(err))
		}
	}
}

// Processes returns the numbers of the running processes that belong to the folder.
func (f *Folder) Processes() []int {
	var pids []int
	names, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
	for _, name := range names {
		env, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended, or is another user's
		}
		if bytes.Contains(env, []byte(f.marked())) {
			pid, err := strconv.Atoi(strings.Split(name, "/")[2])
			if err == nil && pid != os.Getpid() {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
