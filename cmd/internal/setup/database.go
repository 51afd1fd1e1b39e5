package setup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// database says which database is configured. A config.Mistakes: the DSN cannot be read.
func database(cfg config.Config) (sqldb.Source, error) {
	if !cfg.MySQL() {
		return sqldb.SQLite(filepath.Join(cfg.Data, databaseFile)), nil
	}
	return mysqlSource("db", cfg.DB)
}

func mysqlSource(option, value string) (sqldb.Source, error) {
	src, err := sqldb.MySQL(strings.TrimPrefix(value, "mysql:"))
	if err != nil {
		return src, config.Mistakes{fmt.Sprintf("%s: %v", option, err)}
	}
	return src, nil
}

// openDatabase brings the schema up to date first. Several processes may do that to one MySQL at once.
func (e *engines) openDatabase(ctx context.Context) error {
	src, err := database(e.Config)
	if err != nil {
		return err
	}
	o := sqldb.Options{Source: src, Log: e.Log}
	if e.Config.DBReplica != "" {
		if o.Replica, err = mysqlSource("db_replica", e.Config.DBReplica); err != nil {
			return err
		}
	}
	return e.patiently(ctx, "database", func(ctx context.Context) error {
		if err := sqldb.Migrate(ctx, src); err != nil {
			return err
		}
		db, err := sqldb.Open(ctx, o)
		if err != nil {
			return err
		}
		e.onClose(db.Close)
		e.rooms.db, e.checks["database"] = db, db.Ping
		return nil
	})
}

// MigrateUp brings the database's schema up to date, MigrateDown undoes the last steps of it. ErrInUse: another process
// has the data folder, and with it SQLite's file.
func MigrateUp(ctx context.Context, cfg config.Config) error {
	return alone(ctx, cfg, func(src sqldb.Source) error { return sqldb.Migrate(ctx, src) })
}

// MigrateDown is told of at MigrateUp.
func MigrateDown(ctx context.Context, cfg config.Config, steps int) error {
	return alone(ctx, cfg, func(src sqldb.Source) error { return sqldb.MigrateDown(ctx, src, steps) })
}

// alone calls fn while no other process has the file of SQLite open. A MySQL is nobody's alone.
func alone(ctx context.Context, cfg config.Config, fn func(sqldb.Source) error) error {
	src, err := database(cfg)
	if err != nil {
		return err
	}
	if cfg.MySQL() {
		return fn(src)
	}
	lock, err := Lock(ctx, cfg.Data)
	if err != nil {
		return err
	}
	return errors.Join(fn(src), lock.Close())
}

// MigrateStatus returns the version of the database's schema and the newest that this program knows. dirty: a migration
// failed halfway.
func MigrateStatus(ctx context.Context, cfg config.Config) (current, latest uint, dirty bool, err error) {
	src, err := database(cfg)
	if err != nil {
		return 0, 0, false, err
	}
	return sqldb.MigrateStatus(ctx, src)
}

// MigrateCopy copies all rows of the SQLite database in the data folder to an empty MySQL database, whose schema it brings up
// to date first, and compares them. to is as config's db; where it is empty it is the configured one. ErrInUse: a server
// has the data folder.
func MigrateCopy(ctx context.Context, cfg config.Config, to string, tell func(table string, rows int64)) error {
	if to == "" {
		to = cfg.DB
	}
	if !strings.HasPrefix(to, "mysql:") {
		return config.Mistakes{"db: the target must be MySQL; set --to or BLINKDRIVE_DB to mysql: followed by a DSN"}
	}
	target, err := mysqlSource("db", to)
	if err != nil {
		return err
	}
	cfg.DB = "sqlite"
	if err := Exists(cfg); err != nil {
		return err
	}
	return alone(ctx, cfg, func(source sqldb.Source) error {
		for _, s := range []sqldb.Source{source, target} {
			if err := sqldb.Migrate(ctx, s); err != nil {
				return err
			}
		}
		return sqldb.Copy(ctx, source, target, tell)
	})
}
