package setup_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
)

// emptyDrive is the configuration of a drive that has a folder of its own and any free port.
func emptyDrive(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = filepath.Join(t.TempDir(), "data")
	c.Objects = filepath.Join(c.Data, "objects")
	c.Listen = "127.0.0.1:0"
	c.MinFreeSpace = 0
	return c
}

func open(t *testing.T, c config.Config) *setup.Drive {
	t.Helper()
	d, err := setup.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

func TestOneProcessPerFolder(t *testing.T) {
	t.Parallel()
	c := emptyDrive(t)
	d := open(t, c)
	_, err := setup.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if !errors.Is(err, setup.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), c.Data) {
		t.Errorf("a second Open: %v, want ErrInUse that names the folder and the process", err)
	}
	if err := setup.MigrateUp(t.Context(), c); !errors.Is(err, setup.ErrInUse) {
		t.Errorf("a migration meanwhile: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, c)
}

func TestRowsBesideAServer(t *testing.T) {
	t.Parallel()
	c := emptyDrive(t)
	open(t, c)
	rows, err := setup.OpenRows(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if _, err := rows.Accounts.AddUser(t.Context(), "alice", "correct horse", "user", 0); err != nil {
		t.Error(err)
	}
}

func TestNodeAndSecretAreKept(t *testing.T) {
	t.Parallel()
	c := emptyDrive(t)
	first := open(t, c)
	secret, err := os.ReadFile(filepath.Join(c.Data, "secret"))
	if err != nil || len(strings.TrimSpace(string(secret))) != 64 {
		t.Errorf("the secret is %q, %v; want 64 characters", secret, err)
	}
	for _, name := range []string{"secret", "node", "lock", "blinkdrive.db"} {
		if fi, err := os.Stat(filepath.Join(c.Data, name)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, fi.Mode(), err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, c)
	if again.Node != first.Node {
		t.Errorf("the node was %s and is %s", first.Node, again.Node)
	}
	if now, err := os.ReadFile(filepath.Join(c.Data, "secret")); err != nil || string(now) != string(secret) {
		t.Error("the secret has changed")
	}
}

func TestAFolderBelongsToOneNode(t *testing.T) {
	t.Parallel()
	c := emptyDrive(t)
	c.Node, c.Secret = "one", strings.Repeat("s", 32)
	d := open(t, c)
	if d.Node != "one" {
		t.Errorf("the node is %s", d.Node)
	}
	if _, err := os.Stat(filepath.Join(c.Data, "secret")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a configured secret was written down: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	c.Node = "two"
	if _, err := setup.Open(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "belongs to node one") {
		t.Errorf("another node on the same folder: %v", err)
	}
	c.Node = ""
	open(t, c) // what failed has let go of the lock
}

func TestBrokenFolders(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(data string) error{
		"a short secret":    func(data string) error { return os.WriteFile(filepath.Join(data, "secret"), []byte("x\n"), 0o600) },
		"a strange node":    func(data string) error { return os.WriteFile(filepath.Join(data, "node"), []byte("../x\n"), 0o600) },
		"no database":       func(data string) error { return os.Mkdir(filepath.Join(data, "blinkdrive.db"), 0o700) },
		"a file as objects": func(data string) error { return os.WriteFile(filepath.Join(data, "objects"), nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := emptyDrive(t)
			if err := errors.Join(os.Mkdir(c.Data, 0o700), spoil(c.Data)); err != nil {
				t.Fatal(err)
			}
			if d, err := setup.Open(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil {
				t.Errorf("it opened: %v", d.Close())
			}
		})
	}
}
