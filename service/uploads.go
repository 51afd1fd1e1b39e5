package service

import (
	"context"
	"errors"
	"fmt"
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
	Targets  store.UploadTargets
	Keeper   store.UploadKeeper
	Entries  store.Entries
	Garbage  store.GarbageList
	Savings  store.Savings // nil: nobody counts
	Staging  store.Staging
	Local    store.Blobs // where Staging publishes to
	Spares   *Spares     // woken when an upload has left a spare copy; may be nil
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
	Upload    store.UploadID // an open upload whose digest is now known, or without a digest, one to go on with; empty for a new one
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
	if req.Upload != "" {
		if err := s.notHeldBy(ctx, user.ID, req.Digest); err != nil {
			return UploadStatus{}, err
		}
		if req.Digest.IsZero() {
			return s.goOn(ctx, user.ID, req)
		}
		return s.bind(ctx, user.ID, req)
	}
	layout, err := s.layout(req.Size, req.ChunkSize)
	if err != nil {
		return UploadStatus{}, err
	}
	var st UploadStatus
	for range initTries {
		st, err = s.startOrResume(ctx, user, req, layout)
		if KindOf(err) != NotFound {
			break
		}
	}
	return st, err
}

// initTries is how often Init begins again because the open upload that it found has ended since: another client has
// completed or cancelled it.
const initTries = 3

func (s *Uploads) startOrResume(ctx context.Context, user store.User, req InitRequest, l store.Layout) (UploadStatus, error) {
	if err := s.notHeldBy(ctx, user.ID, req.Digest); err != nil {
		return UploadStatus{}, err
	}
	if !req.Digest.IsZero() {
		u, err := s.Rows.OpenUpload(ctx, user.ID, req.Digest)
		if err == nil {
			return s.resume(ctx, u, req, l)
		} else if !errors.Is(err, store.ErrNotFound) {
			return UploadStatus{}, fmt.Errorf("init: %w", err)
		}
	}
	return s.start(ctx, user, req, l)
}

// notHeldBy refuses content that the user has, and says where.
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
	folder, err := s.Entries.PathOf(ctx, user, e.Parent)
	if errors.Is(err, store.ErrNotFound) {
		return nil // deleted since
	} else if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return &Error{Kind: AlreadyHave, Held: &Item{Entry: e, Path: below(folder, e.Name)},
		Msg: "you already have a file with this content; use /file/fastupload or /file/copy to add another"}
}

// layout cuts a size into chunks.
func (s *Uploads) layout(size, chunk int64) (store.Layout, error) {
	switch {
	case size < 0:
		return store.Layout{}, errorf(Invalid, "the file size must not be negative")
	case size > s.maxSize():
		return store.Layout{}, errorf(TooLarge, "the file must not be larger than %d bytes", s.maxSize())
	case chunk < 0:
		return store.Layout{}, errorf(Invalid, "the chunk size must not be negative")
	case chunk == 0:
		chunk = DefaultChunkSize
	}
	chunk = min(max(chunk, MinChunkSize), MaxChunkSize)
	if least := (size + MaxChunks - 1) / MaxChunks; chunk < least {
		chunk = (least + chunkSizeStep - 1) / chunkSizeStep * chunkSizeStep
	}
	if chunk > MaxChunkSize {
		return store.Layout{}, errorf(TooLarge, "the file must not be larger than %d chunks of %d bytes", MaxChunks, MaxChunkSize)
	}
	return store.Layout{Size: size, ChunkSize: chunk}, nil
}

// start makes a new upload: first the row, which reserves the quota, then its staging, which reserves the space.
func (s *Uploads) start(ctx context.Context, user store.User, req InitRequest, l store.Layout) (UploadStatus, error) {
	if err := s.hopeless(ctx, user, req, l); err != nil {
		return UploadStatus{}, explain(fmt.Errorf("init: %w", err))
	}
	u := store.Upload{
		ID: store.NewUploadID(s.Node), User: user.ID, Digest: req.Digest, Layout: l, Modified: req.Modified,
		Reserved: l.Size, Created: s.Now(), Expires: s.Now().Add(s.ttl()),
	}
	var err error
	if u.Parent, u.Path, u.Name, err = s.place(ctx, user.ID, req.Path, req.Name); err != nil {
		return UploadStatus{}, err
	}
	err = s.Rows.StartUpload(ctx, u, store.UploadLimits{Open: s.maxOpen()})
	if errors.Is(err, store.ErrExists) { // another init of the same content was faster
		if u, err = s.Rows.OpenUpload(ctx, user.ID, req.Digest); err == nil {
			return s.resume(ctx, u, req, l)
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
	if err := s.putProgress(ctx, u, staged.Held()); err != nil {
		return UploadStatus{}, s.unstarted(ctx, u, err)
	}
	return UploadStatus{Upload: u, Held: []int{}}, nil
}

// unstarted handles an upload that its client will not hear of. One with a digest is found again by the next init. One
// without would hold its quota until it expires, and so would each of the client's further tries: it is ended.
func (s *Uploads) unstarted(ctx context.Context, u store.Upload, err error) error {
	if u.Digest.IsZero() {
		err = errors.Join(err, s.end(context.WithoutCancel(ctx), u, "not started"))
	}
	return err
}

// hopeless refuses what cannot be before a folder is made for it. The transaction and the disk decide, a little later.
func (s *Uploads) hopeless(ctx context.Context, user store.User, req InitRequest, l store.Layout) error {
	if l.Size > user.Quota-user.Used-user.Reserved {
		return store.ErrQuota
	}
	if req.Path == "" {
		return nil
	}
	free, err := s.Staging.Free(ctx)
	if err != nil {
		return err
	}
	if l.Size > free {
		return store.ErrNoSpace
	}
	open, err := s.Rows.OpenUploads(ctx, user.ID)
	if err == nil && len(open) >= s.maxOpen() {
		err = store.ErrTooMany
	}
	return err
}

// place finds the folder and the name of a file, and the folder's path as the client named it. A folder that is missing
// is created.
func (s *Uploads) place(ctx context.Context, user store.UserID, path, name string) (store.EntryID, string, string, error) {
	name, folder, err := cleanTarget(name, path)
	if err != nil || folder == nil {
		return "", "", name, err
	}
	parent, err := s.Entries.MakeFolder(ctx, user, *folder, s.Now())
	if err != nil {
		return "", "", "", explain(fmt.Errorf("folder: %w", err))
	}
	return parent, folder.String(), name, nil
}

// resume goes on with an open upload. It announces the target that the request names.
func (s *Uploads) resume(ctx context.Context, u store.Upload, req InitRequest, l store.Layout) (UploadStatus, error) {
	if u.Layout.Size != l.Size {
		return UploadStatus{}, errorf(Conflict, "this content is already being uploaded with another size; check the digest and the size")
	}
	if err := s.announce(ctx, u, req); err != nil {
		return UploadStatus{}, err
	}
	st, err := s.status(ctx, u)
	if err != nil {
		return UploadStatus{}, err
	}
	s.saved(ctx, st)
	return st, s.Keeper.ExtendUpload(ctx, u.ID, s.Now().Add(s.ttl()))
}

// goOn takes up an upload that is named by its ID: its digest may not be known yet.
func (s *Uploads) goOn(ctx context.Context, user store.UserID, req InitRequest) (UploadStatus, error) {
	u, err := s.find(ctx, user, req.Upload)
	if err != nil {
		return UploadStatus{}, err
	}
	if req.Size != 0 && req.Size != u.Layout.Size {
		return UploadStatus{}, errorf(Invalid, "the file size differs from that of the upload")
	}
	return s.resume(ctx, u, req, u.Layout)
}

// saved counts what a resumed upload need not send again. That it could not be counted is no reason to refuse.
func (s *Uploads) saved(ctx context.Context, st UploadStatus) {
	var held int64
	for _, index := range st.Held {
		_, n := st.Layout.Extent(index)
		held += n
	}
	s.Metrics.BytesResumed.Add(float64(held))
	if s.Savings == nil || held == 0 {
		return
	}
	if err := s.Savings.Resumed(ctx, st.ID, held); err != nil {
		s.Log.WarnContext(ctx, "could not count resumed bytes", "upload", st.ID, "err", err)
	}
}

// bind gives an open upload the digest that the client has meanwhile computed. Conflict: it has another one; or the
// user has another open upload of that content, which the error names.
func (s *Uploads) bind(ctx context.Context, user store.UserID, req InitRequest) (UploadStatus, error) {
	u, err := s.find(ctx, user, req.Upload)
	if err != nil {
		return UploadStatus{}, err
	}
	if req.Size != 0 && req.Size != u.Layout.Size {
		return UploadStatus{}, errorf(Invalid, "the file size differs from that of the upload")
	}
	err = s.Rows.BindUpload(ctx, user, u.ID, req.Digest)
	if errors.Is(err, store.ErrExists) {
		other, err := s.Rows.OpenUpload(ctx, user, req.Digest)
		if err != nil {
			return UploadStatus{}, explain(fmt.Errorf("bind: %w", err))
		}
		return UploadStatus{}, &Error{Kind: Conflict, Msg: "this content is already being uploaded; resume that upload", Upload: other.ID}
	} else if err != nil {
		return UploadStatus{}, explain(fmt.Errorf("bind: %w", err))
	}
	u.Digest = req.Digest
	if err := s.announce(ctx, u, req); err != nil {
		return UploadStatus{}, err
	}
	return s.status(ctx, u)
}

// find returns an open upload of the user.
func (s *Uploads) find(ctx context.Context, user store.UserID, id store.UploadID) (store.Upload, error) {
	u, err := s.Rows.Upload(ctx, user, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && u.State != store.UploadOpen {
		return store.Upload{}, errorf(NotFound, "upload not found")
	} else if err != nil {
		return store.Upload{}, explain(fmt.Errorf("upload %s: %w", id, err))
	}
	return u, nil
}

// staged opens the staging of an open upload. A power cut may have taken all of it, and a failed sync has it thrown
// away: then it begins anew, with nothing held.
func (s *Uploads) staged(ctx context.Context, u store.Upload) (store.Staged, error) {
	if u.ID.Node() != s.Node {
		return nil, errorf(Unavailable, "the node that holds this upload is not reachable; try again later")
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

func (s *Uploads) step(name string) {
	if s.Step != nil {
		s.Step(name)
	}
}

func (s *Uploads) maxOpen() int   { return orDefault(s.MaxOpen, 100) }
func (s *Uploads) maxSize() int64 { return orDefault(s.MaxSize, 1<<40) }

func (s *Uploads) ttl() time.Duration { return orDefault(s.TTL, 24*time.Hour) }

func (s *Uploads) lockWait() time.Duration { return orDefault(s.LockWait, 10*time.Second) }
