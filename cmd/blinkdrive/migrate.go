package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
)

func newMigrate() *cobra.Command {
	return group("migrate", "Update the database schema (serve does so by itself), or copy the database to MySQL",
		&cobra.Command{Use: "up", Short: "Update the schema to the newest version; stop the server first", Args: args(0), RunE: migrateUp},
		&cobra.Command{Use: "down STEPS", Short: "Undo the last STEPS migrations and lose the data that they added; stop the server first", Args: args(1), RunE: migrateDown},
		&cobra.Command{Use: "status", Short: "Print the version of the schema and the newest version", Args: args(0), RunE: migrateStatus},
		newMigrateCopy(),
	)
}

func newMigrateCopy() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "copy",
		Short: "Copy all rows of the SQLite database in the data folder to an empty MySQL database; stop the server first",
		Args:  args(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			return setup.MigrateCopy(c.Context(), cfg, to, func(table string, rows int64) {
				fmt.Fprintf(c.OutOrStdout(), "%-16s %d\n", table, rows)
			})
		},
	}
	c.Flags().StringVar(&to, "to", "", "`DB` to copy to, in the form of BLINKDRIVE_DB (default: BLINKDRIVE_DB)")
	return c
}

func migrateUp(c *cobra.Command, _ []string) error {
	cfg, err := load(c)
	if err != nil {
		return err
	}
	if err := setup.MigrateUp(c.Context(), cfg); err != nil {
		return err
	}
	return migrateStatus(c, nil)
}

func migrateDown(c *cobra.Command, given []string) error {
	steps, err := strconv.Atoi(given[0])
	if err != nil || steps < 1 {
		return usage(c, fmt.Errorf("%q is not a valid number of steps; use 1 or more", given[0]))
	}
	cfg, err := loadDrive(c)
	if err != nil {
		return err
	}
	if err := setup.MigrateDown(c.Context(), cfg, steps); err != nil {
		return err
	}
	return migrateStatus(c, nil)
}

func migrateStatus(c *cobra.Command, _ []string) error {
	cfg, err := load(c)
	if err != nil {
		return err
	}
	current, latest, dirty, err := setup.MigrateStatus(c.Context(), cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "version %d of %d\n", current, latest)
	if dirty {
		return fmt.Errorf("migration %d failed halfway; repair the database by hand", current)
	}
	return nil
}
