// Command blinkdrive is the drive's server and its tools.
//
// It owns commands, flags, signals and exit codes, and nothing that would be worth a unit test: cmd/internal/setup opens
// the rooms, service has the rules. Exit codes: 0 all is well, 1 it failed, or fsck found problems that remain, 2 the call or the
// configuration is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/service"
)

// version is set by the Makefile.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(dashed(root, args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, "blinkdrive:", message(err))
	if _, wrong := errors.AsType[config.Mistakes](err); wrong || errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

// message is what a person at the terminal should read: a rule's own words, without the cause.
func message(err error) string {
	if e, ok := errors.AsType[*service.Error](err); ok {
		return e.Msg
	}
	return err.Error()
}

// errUsage marks a call that cannot be meant so.
var errUsage = errors.New("see")

// usage names the help that tells how a command is called.
func usage(c *cobra.Command, err error) error {
	return fmt.Errorf("%w (%w %s --help)", err, errUsage, c.CommandPath())
}

func newRoot() *cobra.Command {
	root := group("blinkdrive", "A cloud drive whose uploads finish in a blink",
		newServe(), newTransfer(), newUser(), newTransfers(), newFsck(), newMigrate(), newConfig(), newHealth(), newVersion())
	root.Version = version
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(usage)
	config.AddFlags(root.PersistentFlags())
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		f.Hidden = f.Name != "config" && f.Name != "data"
	})
	root.Long = root.Short + ".\n\nEvery option that `blinkdrive config` prints can be set in the environment, in a YAML file or as a flag: " +
		"BLINKDRIVE_UPLOAD_TTL is --upload-ttl."
	return root
}

// dashed gives options the second dash where somebody wrote one, as Go's own flag package has it: -static DIR.
func dashed(root *cobra.Command, given []string) []string {
	long := slices.Clone(given)
	for i, arg := range long {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(name) > 1 && strings.HasPrefix(arg, "-"+name) && root.PersistentFlags().Lookup(name) != nil {
			long[i] = "-" + arg
		}
	}
	return long
}

// A loader reads the configuration for a command.
type loader func(*cobra.Command) (config.Config, error)

// load reads the configuration that a command is to work with.
func load(c *cobra.Command) (config.Config, error) {
	return config.Load(config.Sources{Env: os.Environ(), Flags: c.Flags()})
}

// loadDrive is load for a command that needs a drive that is there.
func loadDrive(c *cobra.Command) (config.Config, error) {
	cfg, err := load(c)
	if err != nil {
		return cfg, err
	}
	return cfg, setup.Exists(cfg)
}

// args and atMost check the number of arguments of a command.
func args(n int) cobra.PositionalArgs   { return checked(cobra.ExactArgs(n)) }
func atMost(n int) cobra.PositionalArgs { return checked(cobra.MaximumNArgs(n)) }

func checked(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usage(c, fmt.Errorf("%w: %s", err, c.UseLine()))
		}
		return nil
	}
}

// group is a command that is nothing without one of its own.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: func(c *cobra.Command, given []string) error {
		if len(given) > 0 {
			return usage(c, fmt.Errorf("unknown command %q", use+" "+given[0]))
		}
		return nil
	}, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	g.AddCommand(commands...)
	return g
}

func newConfig() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration, with secrets hidden",
		Args:  args(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			fmt.Fprint(c.OutOrStdout(), cfg.Dump())
			return nil
		},
	}
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  args(0),
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "blinkdrive", version) },
	}
}
