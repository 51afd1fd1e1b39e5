package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/store"
)

const (
	// DefaultChunkSize is the size of chunks where the client names none, MinChunkSize and MaxChunkSize are the bounds
	// of what it may name, and MaxChunks is how many an upload has at most. Sizes are in bytes.
	DefaultChunkSize = 5 << 20
	MinChunkSize     = 256 << 10
	MaxChunkSize     = 64 << 20
	MaxChunks        = 10_000

	chunkSizeStep = 256 << 10 // a raised chunk size is a multiple of this
)

// Uploads brings contents into the drive: in chunks that survive every interruption, or streamed in a form.
type Uploads struct {
	Rows     store.Uploads
	Keeper   store.UploadKeeper
	Entries  store.Entries
	Garbage  store.GarbageList
	Staging  store.Staging
	Local    store.Blobs // where Staging publishes to
	Progress store.Progress
	Queue    mq.Queue
	Node     store.NodeID
	Target   store.Kind // the object store that new contents are moved to

	MaxSize int64         // bytes of one file; 0: 1 TiB
	MaxOpen int           // open uploads of one user; 0: 100
	TTL     time.Duration // how long an upload lives without progress; 0: 24 hours

	LockWait time.Duration // how long to wait for another request that completes or cancels the same upload; 0: 10 s

	Log     *slog.Logger
	Now     func() time.Time
	Metrics *Metrics
	Step    func(name string) // called between the steps of Complete, for tests that kill the process there

	completing keyedMutex // by upload: one Complete or Cancel at a time
	failed     failures
	forms      formBytes
}

// An InitRequest announces a content.
type InitRequest struct {
	Upload    store.UploadID // an open upload whose digest is now known; empty for a new one
	Digest    store.Digest   // zero while the client does not know it yet
	Size      int64
	ChunkSize int64 // as wished; 0: DefaultChunkSize
	Name      string
	Path      string
	Modified  time.Time
}

// An UploadStatus is an upload and the chunks of it that are held.
type UploadStatus struct {
	store.Upload
	Held []int // ascending
}

// Init starts an upload, or goes on with the one that the user has open for the same content.
// AlreadyHave: the user has the content. Conflict: the open one has another size. TooLarge, QuotaExceeded, NoSpace, TooMany.
func (s *Uploads) Init(ctx context.Context, user store.User, req InitRequest) (UploadStatus, error) {
	if err := s.notHeldBy(ctx, user.ID, req.Digest); err != nil {
		return UploadStatus{}, err
	}
	if req.Upload != "" {
		return s.bind(ctx, user.ID, req)
	}
	layout, err := s.layout(req.Size, req.ChunkSize)
	if err != nil {
		return UploadStatus{}, err
	}
	if !req.Digest.IsZero() {
		u, err := s.Rows.OpenUpload(ctx, user.ID, req.Digest)
		if err == nil {
			return s.resume(ctx, u, layout)
		} else if !errors.Is(err, store.ErrNotFound) {
			return UploadStatus{}, fmt.Errorf("init: %w", err)
		}
	}
	return s.start(ctx, user.ID, req, layout)
}

// notHeldBy refuses content that the user has.
func (s *Uploads) notHeldBy(ctx context.Context, user store.UserID, d store.Digest) error {
	if d.IsZero() {
		return nil
	}
	e, err := s.Entries.EntryByDigest(ctx, user, d)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("init: %w", err)
	case e.Content.Status == store.ContentDamaged:
		return nil // a new upload is what mends it
	}
	return errorf(AlreadyHave, "you have this file already")
}

// layout cuts a size into chunks.
func (s *Uploads) layout(size, chunk int64) (store.Layout, error) {
	switch {
	case size < 0:
		return store.Layout{}, errorf(Invalid, "the file size is negative")
	case size > s.maxSize():
		return store.Layout{}, errorf(TooLarge, "the file is larger than %d bytes", s.maxSize())
	case chunk < 0:
		return store.Layout{}, errorf(Invalid, "the chunk size is negative")
	case chunk == 0:
		chunk = DefaultChunkSize
	}
	chunk = min(max(chunk, MinChunkSize), MaxChunkSize)
	if least := (size + MaxChunks - 1) / MaxChunks; chunk < least {
		chunk = (least + chunkSizeStep - 1) / chunkSizeStep * chunkSizeStep
	}
	if chunk > MaxChunkSize {
		return store.Layout{}, errorf(TooLarge, "the file is larger than %d chunks of %d bytes", MaxChunks, MaxChunkSize)
	}
	return store.Layout{Size: size, ChunkSize: chunk}, nil
}

// start makes a new upload: first the row, which reserves the quota, then its staging, which reserves the space.
func (s *Uploads) start(ctx context.Context, user store.UserID, req InitRequest, l store.Layout) (UploadStatus, error) {
	u := store.Upload{
		ID: store.NewUploadID(s.Node), User: user, Digest: req.Digest, Layout: l, Modified: req.Modified,
		Reserved: l.Size, Created: s.Now(), Expires: s.Now().Add(s.ttl()),
	}
	var err error
	if u.Parent, u.Name, err = s.place(ctx, user, req.Path, req.Name, ""); err != nil {
		return UploadStatus{}, err
	}
	err = s.Rows.StartUpload(ctx, u, store.UploadLimits{Open: orDefault(s.MaxOpen, 100)})
	if errors.Is(err, store.ErrExists) { // another init of the same content was faster
		if u, err = s.Rows.OpenUpload(ctx, user, req.Digest); err == nil {
			return s.resume(ctx, u, l)
		}
	}
	if err != nil {
		return UploadStatus{}, explain(fmt.Errorf("init: %w", err))
	}
	staged, err := s.staged(ctx, u)
	if err != nil {
		return UploadStatus{}, errors.Join(err, s.Rows.EndUpload(context.WithoutCancel(ctx), u.ID))
	}
	defer staged.Close()
	return UploadStatus{Upload: u, Held: []int{}}, s.putProgress(ctx, u, staged.Held())
}

// place finds the folder and the name of a file. The folder is made where it is not there.
func (s *Uploads) place(ctx context.Context, user store.UserID, path, name, otherwise string) (store.EntryID, string, error) {
	if name == "" {
		name = otherwise
	}
	if name != "" {
		var err error
		if name, err = CleanName(name); err != nil {
			return "", "", err
		}
	}
	p, err := CleanPath(path)
	if err != nil || len(p) == 0 {
		return "", name, err
	}
	parent, err := s.Entries.MakeFolder(ctx, user, p, s.Now())
	if err != nil {
		return "", "", explain(fmt.Errorf("folder: %w", err))
	}
	return parent, name, nil
}

// resume goes on with an open upload.
func (s *Uploads) resume(ctx context.Context, u store.Upload, l store.Layout) (UploadStatus, error) {
	if u.Layout.Size != l.Size {
		return UploadStatus{}, errorf(Conflict, "an upload of this content with another size is under way")
	}
	st, err := s.status(ctx, u)
	if err != nil {
		return UploadStatus{}, err
	}
	for _, index := range st.Held {
		_, n := u.Layout.Extent(index)
		s.Metrics.BytesResumed.Add(float64(n))
	}
	return st, s.Keeper.ExtendUpload(ctx, u.ID, s.Now().Add(s.ttl()))
}

// bind gives an open upload the digest that the client has meanwhile computed. Conflict: it has another one; or the
// user has another open upload of that content, which the error names.
func (s *Uploads) bind(ctx context.Context, user store.UserID, req InitRequest) (UploadStatus, error) {
	if req.Digest.IsZero() {
		return UploadStatus{}, errorf(Invalid, "binding an upload needs a digest")
	}
	u, err := s.find(ctx, user, req.Upload)
	if err != nil {
		return UploadStatus{}, err
	}
	if req.Size != 0 && req.Size != u.Layout.Size {
		return UploadStatus{}, errorf(Invalid, "the upload has another size")
	}
	err = s.Rows.BindUpload(ctx, user, u.ID, req.Digest)
	if errors.Is(err, store.ErrExists) {
		other, err := s.Rows.OpenUpload(ctx, user, req.Digest)
		if err != nil {
			return UploadStatus{}, explain(fmt.Errorf("bind: %w", err))
		}
		return UploadStatus{}, &Error{Kind: Conflict, Msg: "another upload of this content is under way; go on with that", Upload: other.ID}
	} else if err != nil {
		return UploadStatus{}, explain(fmt.Errorf("bind: %w", err))
	}
	u.Digest = req.Digest
	return s.status(ctx, u)
}

// find returns an open upload of the user.
func (s *Uploads) find(ctx context.Context, user store.UserID, id store.UploadID) (store.Upload, error) {
	u, err := s.Rows.Upload(ctx, user, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && u.State != store.UploadOpen {
		return store.Upload{}, errorf(NotFound, "there is no such upload")
	} else if err != nil {
		return store.Upload{}, explain(fmt.Errorf("upload %s: %w", id, err))
	}
	return u, nil
}

// staged opens the staging of an open upload. A power cut may have taken all of it, and a failed sync has it thrown
// away: then it begins anew, with nothing held.
func (s *Uploads) staged(ctx context.Context, u store.Upload) (store.Staged, error) {
	if u.ID.Node() != s.Node {
		return nil, errorf(Unavailable, "the node that has this upload is not reached")
	}
	staged, err := s.Staging.Open(ctx, u.ID)
	if errors.Is(err, store.ErrNotFound) {
		err = s.Staging.Create(ctx, store.StagedUpload{ID: u.ID, Layout: u.Layout})
		if err == nil {
			err = s.stillOpen(ctx, u)
		}
		if err == nil || errors.Is(err, store.ErrExists) {
			staged, err = s.Staging.Open(ctx, u.ID)
		}
	}
	if err != nil {
		return nil, explain(err)
	}
	return staged, nil
}

// stillOpen looks at the row again once a staging was made for it: where the upload has ended meanwhile, what was made would
// hold space for nothing.
func (s *Uploads) stillOpen(ctx context.Context, u store.Upload) error {
	if _, err := s.find(ctx, u.User, u.ID); err != nil {
		return errors.Join(err, s.Staging.Remove(context.WithoutCancel(ctx), u.ID))
	}
	return nil
}

// A Part is one chunk on its way in.
type Part struct {
	Upload store.UploadID
	Index  int
	Digest store.Digest // of the chunk; zero where the client named none
	Length int64        // of the body; -1 where it is not known
}

// PutChunk stores one chunk of an upload. Repeating it is harmless. Nothing is read of a body that cannot be right.
func (s *Uploads) PutChunk(ctx context.Context, user store.UserID, p Part, body io.Reader) error {
	u, err := s.find(ctx, user, p.Upload)
	if err != nil {
		return s.chunkFailed("upload", err)
	}
	if !u.Layout.Has(p.Index) {
		return s.chunkFailed("index", errorf(Invalid, "there is no chunk %d, only 1 to %d", p.Index, u.Layout.Count()))
	}
	_, length := u.Layout.Extent(p.Index)
	if p.Length >= 0 && p.Length != length {
		return s.chunkFailed("length", errorf(Invalid, "chunk %d has %d bytes, not %d", p.Index, length, p.Length))
	}
	staged, err := s.staged(ctx, u)
	if err != nil {
		return s.chunkFailed("staging", err)
	}
	defer staged.Close()
	fresh, err := staged.WriteChunk(ctx, p.Index, body, p.Digest)
	if err != nil {
		return s.chunkFailed(chunkCause(err), chunkError(p.Index, err))
	}
	if fresh {
		s.Metrics.ChunksStored.Inc()
		s.Metrics.BytesReceived.Add(float64(length))
	}
	s.renew(ctx, u)
	// Progress last: a crash before this line is mended from staging's journal, a mark before the bytes would be a
	// hole in the file.
	return s.mark(ctx, u, staged, p.Index)
}

// renew moves the expiry of an upload that has made progress, twice in its time to live and not with every chunk. It is
// no reason to refuse bytes that are held.
func (s *Uploads) renew(ctx context.Context, u store.Upload) {
	if u.Expires.Sub(s.Now()) > s.ttl()/2 {
		return
	}
	if err := s.Keeper.ExtendUpload(ctx, u.ID, s.Now().Add(s.ttl())); err != nil {
		s.Log.WarnContext(ctx, "extend upload", "upload", u.ID, "err", err)
	}
}

// mark adds a chunk to the progress record, which is rebuilt from staging where it is gone.
func (s *Uploads) mark(ctx context.Context, u store.Upload, staged store.Staged, index int) error {
	_, err := s.Progress.Mark(ctx, u.ID, index, s.ttl())
	if errors.Is(err, store.ErrNotFound) {
		return s.putProgress(ctx, u, staged.Held())
	} else if err != nil {
		return explain(fmt.Errorf("progress: %w", err))
	}
	return nil
}

func (s *Uploads) putProgress(ctx context.Context, u store.Upload, held []int) error {
	info := store.ProgressInfo{Upload: u.ID, User: u.User, Digest: u.Digest, Layout: u.Layout}
	if err := s.Progress.Put(ctx, info, held, s.ttl()); err != nil {
		return explain(fmt.Errorf("progress: %w", err))
	}
	return nil
}

// chunkError says what is wrong with a chunk.
func chunkError(index int, err error) error {
	msg := ""
	switch {
	case errors.Is(err, store.ErrLength):
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("chunk %d has the wrong length", index), Cause: err}
	case errors.Is(err, store.ErrConflict):
		msg = fmt.Sprintf("chunk %d is held with other bytes", index)
		return &Error{Kind: Conflict, Msg: msg, Cause: err}
	case errors.Is(err, store.ErrDigestMismatch):
		msg = fmt.Sprintf("chunk %d does not have the announced SHA-1", index)
		return &Error{Kind: DigestMismatch, Msg: msg, Cause: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Kind: CutOff, Msg: "the body ended early", Cause: err}
	}
	return explain(fmt.Errorf("chunk %d: %w", index, err))
}

// chunkCause names a failure for the metrics.
func chunkCause(err error) string {
	for _, c := range []struct {
		err  error
		name string
	}{
		{store.ErrLength, "length"}, {store.ErrDigestMismatch, "digest"}, {store.ErrConflict, "conflict"},
		{store.ErrNoSpace, "space"}, {store.ErrBusy, "busy"},
	} {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	if k := KindOf(err); k == CutOff || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) {
		return "cut off"
	}
	return "other"
}

func (s *Uploads) chunkFailed(cause string, err error) error {
	s.Metrics.ChunkFailures.WithLabelValues(cause).Inc()
	return err
}

// Status returns an open upload of the user with its chunks.
func (s *Uploads) Status(ctx context.Context, user store.UserID, id store.UploadID) (UploadStatus, error) {
	u, err := s.find(ctx, user, id)
	if err != nil {
		return UploadStatus{}, err
	}
	return s.status(ctx, u)
}

// Unfinished returns all open uploads of the user, newest first.
func (s *Uploads) Unfinished(ctx context.Context, user store.UserID) ([]UploadStatus, error) {
	us, err := s.Rows.OpenUploads(ctx, user)
	if err != nil {
		return nil, explain(fmt.Errorf("unfinished uploads: %w", err))
	}
	list := make([]UploadStatus, 0, len(us))
	for _, u := range us {
		st, err := s.status(ctx, u)
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
}

// status reads the chunks from the progress record, and from staging where that is gone.
func (s *Uploads) status(ctx context.Context, u store.Upload) (UploadStatus, error) {
	_, held, err := s.Progress.Held(ctx, u.ID)
	if err == nil {
		return UploadStatus{Upload: u, Held: held}, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return UploadStatus{}, explain(fmt.Errorf("progress: %w", err))
	}
	staged, err := s.staged(ctx, u)
	if err != nil {
		return UploadStatus{}, err
	}
	defer staged.Close()
	held = staged.Held()
	return UploadStatus{Upload: u, Held: held}, s.putProgress(ctx, u, held)
}

// Cancel ends an open upload, gives its quota back and removes what was staged. Repeating it is harmless.
func (s *Uploads) Cancel(ctx context.Context, user store.UserID, id store.UploadID) error {
	unlock, err := s.completing.lock(ctx, string(id), s.lockWait())
	if err != nil {
		return err
	}
	defer unlock()
	u, err := s.Rows.Upload(ctx, user, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errorf(NotFound, "there is no such upload")
	case err != nil:
		return explain(fmt.Errorf("cancel: %w", err))
	case u.State == store.UploadDone:
		return errorf(Conflict, "this upload is complete")
	case u.State == store.UploadCancelled:
		return nil
	}
	return s.end(ctx, u, "cancelled")
}

// CancelDigest ends the user's open upload of a content.
func (s *Uploads) CancelDigest(ctx context.Context, user store.UserID, d store.Digest) error {
	u, err := s.Rows.OpenUpload(ctx, user, d)
	if errors.Is(err, store.ErrNotFound) {
		return errorf(NotFound, "there is no such upload")
	} else if err != nil {
		return explain(fmt.Errorf("cancel: %w", err))
	}
	return s.Cancel(ctx, user, u.ID)
}

// end closes an upload without a file. The row goes first: what a crash leaves of the rest is swept.
func (s *Uploads) end(ctx context.Context, u store.Upload, cause string) error {
	if err := s.Rows.EndUpload(ctx, u.ID); err != nil {
		return explain(fmt.Errorf("end upload: %w", err))
	}
	s.Metrics.UploadsEnded.WithLabelValues(cause).Inc()
	s.failed.forget(u.ID)
	return s.clear(ctx, u.ID)
}

// clear removes the progress and the staging of an upload that has ended.
func (s *Uploads) clear(ctx context.Context, id store.UploadID) error {
	if err := s.Progress.Drop(ctx, id); err != nil {
		s.Log.WarnContext(ctx, "drop progress", "upload", id, "err", err) // it expires by itself
	}
	s.step("complete.progress-dropped")
	if err := s.Staging.Remove(ctx, id); err != nil {
		return fmt.Errorf("upload %s: %w", id, err)
	}
	return nil
}

func (s *Uploads) step(name string) {
	if s.Step != nil {
		s.Step(name)
	}
}

func (s *Uploads) maxSize() int64          { return orDefault(s.MaxSize, 1<<40) }
func (s *Uploads) ttl() time.Duration      { return orDefault(s.TTL, 24*time.Hour) }
func (s *Uploads) lockWait() time.Duration { return orDefault(s.LockWait, 10*time.Second) }
