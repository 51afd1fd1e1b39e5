package setup

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// Rows are a drive's database alone, which commands may work on while another process serves the drive.
type Rows struct {
	Accounts  *service.Accounts
	Transfers store.Transfers
	db        *sqldb.DB
}

// OpenRows opens the database, making it, or bringing its schema up to date, where no server has done so.
func OpenRows(ctx context.Context, cfg config.Config, log *slog.Logger) (*Rows, error) {
	path := filepath.Join(cfg.Data, databaseFile)
	current, latest, dirty, err := sqldb.MigrateStatus(ctx, sqldb.SQLite(path))
	if err != nil {
		return nil, err
	}
	if current < latest && !dirty {
		if err := MigrateUp(ctx, cfg); err != nil {
			return nil, err
		}
	}
	db, err := sqldb.Open(ctx, sqldb.Options{Source: sqldb.SQLite(path)})
	if err != nil {
		return nil, err
	}
	return &Rows{Accounts: accounts(cfg, db, log), Transfers: db, db: db}, nil
}

// Close closes the database.
func (r *Rows) Close() error { return r.db.Close() }

func accounts(cfg config.Config, db *sqldb.DB, log *slog.Logger) *service.Accounts {
	return &service.Accounts{
		Users: db, Tokens: db, Metrics: service.NewMetrics(nil), Log: log, Now: time.Now,
		Closed: !cfg.SignupOpen, Quota: int64(cfg.DefaultQuota), TokenLife: cfg.TokenTTL, Failures: cfg.SigninFailuresPerMinute,
	}
}

// MigrateUp brings the database's schema up to date, MigrateDown undoes the last steps of it. ErrInUse: another process
// has the data folder.
func MigrateUp(ctx context.Context, cfg config.Config) error {
	return locked(ctx, cfg, func(path string) error { return sqldb.Migrate(ctx, sqldb.SQLite(path)) })
}

// MigrateDown is told of at MigrateUp.
func MigrateDown(ctx context.Context, cfg config.Config, steps int) error {
	return locked(ctx, cfg, func(path string) error { return sqldb.MigrateDown(ctx, sqldb.SQLite(path), steps) })
}

func locked(ctx context.Context, cfg config.Config, fn func(path string) error) error {
	lock, err := Lock(ctx, cfg.Data)
	if err != nil {
		return err
	}
	return errors.Join(fn(filepath.Join(cfg.Data, databaseFile)), lock.Close())
}

// MigrateStatus returns the version of the database's schema and the newest that this program knows. dirty: a migration
// failed halfway.
func MigrateStatus(ctx context.Context, cfg config.Config) (current, latest uint, dirty bool, err error) {
	return sqldb.MigrateStatus(ctx, sqldb.SQLite(filepath.Join(cfg.Data, databaseFile)))
}
