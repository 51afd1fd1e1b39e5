package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// engines are what each role works on, opened one by one: a role's choice needs nothing of another's.
type engines struct {
	Config   config.Config
	Log      *slog.Logger
	Node     store.NodeID // empty in a process without a staging disk
	Registry *prometheus.Registry

	rooms   rooms
	bucket  *s3.Blobs                              // nil where the object store is a folder
	checks  map[string]func(context.Context) error // what it cannot do without
	watched map[string]func(context.Context) error // what it does less without
	closers []func() error
}

// rooms are what the services work on.
type rooms struct {
	db         *sqldb.DB
	staging    *disk.Staging
	places     service.Places
	target     store.Kind // the object store that new contents are moved to
	progress   store.Progress
	challenges store.Challenges
	leader     store.Leader
	nodes      store.Nodes    // nil without Redis: there are no others
	expiries   store.Expiries // likewise
	queue      mq.Queue
	secret     []byte
	metrics    *service.Metrics
}

func newEngines(cfg config.Config, log *slog.Logger) engines {
	return engines{Config: cfg, Log: log, Registry: prometheus.NewRegistry(), checks: map[string]func(context.Context) error{}, watched: map[string]func(context.Context) error{}}
}

// open calls each in turn, and closes what is open when one fails.
func (e *engines) open(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return errors.Join(err, e.Close())
		}
	}
	return nil
}

// Close closes everything that was opened, in reverse. What runs on it must have returned.
func (e *engines) Close() error {
	var errs []error
	for _, close := range slices.Backward(e.closers) {
		errs = append(errs, close())
	}
	e.closers = nil
	return errors.Join(errs...)
}

func (e *engines) onClose(close func() error) { e.closers = append(e.closers, close) }

func (e *engines) openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	e.onClose(root.Close)
	return root, nil
}

func (e *engines) openMetrics(context.Context) error {
	e.rooms.metrics = service.NewMetrics(e.Registry)
	e.rooms.places.Metrics = e.rooms.metrics
	return errors.Join(
		e.rooms.metrics.WatchBacklog(e.rooms.db, time.Now),
		e.rooms.metrics.WatchQueue(e.rooms.queue.Check),
		e.Registry.Register(collectors.NewGoCollector()),
		e.Registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
}
