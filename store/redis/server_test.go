package redis_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
)

// A server is a Redis of a test's own, to be killed, paused and flushed.
type server struct {
	port int
	dir  string
	args []string
	cmd  *exec.Cmd
}

// startServer starts a server that ends with the test.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{port: freePort(t), dir: t.TempDir(), args: args}
	s.start(t)
	t.Cleanup(func() { s.kill(t) })
	return s
}

func (s *server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *server) url() string { return "redis://" + s.addr() + "/0" }

func (s *server) start(t testing.TB) {
	t.Helper()
	if os.Getenv("BLINKDRIVE_TEST_SERVERS") != "required" {
		t.Skip("needs a server of its own, which make test has")
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("no server to test with: %v", err)
	}
	log := filepath.Join(s.dir, "log")
	// The folder of a server that dies while it writes must still be there, so nothing is written but the log.
	s.cmd = exec.Command(program, append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--logfile", log,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--set-proc-title", "no",
	}, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var answer redigo.Error // that a password is missing, say
		if err = s.say("PING"); err == nil || errors.As(err, &answer) && !strings.HasPrefix(string(answer), "LOADING") {
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			t.Fatalf("the server does not come up: %v\n%s", err, text)
		}
	}
}

// ask gives the server a command on a connection of its own.
func (s *server) ask(cmd string, args ...any) (any, error) {
	c, err := redigo.Dial("tcp", s.addr(), redigo.DialConnectTimeout(time.Second), redigo.DialReadTimeout(10*time.Second))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Do(cmd, args...)
}

func (s *server) say(cmd string, args ...any) error {
	_, err := s.ask(cmd, args...)
	return err
}

func (s *server) must(t testing.TB, cmd string, args ...any) {
	t.Helper()
	if err := s.say(cmd, args...); err != nil {
		t.Fatalf("%s %v: %v", cmd, args, err)
	}
}

// kill ends the server as kill -9 does, also a paused one.
func (s *server) kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("kill: %v", err)
	}
	_ = s.cmd.Wait() // it says that it was killed
	s.cmd = nil
}

func (s *server) pause(t testing.TB)  { s.signal(t, syscall.SIGSTOP) }
func (s *server) resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// freePort finds a port that is free now. Two of these ports are never given twice in a row by the kernel.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
