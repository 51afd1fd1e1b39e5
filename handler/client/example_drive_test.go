package client_test

import (
	"context"
	"crypto/sha1"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/blinkdrive/blinkdrive/handler"
	"github.com/blinkdrive/blinkdrive/handler/client"
	queue "github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// check stands for the handling of errors that a program needs.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func sha1Sum(b []byte) [sha1.Size]byte { return sha1.Sum(b) }

// An exampleDrive is a whole drive in this process, on SQLite and a temporary directory.
type exampleDrive struct {
	*httptest.Server
	dir     string
	closers []func() error
}

func startDrive() *exampleDrive {
	const node store.NodeID = "n1"
	dir, err := os.MkdirTemp("", "blinkdrive-example-")
	check(err)
	d := &exampleDrive{dir: dir}
	db := d.openDB(filepath.Join(dir, "blinkdrive.db"))
	root, err := os.OpenRoot(dir)
	check(err)
	local, err := disk.NewBlobs(root, "blobs", store.Local, node)
	check(err)
	staging, err := disk.NewStaging(root, disk.StagingOptions{Blobs: local})
	check(err)
	jobs := queue.New(queue.Options{})
	d.closers = append(d.closers, root.Close, staging.Close, jobs.Close)

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	metrics := service.NewMetrics(prometheus.NewRegistry())
	places := service.Places{Node: node, Local: local}
	uploads := &service.Uploads{
		Rows: db, Targets: db, Keeper: db, Entries: db, Garbage: db, Savings: db, Staging: staging, Local: local,
		Progress: memory.NewProgress(), Queue: jobs, Node: node, Target: store.Disk, Log: log, Now: time.Now, Metrics: metrics,
	}
	d.Server = httptest.NewServer((&handler.Server{
		Accounts: &service.Accounts{Users: db, Tokens: db, Metrics: metrics, Log: log},
		Files:    &service.Files{Entries: db, Changes: db, Trees: db, Moves: db},
		Downloads: &service.Downloads{Entries: db, Trees: db, Users: db, Places: places, Secret: []byte("example"), Now: time.Now,
			Log: log, Metrics: metrics},
		Uploads: uploads,
		Instant: &service.Instant{Entries: db, Contents: db, Uploads: uploads, Places: places, Challenges: memory.NewChallenges(),
			Throttle: &service.Throttle{}, Log: log, Now: time.Now, Metrics: metrics},
		Log: log,
	}).Handler())
	return d
}

func (d *exampleDrive) openDB(path string) *sqldb.DB {
	ctx := context.Background()
	check(sqldb.Migrate(ctx, sqldb.SQLite(path)))
	db, err := sqldb.Open(ctx, sqldb.Options{Source: sqldb.SQLite(path)})
	check(err)
	d.closers = append(d.closers, db.Close)
	return db
}

// signIn returns a client that acts as a new user.
func (d *exampleDrive) signIn(name string) *client.Client {
	c, err := client.New(d.URL, client.Options{Retry: client.Retry{Patience: 10 * time.Second}})
	check(err)
	check(c.Signup(context.Background(), name, "correct horse"))
	_, err = c.Signin(context.Background(), name, "correct horse")
	check(err)
	return c
}

func (d *exampleDrive) stop() {
	d.Server.Close()
	for i := len(d.closers) - 1; i >= 0; i-- {
		check(d.closers[i]())
	}
	check(os.RemoveAll(d.dir))
}
