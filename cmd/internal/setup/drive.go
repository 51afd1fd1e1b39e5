package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/mq"
	queue "github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// A Drive is a whole drive, opened. Nothing works in the background before Run.
type Drive struct {
	Config config.Config
	Log    *slog.Logger
	Node   store.NodeID

	Accounts  *service.Accounts
	Files     *service.Files
	Uploads   *service.Uploads
	Instant   *service.Instant
	Downloads *service.Downloads
	Transfers *service.Transfers
	Sweeper   *service.Sweeper
	Fsck      *service.Fsck

	Registry *prometheus.Registry
	rooms    rooms
	closers  []func() error
}

// rooms are what the services work on.
type rooms struct {
	db         *sqldb.DB
	staging    *disk.Staging
	places     service.Places
	progress   store.Progress
	challenges store.Challenges
	leader     store.Leader
	queue      mq.Queue
	secret     []byte
	metrics    *service.Metrics
}

// Open locks the data folder, brings the database's schema up to date and opens everything. ErrInUse: another
// process has the folder.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger) (*Drive, error) {
	d := &Drive{Config: cfg, Log: log, Registry: prometheus.NewRegistry()}
	for _, open := range []func(context.Context) error{
		d.openFolder, d.openDatabase, d.openBlobs, d.openMemory, d.openMetrics,
	} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	d.wire()
	return d, nil
}

// Close closes everything that Open opened, in reverse. Run must have returned.
func (d *Drive) Close() error {
	var errs []error
	for _, close := range slices.Backward(d.closers) {
		errs = append(errs, close())
	}
	d.closers = nil
	return errors.Join(errs...)
}

func (d *Drive) onClose(close func() error) { d.closers = append(d.closers, close) }

func (d *Drive) openFolder(ctx context.Context) error {
	lock, err := Lock(ctx, d.Config.Data)
	if err != nil {
		return err
	}
	d.onClose(lock.Close)
	d.Node, d.rooms.secret, err = identity(d.Config)
	return err
}

func (d *Drive) openDatabase(ctx context.Context) error {
	path := filepath.Join(d.Config.Data, databaseFile)
	if err := sqldb.Migrate(ctx, path); err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, sqldb.Options{Path: path})
	if err != nil {
		return err
	}
	d.onClose(db.Close)
	d.rooms.db = db
	return nil
}

func (d *Drive) openBlobs(context.Context) error {
	data, err := d.openRoot(d.Config.Data)
	if err != nil {
		return err
	}
	local, err := disk.NewBlobs(data, "blobs", store.Local, d.Node)
	if err != nil {
		return err
	}
	objects, err := d.openObjects()
	if err != nil {
		return err
	}
	d.rooms.places = service.Places{Node: d.Node, Local: local, Objects: objects}
	staging, err := disk.NewStaging(data, disk.StagingOptions{
		Blobs: local, MinFree: int64(d.Config.MinFreeSpace), SyncEach: d.Config.StagingSync == "chunk", Log: d.Log,
	})
	if err != nil {
		return err
	}
	d.onClose(staging.Close)
	d.rooms.staging = staging
	return nil
}

// openObjects opens the object stores. One that is not the target of transfers any more still serves what is there.
func (d *Drive) openObjects() (map[store.Kind]store.Blobs, error) {
	root, err := d.openRoot(d.Config.Objects)
	if err != nil {
		return nil, err
	}
	b, err := disk.NewBlobs(root, ".", store.Disk, "")
	if err != nil {
		return nil, err
	}
	return map[store.Kind]store.Blobs{store.Disk: b}, nil
}

func (d *Drive) openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	d.onClose(root.Close)
	return root, nil
}

func (d *Drive) openMemory(context.Context) error {
	q := queue.New(queue.Options{})
	d.onClose(q.Close)
	d.rooms.queue = q
	d.rooms.progress, d.rooms.challenges, d.rooms.leader = memory.NewProgress(), memory.NewChallenges(), memory.NewLeader()
	return nil
}

func (d *Drive) openMetrics(context.Context) error {
	d.rooms.metrics = service.NewMetrics(d.Registry)
	return errors.Join(
		d.rooms.metrics.WatchBacklog(d.rooms.db, time.Now),
		d.Registry.Register(collectors.NewGoCollector()),
		d.Registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
}
