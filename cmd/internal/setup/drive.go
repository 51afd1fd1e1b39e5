package setup

import (
	"context"
	"errors"
	"log/slog"

	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
)

// A Drive is a whole drive, opened. Nothing works in the background before Run.
type Drive struct {
	engines

	Accounts  *service.Accounts
	Files     *service.Files
	Uploads   *service.Uploads
	Instant   *service.Instant
	Downloads *service.Downloads
	Spares    *service.Spares
	Transfers *service.Transfers
	Sweeper   *service.Sweeper
	Fsck      *service.Fsck
}

// Open locks the data folder, brings the database's schema up to date and opens everything. ErrInUse: another
// process has the folder.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger) (*Drive, error) {
	d := &Drive{engines: newEngines(cfg, log)}
	err := d.open(ctx, d.openFolder, d.openDatabase, d.openObjects, d.openStaging, d.openShared, d.openQueue, d.openNodes, d.openMetrics)
	if err != nil {
		return nil, err
	}
	d.wire()
	if err := d.Uploads.DropRecords(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Drive) openFolder(ctx context.Context) error {
	lock, err := Lock(ctx, d.Config.Data)
	if err != nil {
		return err
	}
	d.onClose(lock.Close)
	d.Node, d.rooms.secret, err = identity(d.Config)
	return err
}

func (d *Drive) openStaging(context.Context) error {
	data, err := d.openRoot(d.Config.Data)
	if err != nil {
		return err
	}
	local, err := disk.NewBlobs(data, "blobs", store.Local, d.Node)
	if err != nil {
		return err
	}
	d.rooms.places.Node, d.rooms.places.Local = d.Node, local
	staging, err := disk.NewStaging(data, disk.StagingOptions{
		Blobs: local, MinFree: int64(d.Config.MinFreeSpace), SyncEach: d.Config.StagingSync == "chunk", Log: d.Log,
	})
	if err != nil {
		return err
	}
	d.onClose(staging.Close)
	d.rooms.staging = staging
	d.checks["disk"] = func(ctx context.Context) error {
		_, err := staging.Free(ctx)
		return err
	}
	return nil
}
