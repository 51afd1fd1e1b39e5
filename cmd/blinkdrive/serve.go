package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
)

func newServe() *cobra.Command {
	serve := &cobra.Command{
		Use:   "serve",
		Short: "Serve the drive: API, web page, transfer worker and sweeper",
		Args:  args(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return withDrive(c, load, func(ctx context.Context, d *setup.Drive) error {
				return d.Serve(ctx, func(url string) { fmt.Fprintln(c.OutOrStdout(), url) })
			})
		},
	}
	serve.SetHelpFunc(func(c *cobra.Command, given []string) { // of all commands, this one shows all options
		c.InheritedFlags().VisitAll(func(f *pflag.Flag) { f.Hidden = false })
		c.Parent().HelpFunc()(c, given)
	})
	return serve
}

func newTransfer() *cobra.Command {
	return &cobra.Command{
		Use:   "transfer",
		Short: "Run a separate transfer worker, on any machine, that moves blobs to the object store; needs MySQL and Redis",
		Args:  args(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			log, err := setup.NewLogger(c.ErrOrStderr(), cfg)
			if err != nil {
				return err
			}
			w, err := setup.OpenWorker(c.Context(), cfg, log)
			if err != nil {
				return err
			}
			return errors.Join(w.Serve(c.Context()), w.Close())
		},
	}
}

func newFsck() *cobra.Command {
	var repair bool
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Verify every blob and compare the database with the disk; stop the server first",
		Args:  args(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return withDrive(c, loadDrive, func(ctx context.Context, d *setup.Drive) error { return fsck(c, d, repair) })
		},
	}
	c.Flags().BoolVar(&repair, "repair", false, "repair what is safe to repair; never deletes content")
	return c
}

// withDrive opens a whole drive for as long as fn works on it.
func withDrive(c *cobra.Command, load loader, fn func(context.Context, *setup.Drive) error) error {
	cfg, err := load(c)
	if err != nil {
		return err
	}
	log, err := setup.NewLogger(c.ErrOrStderr(), cfg)
	if err != nil {
		return err
	}
	d, err := setup.Open(c.Context(), cfg, log)
	if err != nil {
		return err
	}
	return errors.Join(fn(c.Context(), d), d.Close())
}
