package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/blinkdrive/blinkdrive/migrations"
)

// folder is the engine's folder in migrations.
const folder = "sqlite"

// Migrate brings the schema of the database at path to the newest that this program knows, making the file where there is
// none, readable by its owner only. A schema that is newer is an error. It must not run twice at once on one database.
func Migrate(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return migrating(ctx, path, func(m *migrate.Migrate) error {
		current, _, err := version(m)
		if err != nil {
			return err
		}
		if latest, err := latestVersion(); err != nil || current > latest {
			return errors.Join(err, schemaError(path, current, latest, false))
		}
		return m.Up()
	})
}

// MigrateDown undoes the last steps of the schema's history, and loses what they hold.
func MigrateDown(ctx context.Context, path string, steps int) error {
	if steps < 1 {
		return fmt.Errorf("migrate down: %d is not a number of steps", steps)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("migrate down: %w", err)
	}
	return migrating(ctx, path, func(m *migrate.Migrate) error { return m.Steps(-steps) })
}

// MigrateStatus returns the version of the schema of the database at path, 0 where there is none, and the newest that this
// program knows. dirty: a migration failed halfway, and somebody has to look.
func MigrateStatus(ctx context.Context, path string) (current, latest uint, dirty bool, err error) {
	if latest, err = latestVersion(); err != nil {
		return 0, 0, false, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, latest, false, nil
	}
	err = migrating(ctx, path, func(m *migrate.Migrate) (err error) {
		current, dirty, err = version(m)
		return err
	})
	return current, latest, dirty, err
}

// checkSchema fails unless the schema is exactly the one that this program knows.
func checkSchema(ctx context.Context, path string) error {
	current, latest, dirty, err := MigrateStatus(ctx, path)
	if err != nil {
		return err
	}
	return schemaError(path, current, latest, dirty)
}

func schemaError(path string, current, latest uint, dirty bool) error {
	switch {
	case dirty:
		return fmt.Errorf("database %s: migration %d failed halfway; restore a backup or mend it by hand", path, current)
	case current > latest:
		return fmt.Errorf("database %s: its schema is version %d, this program knows only %d: use a newer program", path, current, latest)
	case current < latest:
		return fmt.Errorf("database %s: its schema is version %d, this program needs %d: migrate it first", path, current, latest)
	}
	return nil
}

// migrating runs fn on a connection of its own, which is not the pool's: migrations may rebuild tables, for which foreign
// keys are not enforced there. When ctx ends, fn stops between two migrations.
func migrating(ctx context.Context, path string, fn func(*migrate.Migrate) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, err := newMigrate(path)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	defer func() {
		sourceErr, dbErr := m.Close()
		err = errors.Join(err, sourceErr, dbErr)
	}()
	defer context.AfterFunc(ctx, func() { m.GracefulStop <- true })()
	if err := fn(m); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	return ctx.Err()
}

func newMigrate(path string) (*migrate.Migrate, error) {
	pool, err := sql.Open("sqlite", dsn(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(full)"},
	}))
	if err != nil {
		return nil, err
	}
	driver, err := sqlite.WithInstance(pool, &sqlite.Config{})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	files, err := iofs.New(migrations.FS, folder)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	m, err := migrate.NewWithInstance("iofs", files, "sqlite", driver)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return m, nil
}

func version(m *migrate.Migrate) (uint, bool, error) {
	v, dirty, err := m.Version()
	if errors.Is(err, migrate.ErrNilVersion) {
		err = nil
	}
	return v, dirty, err
}

func latestVersion() (uint, error) {
	entries, err := fs.ReadDir(migrations.FS, folder)
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	var latest uint
	for _, e := range entries {
		m, err := source.DefaultParse(e.Name())
		if err != nil {
			return 0, fmt.Errorf("migrations: %s: %w", e.Name(), err)
		}
		latest = max(latest, m.Version)
	}
	return latest, nil
}
