// Command with runs a command, such as go test, with private servers: MariaDB, Redis, RabbitMQ and Ceph. It installs what is missing,
// starts the servers in a temporary directory, names them to the command in BLINKDRIVE_TEST_… variables, and when the command has
// ended, or on a signal, or when its own parent is gone, it stops everything and leaves nothing.
//
//	go run ./cmd/internal/testenv/with [-only mysql,redis,amqp,s3,page,shell,race] -- COMMAND…
//
// A server that a variable names already is used as it is, and none is started in its place. The exit code is the command's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
)

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGQUIT) // it is for the command alone, to tell where it hangs
	ctx, stop := interruptible()
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "with:", err)
	}
	os.Exit(code)
}

// interruptible returns a context that ends with a signal, and with the parent: go run, for one, passes no signal on when
// it is killed.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithCancelCause(ctx)
	parent := os.Getppid()
	go func() {
		for range time.Tick(time.Second) {
			if os.Getppid() != parent {
				cancel(errors.New("the parent has ended"))
			}
		}
	}()
	return ctx, stop
}

func run(ctx context.Context, args []string) (code int, err error) {
	flags := flag.NewFlagSet("with", flag.ContinueOnError)
	only := flags.String("only", join(testenv.Purposes()), "what the command needs, separated by commas")
	if err := flags.Parse(args); err != nil {
		return 2, nil // flags have said it
	}
	if flags.NArg() == 0 {
		return 2, errors.New("no command; usage: with [-only LIST] -- COMMAND…")
	}
	var purposes []testenv.Purpose
	for name := range strings.SplitSeq(*only, ",") {
		purposes = append(purposes, testenv.Purpose(name))
	}
	shared, err := testenv.Share(ctx, os.Stderr, purposes...)
	if err != nil && ctx.Err() != nil {
		return interrupted(ctx)
	}
	if err != nil {
		return 1, err
	}
	code, err = execute(ctx, shared.Env(), flags.Args())
	if closed := shared.Close(); closed != nil {
		return max(code, 1), errors.Join(err, closed)
	}
	return code, err
}

func join(purposes []testenv.Purpose) string {
	var names []string
	for _, p := range purposes {
		names = append(names, string(p))
	}
	return strings.Join(names, ",")
}

func interrupted(ctx context.Context) (int, error) {
	return 128 + int(syscall.SIGINT), fmt.Errorf("interrupted: %w", context.Cause(ctx))
}

// execute runs the command to its end and returns its code, as a shell does. The command is told when the context ends.
func execute(ctx context.Context, env, argv []string) (int, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx)
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case errors.As(err, &exit):
		return 128 + int(exit.Sys().(syscall.WaitStatus).Signal()), err
	case err != nil:
		return 127, err
	}
	return 0, nil
}
