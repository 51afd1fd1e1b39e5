package static_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// withUs runs a program in a process group of its own that ends, all of it, when its standard input does: with the test,
// however the test ends.
const withUs = `exec 3<&0; "$@" </dev/null 3<&- & read -r _ <&3; kill -KILL 0`

// A program is a browser, or what one needs, with a folder of its own.
type program struct {
	name string
	dir  string
	out  io.Reader // what it says on its standard output
}

// startProgram starts one whose home is dir. Its messages are in dir too.
func startProgram(t *testing.T, dir string, env []string, argv ...string) *program {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Fatalf("%v; the page is tested in it (Debian: apt-get install firefox-esr webkit2gtk-driver xvfb)", err)
	}
	p := &program{name: filepath.Base(argv[0]), dir: dir}
	cmd := exec.Command("/bin/sh", append([]string{"-c", withUs, "sh"}, argv...)...)
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_RUNTIME_DIR="+dir, "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "XDG_DATA_HOME=",
		"LANG=C.UTF-8", "LC_ALL=")
	cmd.Env = append(cmd.Env, env...)
	messages, err := os.OpenFile(p.messages(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	cmd.Stderr = messages
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.out, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	t.Cleanup(func() {
		_ = hold.Close()
		_ = cmd.Wait() // it is killed
	})
	return p
}

func (p *program) messages() string { return filepath.Join(p.dir, p.name+".log") }

// home makes a folder for a program that a dying process may still write to.
func home(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(programs, "home-")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
