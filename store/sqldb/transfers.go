package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	transferColumns = `j.from_addr, j.target, j.to_addr, j.state, j.attempts, j.next_attempt, j.lease_until, j.fence,
		j.last_error, j.s3_upload, j.created_at, c.file_sha1, c.file_sha256, c.file_size`
	fromTransfers = ` FROM tbl_transfer j JOIN tbl_file c ON c.id = j.content_id `
	// held is the condition of every change by a worker: the lease is still the one that it took. The blob is part of it, for
	// the fences of a content begin anew when it has been deleted or its blob replaced; a blob's name never comes back.
	held = ` content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?) AND from_addr = ? AND fence = ?
		AND state = 0 AND lease_until > 0`
)

func scanTransfer(row scanner) (t store.Transfer, err error) {
	err = row.Scan(locationCol(&t.From), &t.Target, locationCol(&t.To), &t.State, &t.Attempts, timeCol{&t.NextAttempt},
		leaseCol{&t.LeaseUntil}, &t.Fence, &t.LastError, &t.S3Upload, timeCol{&t.Created},
		digestCol(&t.Digest), sha256Col(&t.Sums.SHA256), &t.Sums.Size)
	t.Sums.Digest = t.Digest
	return t, err
}

// LeaseTransfer implements store.Transfers.
func (db *DB) LeaseTransfer(
	ctx context.Context, d store.Digest, now, until time.Time, name func(store.Transfer) store.Location,
) (store.Transfer, error) {
	var job store.Transfer
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		c, err := t.content(ctx, d)
		if err != nil {
			return err
		}
		if job, err = t.leasable(ctx, c); err != nil {
			return err
		}
		job.From, job.Attempts, job.Fence, job.LeaseUntil = c.Location, job.Attempts+1, job.Fence+1, time.UnixMicro(micros(until)).UTC()
		if err := t.nameDestination(ctx, &job, name); err != nil {
			return err
		}
		return t.one(ctx, store.ErrBusy, `UPDATE tbl_transfer
			SET attempts = ?, fence = ?, from_addr = ?, to_addr = ?, to_blob = ?, lease_until = ?, due_at = ?
			WHERE content_id = ? AND state = 0 AND due_at <= ?`,
			job.Attempts, job.Fence, job.From.String(), optLocation(job.To), string(job.To.Name()), micros(until), micros(until),
			c.ID, micros(now))
	})
	if err != nil {
		return store.Transfer{}, fmt.Errorf("lease transfer %s: %w", d, err)
	}
	return job, nil
}

// leasable returns the pending job of a content that is not damaged, and keeps others from changing it meanwhile.
func (t tx) leasable(ctx context.Context, c store.Content) (store.Transfer, error) {
	job, err := first(ctx, t, scanTransfer, `SELECT `+transferColumns+fromTransfers+`WHERE j.content_id = ? AND j.state = 0`+
		t.db.dialect.forUpdate, c.ID)
	if err == nil && c.Status == store.ContentDamaged {
		err = store.ErrDamaged
	}
	return job, err
}

// nameDestination gives a job that has none the destination that name says. What cannot be one is left to SaveTransfer, which
// says so.
func (t tx) nameDestination(ctx context.Context, job *store.Transfer, name func(store.Transfer) store.Location) error {
	if name == nil || !job.To.IsZero() {
		return nil
	}
	to := name(*job)
	if to.IsZero() {
		return nil
	}
	err := t.notGarbage(ctx, to)
	if err == nil {
		job.To = to
	} else if errors.Is(err, store.ErrConflict) {
		err = nil
	}
	return err
}

// SaveTransfer implements store.Transfers.
func (db *DB) SaveTransfer(ctx context.Context, job store.Transfer, until time.Time) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		was, err := t.heldTransfer(ctx, job)
		if err != nil {
			return err
		}
		err = t.one(ctx, store.ErrConflict, `UPDATE tbl_transfer
			SET to_addr = ?, to_blob = ?, s3_upload = ?, lease_until = ?, due_at = ? WHERE`+held,
			optLocation(job.To), string(job.To.Name()), job.S3Upload, micros(until), micros(until),
			job.Digest.String(), job.From.String(), job.Fence)
		if err != nil || was.To == job.To {
			return err
		}
		return t.leaveDestination(ctx, was, job.To)
	})
	if err != nil {
		return fmt.Errorf("save transfer %s: %w", job.Digest, err)
	}
	return nil
}

// leaveDestination makes the place that a job was moving its blob to garbage, in favour of another.
func (t tx) leaveDestination(ctx context.Context, was store.Transfer, to store.Location) error {
	if !to.IsZero() {
		if err := t.notGarbage(ctx, to); err != nil {
			return err
		}
	}
	if was.To.IsZero() {
		return nil
	}
	return t.addGarbage(ctx, store.Garbage{Location: was.To, S3Upload: was.S3Upload, Since: t.now()})
}

// heldTransfer returns the job as it is in the database if the lease of job is still the one that it is held by.
func (t tx) heldTransfer(ctx context.Context, job store.Transfer) (store.Transfer, error) {
	was, err := first(ctx, t, scanTransfer, `SELECT `+transferColumns+fromTransfers+`WHERE c.file_sha1 = ?`+
		t.db.dialect.forUpdate, job.Digest.String())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return was, store.ErrConflict
	case err != nil:
		return was, err
	case was.From != job.From || was.Fence != job.Fence || was.State != store.TransferPending || was.LeaseUntil.IsZero():
		return was, store.ErrConflict
	}
	return was, nil
}

// FinishTransfer implements store.Transfers.
func (db *DB) FinishTransfer(ctx context.Context, job store.Transfer, now time.Time) error {
	if job.To.IsZero() {
		return fmt.Errorf("finish transfer %s: no target: %w", job.Digest, store.ErrInvalid)
	}
	err := db.write(ctx, func(ctx context.Context, t tx) error { return t.finish(ctx, job, now) })
	if errors.Is(err, store.ErrConflict) {
		err = db.disown(ctx, job, now)
	}
	if err != nil {
		return fmt.Errorf("finish transfer %s: %w", job.Digest, err)
	}
	return nil
}

func (t tx) finish(ctx context.Context, job store.Transfer, now time.Time) error {
	if _, err := t.heldTransfer(ctx, job); err != nil {
		return err
	}
	err := t.one(ctx, store.ErrConflict, `UPDATE tbl_file SET file_addr = ?, blob_name = ?
		WHERE file_sha1 = ? AND file_addr = ? AND status = 0`,
		job.To.String(), string(job.To.Name()), job.Digest.String(), job.From.String())
	if err != nil {
		return err
	}
	if err := t.notGarbage(ctx, job.To); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM tbl_transfer WHERE`+held, job.Digest.String(), job.From.String(), job.Fence); err != nil {
		return err
	}
	if job.From == job.To {
		return nil
	}
	return t.addGarbage(ctx, store.Garbage{Location: job.From, Since: now})
}

// disown makes the destination of a job that came too late garbage, unless it is in use, and says ErrConflict. It is a
// transaction of its own: a crash before it is one before the whole call.
func (db *DB) disown(ctx context.Context, job store.Transfer, now time.Time) error {
	err := db.listUnused(ctx, store.Garbage{Location: job.To, S3Upload: job.S3Upload, Since: now})
	if err == nil {
		err = store.ErrConflict
	}
	return err
}

// ReleaseTransfer implements store.Transfers.
func (db *DB) ReleaseTransfer(ctx context.Context, job store.Transfer) error {
	n, err := db.writeRows(ctx, `UPDATE tbl_transfer
		SET state = ?, attempts = ?, last_error = ?, next_attempt = ?, lease_until = 0, due_at = ? WHERE`+held,
		int(job.State), job.Attempts, job.LastError, micros(job.NextAttempt), micros(job.NextAttempt), job.Digest.String(), job.From.String(), job.Fence)
	if err == nil && n == 0 {
		err = store.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("release transfer %s: %w", job.Digest, err)
	}
	return nil
}

// DueTransfers implements store.Transfers.
func (db *DB) DueTransfers(ctx context.Context, now time.Time, limit int) ([]store.Transfer, error) {
	jobs, err := list(ctx, db, scanTransfer, `SELECT `+transferColumns+fromTransfers+`
		WHERE j.state = 0 AND j.due_at <= ? AND c.status = 0 ORDER BY j.due_at, j.content_id LIMIT ?`, micros(now), limit)
	if err != nil {
		return nil, fmt.Errorf("due transfers: %w", err)
	}
	return jobs, nil
}

// ListTransfers implements store.Transfers.
func (db *DB) ListTransfers(ctx context.Context, s store.TransferState, limit int) ([]store.Transfer, error) {
	jobs, err := list(ctx, db, scanTransfer, `SELECT `+transferColumns+fromTransfers+`
		WHERE j.state = ? ORDER BY j.created_at, j.content_id LIMIT ?`, int(s), limit)
	if err != nil {
		return nil, fmt.Errorf("list transfers: %w", err)
	}
	return jobs, nil
}

// ReplayTransfers implements store.Transfers.
func (db *DB) ReplayTransfers(ctx context.Context, d store.Digest, now time.Time) (int, error) {
	n, err := db.writeRows(ctx, `UPDATE tbl_transfer SET state = 0, attempts = 0, next_attempt = ?, lease_until = 0, due_at = ?
		WHERE state = 1 AND (? IS NULL OR content_id = (SELECT id FROM tbl_file WHERE file_sha1 = ?))`,
		micros(now), micros(now), optDigest(d), optDigest(d))
	if err != nil {
		return 0, fmt.Errorf("replay transfers: %w", err)
	}
	return n, nil
}

// addTransfer makes the job that moves the blob of c to its target. Without a target there is nothing to do.
func (t tx) addTransfer(ctx context.Context, content int64, c store.Completion) error {
	if c.Target == "" {
		return nil
	}
	_, err := t.exec(ctx, `INSERT INTO tbl_transfer (content_id, from_addr, target, to_addr, to_blob, state, attempts,
		next_attempt, lease_until, due_at, fence, last_error, s3_upload, created_at)
		VALUES (?, ?, ?, '', '', 0, 0, ?, 0, ?, 0, '', '', ?)`,
		content, c.Location.String(), string(c.Target), micros(c.When), micros(c.When), micros(c.When))
	return err
}

// dropTransfer removes a content's job, if it has one. What was begun at the destination becomes garbage.
func (t tx) dropTransfer(ctx context.Context, content int64, now time.Time) error {
	job, err := first(ctx, t, scanTransfer, `SELECT `+transferColumns+fromTransfers+`WHERE j.content_id = ?`, content)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM tbl_transfer WHERE content_id = ?`, content); err != nil {
		return err
	}
	if job.To.IsZero() {
		return nil
	}
	return t.addGarbage(ctx, store.Garbage{Location: job.To, S3Upload: job.S3Upload, Since: now})
}

func optLocation(l store.Location) string {
	if l.IsZero() {
		return ""
	}
	return l.String()
}
