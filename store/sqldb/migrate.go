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
	"github.com/golang-migrate/migrate/v4/database"
	mysqlmigrate "github.com/golang-migrate/migrate/v4/database/mysql"
	"github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/blinkdrive/blinkdrive/migrations"
)

// Migrate brings the schema of a database to the newest that this program knows. SQLite's file is made where there is
// none, readable by its owner only, and must not be migrated twice at once; a MySQL database must be there, and of several
// processes one migrates while the others wait. A schema that is newer is an error.
func Migrate(ctx context.Context, src Source) error {
	if err := src.makeFile(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return migrating(ctx, src, func(m *migrate.Migrate) error {
		current, _, err := version(m)
		if err != nil {
			return err
		}
		if latest, err := src.latestVersion(); err != nil || current > latest {
			return errors.Join(err, schemaError(src, current, latest, false))
		}
		return m.Up()
	})
}

// MigrateDown undoes the last steps of the schema's history, and loses what they hold.
func MigrateDown(ctx context.Context, src Source, steps int) error {
	if steps < 1 {
		return fmt.Errorf("migrate down: steps must be at least 1, got %d", steps)
	}
	if !src.IsMySQL() {
		if _, err := os.Stat(src.path); err != nil {
			return fmt.Errorf("migrate down: %w", err)
		}
	}
	return migrating(ctx, src, func(m *migrate.Migrate) error { return m.Steps(-steps) })
}

// MigrateStatus returns the version of a database's schema, 0 where there is none, and the newest that this program knows.
// dirty: a migration failed halfway, and somebody has to look; or, on MySQL, another process is at it.
func MigrateStatus(ctx context.Context, src Source) (current, latest uint, dirty bool, err error) {
	if latest, err = src.latestVersion(); err != nil {
		return 0, 0, false, err
	}
	if src.IsMySQL() {
		current, dirty, err = mysqlVersion(ctx, src)
		return current, latest, dirty, err
	}
	if _, err := os.Stat(src.path); errors.Is(err, fs.ErrNotExist) {
		return 0, latest, false, nil
	}
	err = migrating(ctx, src, func(m *migrate.Migrate) (err error) {
		current, dirty, err = version(m)
		return err
	})
	return current, latest, dirty, err
}

// mysqlVersion looks without making anything, and without the lock that a migration holds.
func mysqlVersion(ctx context.Context, src Source) (current uint, dirty bool, err error) {
	pool, err := reading.pool(src, Timeouts{}, Pool{})
	if err != nil {
		return 0, false, err
	}
	defer pool.Close()
	err = pool.QueryRowContext(ctx, `SELECT version, dirty FROM schema_migrations LIMIT 1`).Scan(&current, &dirty)
	if errors.Is(err, sql.ErrNoRows) || mysqlCode(1146)(err) { // no such table
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", src, mysqlDialect().explain(err))
	}
	return current, dirty, nil
}

// checkSchema fails unless the schema is exactly the one that this program knows.
func checkSchema(ctx context.Context, src Source) error {
	current, latest, dirty, err := MigrateStatus(ctx, src)
	if err != nil {
		return err
	}
	return schemaError(src, current, latest, dirty)
}

func schemaError(src Source, current, latest uint, dirty bool) error {
	switch {
	case dirty:
		return fmt.Errorf("database %s: migration %d failed halfway; restore a backup or repair it by hand", src, current)
	case current > latest:
		return fmt.Errorf("database %s: schema version %d is newer than version %d of this program; use a newer program", src, current, latest)
	case current < latest:
		return fmt.Errorf("database %s: schema version %d is older than version %d of this program; run blinkdrive migrate up", src, current, latest)
	}
	return nil
}

// migrating runs fn on a connection of its own, which is not the pool's: migrations may rebuild tables, for which foreign
// keys are not enforced there. When ctx ends, fn stops between two migrations.
func migrating(ctx context.Context, src Source, fn func(*migrate.Migrate) error) error {
	for {
		err := migratingOnce(ctx, src, fn)
		if err != nil {
			err = fmt.Errorf("migrate %s: %w", src, err)
		}
		if ctx.Err() != nil || !errors.Is(err, database.ErrLocked) {
			return errors.Join(err, ctx.Err())
		}
		// Another process migrates; the lock was waited for already.
	}
}

func migratingOnce(ctx context.Context, src Source, fn func(*migrate.Migrate) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, err := newMigrate(ctx, src)
	if err != nil {
		return err
	}
	defer func() {
		sourceErr, dbErr := m.Close()
		err = errors.Join(err, sourceErr, dbErr)
	}()
	defer context.AfterFunc(ctx, func() { m.GracefulStop <- true })()
	if err := fn(m); !errors.Is(err, migrate.ErrNoChange) {
		return err
	}
	return nil
}

func newMigrate(ctx context.Context, src Source) (*migrate.Migrate, error) {
	files, err := iofs.New(migrations.FS, src.folder())
	if err != nil {
		return nil, err
	}
	driver, err := src.migrationDriver(ctx)
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	m, err := migrate.NewWithInstance("iofs", files, src.folder(), driver)
	if err != nil {
		return nil, errors.Join(err, files.Close(), driver.Close())
	}
	return m, nil
}

func (s Source) migrationDriver(ctx context.Context) (driver database.Driver, err error) {
	var pool *sql.DB
	if s.IsMySQL() {
		pool, err = migration.pool(s, Timeouts{}, Pool{})
	} else {
		pool, err = sql.Open("sqlite", dsn(s.path, url.Values{
			"_txlock": {"immediate"},
			"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(full)"},
		}))
	}
	if err != nil {
		return nil, err
	}
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(s.dialect().explain(err), pool.Close())
	}
	if s.IsMySQL() {
		driver, err = mysqlmigrate.WithInstance(pool, &mysqlmigrate.Config{})
	} else {
		driver, err = sqlite.WithInstance(pool, &sqlite.Config{})
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return driver, nil
}

// folder is the engine's folder in migrations.
func (s Source) folder() string {
	if s.IsMySQL() {
		return "mysql"
	}
	return "sqlite"
}

func (s Source) dialect() dialect {
	if s.IsMySQL() {
		return mysqlDialect()
	}
	return sqliteDialect()
}

// makeFile makes SQLite's file where there is none.
func (s Source) makeFile() error {
	if s.IsMySQL() {
		return nil
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func version(m *migrate.Migrate) (uint, bool, error) {
	v, dirty, err := m.Version()
	if errors.Is(err, migrate.ErrNilVersion) {
		err = nil
	}
	return v, dirty, err
}

func (s Source) latestVersion() (uint, error) {
	entries, err := fs.ReadDir(migrations.FS, s.folder())
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
