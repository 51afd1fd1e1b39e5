package rabbit_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// server is a broker of one test's own, for what the shared one cannot bear.
type server struct {
	*testing.T
	env  []string
	url  string
	proc *exec.Cmd
}

// programs is where Debian keeps the broker's own scripts, below those that insist on its user and folders.
const programs = "/usr/lib/rabbitmq/bin"

func startServer(t *testing.T, erlang string) *server {
	t.Helper()
	storetest.Server(t, "BLINKDRIVE_TEST_AMQP_URL") // a run without servers starts none
	if _, err := os.Stat(programs); err != nil {
		if os.Getenv("BLINKDRIVE_TEST_SERVERS") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, ports := t.TempDir(), freePorts(t, 3)
	for name, text := range map[string]string{"rabbitmq.conf": "disk_free_limit.absolute = 50MB\n", "plugins": "[].\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{T: t, url: fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", ports[0])}
	s.env = append(os.Environ(),
		"HOME="+dir, "PATH="+programs+":"+os.Getenv("PATH"), "RABBITMQ_CONF_ENV_FILE=/dev/null", "RUNNING_UNDER_SYSTEMD=1", "NOTIFY_SOCKET=",
		fmt.Sprintf("RABBITMQ_NODE_PORT=%d", ports[0]), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", ports[1]), fmt.Sprintf("ERL_EPMD_PORT=%d", ports[2]),
		"ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODENAME=own@localhost",
		"RABBITMQ_MNESIA_BASE="+dir+"/mnesia", "RABBITMQ_LOG_BASE="+dir+"/log",
		"RABBITMQ_CONFIG_FILE="+dir+"/rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE="+dir+"/plugins",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none -start_epmd false "+erlang)
	// The name server would start by itself, but outlive the test.
	names := s.start("epmd", "-address", "127.0.0.1", "-port", fmt.Sprint(ports[2]))
	t.Cleanup(func() { kill(names) })
	t.Cleanup(func() { kill(s.proc) })
	s.boot()
	return s
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for len(ports) < n {
		p := 15_000 + rand.IntN(15_000) // below those that the system gives to others
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err == nil && !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
		if err == nil {
			_ = l.Close()
		}
	}
	return ports
}

func (s *server) start(program string, args ...string) *exec.Cmd {
	s.Helper()
	cmd := exec.Command(filepath.Join(programs, program), args...)
	if program == "epmd" {
		cmd = exec.Command(program, args...)
	}
	cmd.Env = s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
}

// boot starts the broker, and waits until it takes connections.
func (s *server) boot() {
	s.Helper()
	s.proc = s.start("rabbitmq-server")
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := amqp.Dial(s.url)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			s.Fatalf("the broker does not start: %v", err)
		}
	}
}

func (s *server) crash() { kill(s.proc) }

// ctl tells the broker something.
func (s *server) ctl(args ...string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "rabbitmqctl"), args...)
	cmd.Env = s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("rabbitmqctl %v: %v\n%s", args, err, bytes.TrimSpace(out))
	}
}
