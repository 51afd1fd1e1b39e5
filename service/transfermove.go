package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// move puts the blob at its destination and records it there.
func (j *job) move(ctx context.Context) error {
	dest, err := j.name(ctx)
	if err != nil {
		return err
	}
	j.step("transfer.named")
	if err := j.holding(ctx, func(ctx context.Context) error { return j.put(ctx, dest) }); err != nil {
		return err
	}
	j.step("transfer.put")
	if err := j.Rows.FinishTransfer(ctx, j.transfer(), j.Now()); errors.Is(err, store.ErrConflict) {
		return errLost
	} else if err != nil {
		return err
	}
	return nil
}

// destination is where the blob of a job goes, zero where its store is not set up here.
func (s *Transfers) destination(t store.Transfer) store.Location {
	dest, err := s.Places.Target(t.Target)
	if err != nil {
		return store.Location{}
	}
	return dest.Locate(t.From.Name())
}

// name decides where the blob goes and records it in the row before any byte goes there, so that no crash leaves
// bytes that nobody knows. Mostly that was done with the lease, which saves each blob a commit.
func (j *job) name(ctx context.Context) (store.Blobs, error) {
	t := j.transfer()
	if !t.To.IsZero() {
		return j.Places.Of(t.To)
	}
	dest, err := j.Places.Target(t.Target)
	if err != nil {
		return nil, err
	}
	to := dest.Locate(t.From.Name())
	return dest, j.record(ctx, func(t *store.Transfer) { t.To = to })
}

func (j *job) put(ctx context.Context, dest store.Blobs) error {
	t := j.transfer()
	if t.To == t.From {
		return nil
	}
	src, err := j.Places.Open(ctx, t.From)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return j.missing(ctx)
	case errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("%w: %w", errAway, err)
	case err != nil:
		return err
	}
	defer src.Close()
	err = j.send(ctx, dest, src)
	switch {
	case err == nil:
		return nil
	case outOfReach(src):
		return fmt.Errorf("%w: %w", errAway, err)
	case errors.Is(err, store.ErrDigestMismatch), errors.Is(err, store.ErrLength):
		return j.suspect(ctx, src, err)
	}
	return err
}

// send puts the bytes. An object store that takes parts goes on with those that an earlier worker has sent.
func (j *job) send(ctx context.Context, dest store.Blobs, src store.Blob) error {
	t := j.transfer()
	if dest.Kind() != store.Disk { // where no byte may have to move at all
		src = j.throttle.limit(ctx, src, j.Bandwidth)
	}
	parts, ok := dest.(store.ResumableBlobs)
	if !ok {
		return dest.Put(ctx, t.To.Name(), src, t.Sums)
	}
	if t.S3Upload != "" {
		j.Metrics.TransfersResumed.Inc()
	}
	return parts.PutResumable(ctx, t.To.Name(), src, t.Sums, t.S3Upload, func(upload string) error {
		return j.begun(ctx, parts, upload)
	})
}

// begun records a new multipart upload before any part of it goes up. One that is not recorded is aborted at once: no
// part of it is there, and nobody else could. Where the row has it nevertheless, the next worker begins anew.
func (j *job) begun(ctx context.Context, dest store.ResumableBlobs, upload string) error {
	j.step("transfer.multipart")
	err := j.record(ctx, func(t *store.Transfer) { t.S3Upload = upload })
	if err == nil {
		j.step("transfer.begun")
		return nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if aerr := dest.AbortMultipart(stop, j.transfer().To.Name(), upload); aerr != nil {
		j.Log.Warn("could not abort multipart upload; the sweeper will", "digest", j.transfer().Digest, "err", aerr)
	}
	return err
}

// missing says what it means that there is no blob where the row said.
func (j *job) missing(ctx context.Context) error {
	t := j.transfer()
	c, err := j.Contents.Content(ctx, t.Digest)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && c.Location != t.From:
		return errLost // deleted or moved meanwhile
	case err != nil:
		return err
	}
	return j.damaged(ctx, fmt.Errorf("%s: %w", t.From, store.ErrNotFound))
}

// suspect reads the source once more: bytes that were spoilt on the way are sent again, a blob that is spoilt is not.
func (j *job) suspect(ctx context.Context, src store.Blob, cause error) error {
	sums, err := sumBlob(ctx, src)
	if err != nil {
		return errors.Join(cause, err)
	}
	t := j.transfer()
	if sums == t.Sums || j.Places.away(t.From) { // of another node's disk we know only what comes over the network
		return fmt.Errorf("corrupted in transit: %w", cause)
	}
	return j.damaged(ctx, cause)
}

func (j *job) damaged(ctx context.Context, cause error) error {
	t := j.transfer()
	j.Log.Error("content damaged", "digest", t.Digest, "location", t.From, "err", cause)
	err := j.Contents.MarkContent(ctx, t.Digest, t.From, store.ContentDamaged, j.Now())
	if errors.Is(err, store.ErrConflict) {
		return errLost
	} else if err != nil {
		return errors.Join(cause, err)
	}
	return fmt.Errorf("%w: %w: %w", errPermanent, store.ErrDamaged, cause)
}
