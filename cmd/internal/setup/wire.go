package setup

import (
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

// wire gives the services their rooms and options.
func (d *Drive) wire() {
	c, r := d.Config, d.rooms
	d.Accounts = accounts(c, r.db, d.Log)
	d.Accounts.Metrics = r.metrics
	d.Files = &service.Files{Entries: r.db, Changes: r.db, Trees: r.db, Moves: r.db, Now: time.Now, TrashTTL: c.TrashTTL}
	d.Spares = service.NewSpares(service.SpareDeps{
		Rows: r.db, Contents: r.db, Garbage: r.db, Places: r.places, Target: r.target, Queue: r.queue,
		Now: time.Now, Log: d.Log, Metrics: r.metrics,
	}, service.SpareOptions{Bandwidth: int64(c.TransferBandwidth)}) // they may read from where transfers go
	d.Uploads = &service.Uploads{
		Rows: r.db, Targets: r.db, Keeper: r.db, Entries: r.db, Garbage: r.db, Savings: r.db, Spares: d.Spares,
		Staging: r.staging, Local: r.places.Local, Progress: r.progress, Queue: r.queue, Node: d.Node, Target: r.target,
		MaxSize: int64(c.MaxFileSize), MaxOpen: c.MaxOpenUploads, TTL: c.UploadTTL,
		Log: d.Log, Now: time.Now, Metrics: r.metrics, Step: step(),
	}
	d.Instant = &service.Instant{
		Entries: r.db, Contents: r.db, Uploads: d.Uploads, Places: r.places, Challenges: r.challenges,
		Throttle: &service.Throttle{Limit: c.SigninFailuresPerMinute},
		NoProof:  !c.InstantProof, UserOnly: c.InstantScope == "user",
		Log: d.Log, Now: time.Now, Metrics: r.metrics,
	}
	d.Downloads = &service.Downloads{
		Entries: r.db, Trees: r.db, Users: r.db, Places: r.places, Spares: d.Spares, Secret: r.secret, LinkTTL: c.URLTTL, MaxLinkTTL: c.MaxURLTTL, Redirect: c.DownloadPolicy == "redirect",
		Now: time.Now, Log: d.Log, Metrics: r.metrics,
	}
	d.wireWorkers()
}

func (d *Drive) wireWorkers() {
	c, r := d.Config, d.rooms
	d.Transfers = d.transfers()
	d.Sweeper = &service.Sweeper{
		Uploads: r.db, Keeper: r.db, Tokens: r.db, Rows: r.db, Changes: r.db, Garbage: r.db, Contents: r.db,
		Staging: r.staging, Progress: r.progress, Leader: r.leader, Expiries: r.expiries, Queue: r.queue, Places: r.places,
		Grace: c.GarbageGrace, TrashTTL: c.TrashTTL, ForgetAfter: c.DoneUploadTTL,
		Now: time.Now, Log: d.Log, Metrics: r.metrics,
	}
	d.Fsck = &service.Fsck{Contents: r.db, Rows: r.db, Garbage: r.db, Spares: r.db, Places: r.places, Now: time.Now}
}

// transfers are the workers, in the process of the drive or in one of their own.
func (e *engines) transfers() *service.Transfers {
	c, r := e.Config, e.rooms
	return &service.Transfers{
		Rows: r.db, Contents: r.db, Garbage: r.db, Places: r.places, Queue: r.queue, Slots: c.TransferWorkers,
		LeaseTime: c.TransferLease, Bandwidth: int64(c.TransferBandwidth),
		Now: time.Now, Log: e.Log, Metrics: r.metrics, Step: step(),
	}
}

// sweepEvery is the pause between two sweeps: a minute, or less where something lives but for a short time.
func (d *Drive) sweepEvery() time.Duration {
	c := d.Config
	return max(time.Second, min(time.Minute, c.GarbageGrace/2, c.UploadTTL/2, c.TrashTTL/2))
}
