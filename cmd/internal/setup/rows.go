package setup

import (
	"context"
	"log/slog"
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
	src, err := database(cfg)
	if err != nil {
		return nil, err
	}
	current, latest, dirty, err := sqldb.MigrateStatus(ctx, src)
	if err != nil {
		return nil, err
	}
	if current < latest && !dirty {
		if err := MigrateUp(ctx, cfg); err != nil {
			return nil, err
		}
	}
	db, err := sqldb.Open(ctx, sqldb.Options{Source: src, Log: log})
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
