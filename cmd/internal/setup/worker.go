package setup

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// A Worker is a transfer process of its own, opened: it has no disk with blobs, and reads them from the nodes that do.
type Worker struct {
	engines

	Transfers *service.Transfers
}

// OpenWorker opens what a transfer process needs. A config.Mistakes says which engines are missing for that.
func OpenWorker(ctx context.Context, cfg config.Config, log *slog.Logger) (*Worker, error) {
	if m := workerMistakes(cfg); len(m) > 0 {
		return nil, m
	}
	w := &Worker{engines: newEngines(cfg, log)}
	w.rooms.secret = []byte(cfg.Secret)
	err := w.open(ctx, w.openDatabase, w.openTarget, w.openShared, w.openQueue, w.openNodes, w.openMetrics)
	if err != nil {
		return nil, err
	}
	w.Transfers = w.transfers()
	return w, nil
}

// openTarget opens what is moved to. Nothing is read from the folder of objects, so it need not be where the worker is.
func (w *Worker) openTarget(ctx context.Context) error {
	if w.Config.S3() {
		w.rooms.places.Objects = map[store.Kind]store.Blobs{}
		return w.openBucket(ctx)
	}
	return w.openObjects(ctx)
}

// workerMistakes says why a transfer process cannot stand by itself.
func workerMistakes(cfg config.Config) config.Mistakes {
	var m config.Mistakes
	if !cfg.MySQL() {
		m = append(m, "db: a separate transfer process needs MySQL; the SQLite file belongs to the process that serves the drive")
	}
	if cfg.Redis == "" {
		m = append(m, "redis: a separate transfer process needs Redis to find the nodes whose blobs it moves")
	}
	return m
}

// Serve works until ctx ends, and then hands its leases back. With an admin address it shows its metrics there.
func (w *Worker) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if w.Config.AdminListen != "" {
		s, err := newServer(adminSetting, w.Config.AdminListen, w.adminHandler(), w.Log)
		if err != nil {
			return err
		}
		w.Log.Info("serving pprof and metrics", "address", s.listener.Addr())
		g.Go(s.serve)
		g.Go(func() error { <-ctx.Done(); s.shutdown(time.Second, w.Log); return nil })
	}
	g.Go(func() error { w.checkBucket(ctx); return nil })
	g.Go(func() error { return w.Transfers.Run(ctx) })
	w.Log.Info("transfer worker started", "workers", w.Config.TransferWorkers, "to", w.Config.Store)
	if err := g.Wait(); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return nil
}
