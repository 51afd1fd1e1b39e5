package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/store"
)

func newUser() *cobra.Command {
	return group("user", "Add, change and list users; the server may keep running",
		newUserAdd(),
		&cobra.Command{Use: "passwd NAME", Short: "Set a password, read from standard input, and sign the user out everywhere",
			Args: args(1), RunE: withRows(setPassword)},
		&cobra.Command{Use: "quota NAME SIZE", Short: "Set how much a user may store, such as 20GiB", Args: args(2), RunE: withRows(setQuota)},
		&cobra.Command{Use: "disable NAME", Short: "Disable a user: refuse all access, delete nothing", Args: args(1), RunE: withRows(setStatus(store.UserDisabled))},
		&cobra.Command{Use: "enable NAME", Short: "Enable a disabled user", Args: args(1), RunE: withRows(setStatus(store.UserActive))},
		&cobra.Command{Use: "list", Short: "List all users", Args: args(0), RunE: withRows(listUsers)},
	)
}

// withRows opens the database alone for a command. There must be one: an empty answer would hide a mistyped folder.
func withRows(fn func(*cobra.Command, *setup.Rows, []string) error) func(*cobra.Command, []string) error {
	return onRows(loadDrive, fn)
}

// withNewRows also makes the database where there is none.
func withNewRows(fn func(*cobra.Command, *setup.Rows, []string) error) func(*cobra.Command, []string) error {
	return onRows(load, fn)
}

func onRows(load loader, fn func(*cobra.Command, *setup.Rows, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, given []string) error {
		cfg, err := load(c)
		if err != nil {
			return err
		}
		log, err := setup.NewLogger(c.ErrOrStderr(), cfg)
		if err != nil {
			return err
		}
		rows, err := setup.OpenRows(c.Context(), cfg, log)
		if err != nil {
			return err
		}
		return errors.Join(fn(c, rows, given), rows.Close())
	}
}

func newUserAdd() *cobra.Command {
	var quota string
	var admin bool
	c := &cobra.Command{Use: "add NAME", Short: "Add a user; the password is read from standard input", Args: args(1)}
	c.Flags().StringVar(&quota, "quota", "", "how much the user may store, such as 20GiB (default: quota.default)")
	c.Flags().BoolVar(&admin, "admin", false, "give the user the role admin")
	c.RunE = withNewRows(func(c *cobra.Command, rows *setup.Rows, given []string) error {
		var size config.Size
		var err error
		if quota != "" {
			if size, err = config.ParseSize(quota); err != nil {
				return usage(c, fmt.Errorf("quota: %w", err))
			}
		}
		role := store.RoleUser
		if admin {
			role = store.RoleAdmin
		}
		password, err := readPassword(c)
		if err != nil {
			return err
		}
		_, err = rows.Accounts.AddUser(c.Context(), given[0], password, role, int64(size))
		return err
	})
	return c
}

func setPassword(c *cobra.Command, rows *setup.Rows, given []string) error {
	password, err := readPassword(c)
	if err != nil {
		return err
	}
	return rows.Accounts.SetPassword(c.Context(), given[0], password)
}

func setQuota(c *cobra.Command, rows *setup.Rows, given []string) error {
	size, err := config.ParseSize(given[1])
	if err != nil {
		return usage(c, fmt.Errorf("quota: %w", err))
	}
	return rows.Accounts.SetQuota(c.Context(), given[0], int64(size))
}

func setStatus(s store.UserStatus) func(*cobra.Command, *setup.Rows, []string) error {
	return func(c *cobra.Command, rows *setup.Rows, given []string) error {
		return rows.Accounts.SetStatus(c.Context(), given[0], s)
	}
}

func listUsers(c *cobra.Command, rows *setup.Rows, _ []string) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tSTATUS\tQUOTA\tUSED\tRESERVED\tLAST ACTIVE")
	const page = 500
	for after := ""; ; {
		users, err := rows.Accounts.List(c.Context(), after, page)
		if err != nil {
			return err
		}
		for _, u := range users {
			status := "active"
			if u.Status != store.UserActive {
				status = "disabled"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", u.Name, u.Role, status, config.Size(u.Quota),
				config.Size(u.Used), config.Size(u.Reserved), moment(u.LastActive))
			after = u.Name
		}
		if len(users) < page {
			return w.Flush()
		}
	}
}

// readPassword asks at a terminal, without showing what is typed; from anything else it takes the first line.
// A password is never an argument: everybody on the machine can see those.
func readPassword(c *cobra.Command) (string, error) {
	if f, ok := c.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(c.ErrOrStderr(), "password: ")
		p, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(c.ErrOrStderr())
		return string(p), err
	}
	line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("could not read the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// moment writes a time for a table.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}
