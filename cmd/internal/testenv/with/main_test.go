//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
)

// asWith is the variable that makes this program the command under test.
const asWith = "TESTENV_AS_WITH"

func TestMain(m *testing.M) {
	if os.Getenv(asWith) != "" {
		main()
	}
	os.Exit(m.Run())
}

// with prepares a run in which no server is named, but for changes of the environment.
func with(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BLINKDRIVE_TEST_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, asWith+"=1", "TMPDIR="+t.TempDir()), env...)
	return cmd
}

// named are variables under which nothing is to be started for Redis.
var named = []string{testenv.EnvRedis + "=redis://one", testenv.EnvRedisCluster + "=redis://two"}

func TestRuns(t *testing.T) {
	t.Parallel()
	print := `printf '%s ' "$BLINKDRIVE_TEST_REDIS_ADDR" "$BLINKDRIVE_TEST_REDIS_CLUSTER_ADDRS" "$BLINKDRIVE_TEST_SERVERS"`
	for _, c := range []struct {
		name        string
		env, args   []string
		code        int
		out, errors string // parts
	}{
		{"servers are named", named, []string{"-only", "redis", "--", "sh", "-c", print}, 0, "redis://one redis://two required", ""},
		{"exit code", named, []string{"-only", "redis", "--", "sh", "-c", "exit 7"}, 7, "", ""},
		{"killed", named, []string{"-only", "redis", "--", "sh", "-c", "kill -9 $$"}, 128 + 9, "", "killed"},
		{"no such command", named, []string{"-only", "redis", "--", "/no/such/command"}, 127, "", "no such file"},
		{"a primary alone", []string{testenv.EnvMySQL + "=mine"}, []string{"-only", "mysql", "--", "env"}, 0,
			testenv.EnvMySQLReplica + "=mine\n", ""},
		{"no command", nil, []string{"-only", "redis"}, 2, "", "usage"},
		{"no such flag", nil, []string{"-none"}, 2, "", "-none"},
		{"no such purpose", nil, []string{"-only", "nothing", "--", "true"}, 1, "", `no purpose "nothing"`},
		{"nothing to install with", []string{"PATH=/nowhere", named[0]}, []string{"-only", "redis", "--", "/bin/true"}, 1, "",
			"redis tests miss redis-server; Debian has them in: redis-server\ntestenv: there is no apt-get here to install them\n" +
				"install the packages, or name servers in " + testenv.EnvRedisCluster + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := with(t, c.env, c.args...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d\n%s", code, c.code, stderr.Bytes())
			}
			if !strings.Contains(string(out), c.out) || !strings.Contains(stderr.String(), c.errors) {
				t.Errorf("wants %q and %q, prints %q and %q", c.out, c.errors, out, stderr.Bytes())
			}
		})
	}
}

// TestLeavesNothing ends a run in several ways: what the command has started ends too, and its temporary files go.
func TestLeavesNothing(t *testing.T) {
	t.Parallel()
	const leave = `setsid sleep 1000 & echo $! $TMPDIR; `
	ends := func(s syscall.Signal) func(t *testing.T, cmd *exec.Cmd) {
		return func(t *testing.T, cmd *exec.Cmd) {
			if err := cmd.Process.Signal(s); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name, script string
		end          func(t *testing.T, cmd *exec.Cmd)
		code         int // -1: by a signal
	}{
		{"by itself", leave, func(*testing.T, *exec.Cmd) {}, 0},
		{"interrupt", leave + "sleep 1000", ends(syscall.SIGINT), 130},
		{"terminate", leave + "trap '' TERM; sleep 5", ends(syscall.SIGTERM), 130},
		{"hang up", leave + "sleep 1000", ends(syscall.SIGHUP), 130},
		{"kill", leave + "sleep 1000", ends(syscall.SIGKILL), -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := with(t, named, "-only", "redis", "--", "sh", "-c", c.script)
			pid, dir := started(t, cmd)
			c.end(t, cmd)
			_ = cmd.Wait() // its code is looked at
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			gone(t, pid, dir)
		})
	}
}

// TestParentKilled kills the parent, which passes nothing on.
func TestParentKilled(t *testing.T) {
	t.Parallel()
	inner := with(t, named, "-only", "redis", "--", "sh", "-c", "echo $$ $TMPDIR; sleep 1000")
	cmd := exec.Command("/bin/sh", append([]string{"-c", `"$@"; exit`, "sh"}, inner.Args...)...)
	cmd.Env = inner.Env
	pid, dir := started(t, cmd)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	gone(t, pid, dir)
}

// started starts a command that prints the number of a process and a temporary directory.
func started(t *testing.T, cmd *exec.Cmd) (pid int, dir string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	first, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, nerr := strconv.Atoi(first)
	if err != nil || nerr != nil {
		t.Fatalf("%q, %v", line, errors.Join(err, nerr))
	}
	return pid, dir
}

func gone(t *testing.T, pid int, dir string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, alive := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe") // a zombie has none
		left, err := os.ReadDir(filepath.Dir(filepath.Dir(dir)))
		if alive != nil && err == nil && len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("left: process %d: %v; %v, %v", pid, alive == nil, left, err)
		}
	}
}

// TestRedis starts a server in earnest.
func TestRedis(t *testing.T) {
	t.Parallel()
	if err := testenv.Installed(testenv.ForRedis); err != nil {
		t.Skip(err)
	}
	cmd := with(t, named[1:], "-only", "redis", "--", "sh", "-c",
		`redis-cli -u "$BLINKDRIVE_TEST_REDIS_ADDR" ping; echo "$BLINKDRIVE_TEST_PROGRAMS"`)
	cmd.Stderr = io.Discard
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "PONG\n") || !strings.Contains(string(out), "redis") {
		t.Errorf("it prints %q, %v", out, err)
	}
}
