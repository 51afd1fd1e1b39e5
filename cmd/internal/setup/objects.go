package setup

import (
	"context"
	"errors"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/s3"
)

// openObjects opens the object stores. The folder is open even where it is not the target of transfers any more: what
// is there is still served.
func (e *engines) openObjects(ctx context.Context) error {
	e.rooms.places.Objects = map[store.Kind]store.Blobs{}
	return errors.Join(e.openObjectFolder(), e.openBucket(ctx))
}

func (e *engines) openObjectFolder() error {
	root, err := e.openRoot(e.Config.Objects)
	if err != nil {
		return err
	}
	folder, err := disk.NewBlobs(root, ".", store.Disk, "")
	if err != nil {
		return err
	}
	e.rooms.places.Objects[store.Disk], e.rooms.target = folder, store.Disk
	return nil
}

// openBucket opens the configured object store, if it is not the folder, and makes it the target.
func (e *engines) openBucket(ctx context.Context) error {
	if !e.Config.S3() {
		return nil
	}
	c := e.Config
	bucket, err := s3.Open(ctx, s3.Options{
		Profile: s3.Profile(c.Store), Endpoint: c.S3Endpoint, PublicEndpoint: c.S3Public, Region: c.S3Region, Bucket: c.S3Bucket,
		Prefix: c.S3Prefix, AccessKey: c.S3AccessKey, SecretKey: c.S3SecretKey, CAFile: c.S3CA, Log: e.Log,
		MayMake: e.mayMakeBucket,
		Resumed: func(n int64) { e.rooms.metrics.TransferBytesResumed.Add(float64(n)) },
	})
	if err != nil {
		return err
	}
	e.onClose(bucket.Close)
	e.rooms.places.Objects[bucket.Kind()] = bucket
	e.rooms.target, e.bucket = bucket.Kind(), bucket
	return nil
}

// mayMakeBucket is about a bucket that is missing: where files are in such a store already, its name is wrong or somebody
// deleted it, and the operator shall hear of it.
func (e *engines) mayMakeBucket(ctx context.Context) (bool, error) {
	kept, err := e.rooms.db.AnyContentIn(ctx, e.bucket.Kind())
	return !kept, err
}

// checkBucket tells the operator early, in the log, what transfers would meet with. Nothing waits for it: while the
// object store is away, files are served from the local disk.
func (e *engines) checkBucket(ctx context.Context) {
	if e.bucket == nil {
		return
	}
	for ctx.Err() == nil {
		err := e.bucket.Check(ctx)
		if err == nil {
			e.Log.Info("object store ready", "store", e.Config.Store, "bucket", e.Config.S3Bucket)
			return
		}
		if ctx.Err() == nil {
			e.Log.Warn("could not use the object store; files stay on the local disk", "store", e.Config.Store, "err", err)
		}
		_ = pause(ctx, bucketPause)
	}
}

// bucketPause passes between two looks at an object store that cannot be used.
const bucketPause = time.Minute
