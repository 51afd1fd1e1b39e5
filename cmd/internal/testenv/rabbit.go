package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// A Rabbit is a RabbitMQ server without plugins. Its durable queues survive Kill.
type Rabbit struct {
	*Servers
	Process *Process
}

// StartRabbit starts a server in a folder of its own below dir (empty: where temporary files are kept).
func StartRabbit(ctx context.Context, dir string) (*Rabbit, error) {
	if err := Need(ForAMQP); err != nil {
		return nil, err
	}
	s, err := newServers(dir, "rabbitmq")
	if err != nil {
		return nil, err
	}
	r := &Rabbit{Servers: s}
	if err := s.closeOn(r.start(ctx)); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Rabbit) start(ctx context.Context) error {
	port, err := r.ports.take(3)
	if err != nil {
		return err
	}
	amqp, dist, names := port, port+1, port+2
	env := r.env(amqp, dist, names)
	for name, text := range map[string]string{
		"rabbitmq.conf": "disk_free_limit.absolute = 50MB\nlog.file = rabbitmq.server.log\nlog.file.level = warning\n",
		"plugins":       "[].\n",
	} {
		if err := os.WriteFile(r.path(name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("testenv: %w", err)
		}
	}
	// Erlang would start the name server by itself, but as a daemon that outlives everything. In this way it is ours.
	r.epmd(local(names), env)
	r.Process = r.add(&Process{
		Name: "rabbitmq", Addr: local(amqp), env: env, argv: []string{program("rabbitmq-server")},
		ready: func(ctx context.Context) error { return speaksAMQP(ctx, local(amqp)) },
	})
	return r.Start(ctx)
}

func (r *Rabbit) epmd(addr string, env []string) {
	host, port, _ := strings.Cut(addr, ":")
	r.add(&Process{
		Name: "epmd", Addr: addr, env: env, argv: []string{program("epmd"), "-address", host, "-port", port},
		ready: func(ctx context.Context) error {
			_, err := exchange(ctx, addr, "", 0)
			return err
		},
	})
}

// env keeps the server away from Debian's user, its directories under /var and its ports.
func (r *Rabbit) env(amqp, dist, names int) []string {
	return r.folder.Env(
		"HOME="+r.folder.Path,
		"ERL_CRASH_DUMP="+r.path("erl_crash.dump"),
		fmt.Sprintf("ERL_EPMD_PORT=%d", names),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_NODENAME=rabbit@localhost",
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
		fmt.Sprintf("RABBITMQ_NODE_PORT=%d", amqp),
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", dist),
		"RABBITMQ_MNESIA_BASE="+r.path("mnesia"),
		"RABBITMQ_LOG_BASE="+r.path("log"),
		"RABBITMQ_CONFIG_FILE="+r.path("rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+r.path("plugins"),
		// No waiting in loops for work: the machine is not this server's alone.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none -start_epmd false"+
			" -kernel inet_dist_use_interface {127,0,0,1}",
		// As under systemd the script becomes the server, so that there is one process to control; there is nobody to notify.
		"RUNNING_UNDER_SYSTEMD=1",
		"NOTIFY_SOCKET=",
	)
}

// speaksAMQP tells whether a server answers to the greeting of AMQP 0-9-1 with a frame of a method on channel 0.
func speaksAMQP(ctx context.Context, addr string) error {
	b, err := exchange(ctx, addr, "AMQP\x00\x00\x09\x01", 3)
	if err == nil && string(b) != "\x01\x00\x00" {
		err = fmt.Errorf("it answers %q", b)
	}
	return err
}

// URL returns the address, with the user that RabbitMQ makes by itself, who may do everything.
func (r *Rabbit) URL() string { return "amqp://guest:guest@" + r.Process.Addr + "/" }

// Ctl runs rabbitmqctl, which takes more than a second, and returns what it printed.
func (r *Rabbit) Ctl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program("rabbitmqctl"), args...)
	cmd.Env = r.Process.env
	out, err := r.tool(ctx, cmd)
	return string(out), err
}
