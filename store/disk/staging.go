package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	stagingDir  = "staging"
	layoutFile  = "upload.json"
	dataFile    = "data"
	journalFile = "chunks"

	// idleTime is how long an upload's files stay open after the last request, and maxIdle how many such uploads may.
	idleTime = time.Minute
	maxIdle  = 128
)

// StagingOptions say where and how bytes are staged.
type StagingOptions struct {
	Blobs    *Blobs       // the local blobs, below the same root
	MinFree  int64        // bytes of free space that uploads leave alone
	SyncEach bool         // sync each chunk before it is acknowledged, not a few seconds later
	BootID   string       // names the running boot; empty is the machine's own
	Log      *slog.Logger // nil discards
}

// Staging keeps unfinished uploads in the folder staging below its root. It implements store.Staging.
// One process at a time may use a root.
type Staging struct {
	root *os.Root
	opts StagingOptions

	places placeLocks

	mu       sync.Mutex
	open     map[store.UploadID]*upload
	idle     []*upload                    // open, but in nobody's hands; oldest first
	streamed map[store.UploadID]*streamed // by this process, and not removed yet
	syncing  chan struct{}                // as many as streamed files are made durable at a time
}

// NewStaging opens, and makes where needed, the staging below root.
func NewStaging(root *os.Root, opts StagingOptions) (*Staging, error) {
	if opts.BootID == "" {
		opts.BootID = bootID()
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := opts.Blobs.folders.make(stagingDir); err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	return &Staging{
		root: root, opts: opts, open: map[store.UploadID]*upload{}, streamed: map[store.UploadID]*streamed{},
		syncing: make(chan struct{}, maxSyncing),
	}, nil
}

// room checks that size bytes leave the floor of free space alone.
func (s *Staging) room(ctx context.Context, size int64) error {
	free, err := s.Free(ctx)
	if err != nil {
		return err
	}
	if size > free {
		return fmt.Errorf("%w: %d bytes needed, %d available", store.ErrNoSpace, size, free)
	}
	return nil
}

// Free returns the bytes that may still be stored above the floor of free space.
func (s *Staging) Free(context.Context) (int64, error) {
	free, err := freeBytes(s.root)
	if err != nil {
		return 0, fmt.Errorf("staging: free space: %w", err)
	}
	return max(0, free-s.opts.MinFree), nil
}

// Open returns the upload's staging. The first Open after a start reads the journal, after a reboot also what was not
// synced then; later ones find it in memory.
func (s *Staging) Open(ctx context.Context, id store.UploadID) (store.Staged, error) {
	u, err := s.acquire(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("staging %s: %w", id, err)
	}
	return &handle{upload: u}, nil
}

func (s *Staging) acquire(ctx context.Context, id store.UploadID) (*upload, error) {
	for {
		u, mine := s.hold(id)
		if mine {
			u.err = s.load(u)
			close(u.ready)
		}
		select {
		case <-u.ready:
		case <-ctx.Done():
			s.release(u)
			return nil, ctx.Err()
		}
		if u.err == nil {
			return u, nil
		}
		s.release(u)
		if !errors.Is(u.err, errClosing) {
			return nil, u.err
		}
		select {
		case <-u.closed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// load reads an upload's folder, which nobody makes or removes meanwhile.
func (s *Staging) load(u *upload) error {
	defer s.places.lock(u.id)()
	err := u.load()
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[u.id] == u { // whoever comes now, others still waiting or not, loads what is there then
		delete(s.open, u.id)
	}
	return err
}

// hold counts one more user of an upload; mine tells the first that it has to load it.
func (s *Staging) hold(id store.UploadID) (u *upload, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u = s.open[id]
	if u == nil {
		u = newUpload(s, id)
		s.open[id] = u
		mine = true
	}
	u.refs++
	s.noLongerIdle(u)
	return u, mine
}

func (s *Staging) noLongerIdle(u *upload) {
	for i, v := range s.idle {
		if v == u {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			return
		}
	}
}

// release counts one user less. The last one leaves the upload open for a while, since the next chunk is likely to come.
func (s *Staging) release(u *upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.refs--
	if u.refs > 0 {
		return
	}
	switch {
	case u.isGate: // a stand-in: it goes when what it stands for has been closed
		return
	case s.open[u.id] != u: // removed meanwhile, or never loaded
		u.closeFiles()
		return
	}
	u.idleSince = time.Now()
	s.idle = append(s.idle, u)
	time.AfterFunc(idleTime, s.closeIdle)
	if len(s.idle) > maxIdle {
		s.retire(s.idle[0])
	}
}

// closeIdle closes the uploads that nobody has used for a while.
func (s *Staging) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.idle) > 0 && time.Since(s.idle[0].idleSince) >= idleTime {
		s.retire(s.idle[0])
	}
}

// retire closes an idle upload in the background. Until that is done its journal has a writer, so whoever wants to open
// it meanwhile waits: a stand-in that cannot be opened takes its place.
func (s *Staging) retire(u *upload) {
	s.noLongerIdle(u)
	gate := newUpload(s, u.id)
	gate.isGate, gate.err = true, errClosing
	close(gate.ready)
	s.open[u.id] = gate
	go func() {
		u.shutdown()
		s.mu.Lock()
		if s.open[u.id] == gate {
			delete(s.open, u.id)
		}
		s.mu.Unlock()
		close(gate.closed)
	}()
}

var errClosing = errors.New("staging is being closed")

// Close syncs and closes all uploads that nobody is using.
func (s *Staging) Close() error {
	s.mu.Lock()
	var gates []*upload
	for len(s.idle) > 0 {
		id := s.idle[0].id
		s.retire(s.idle[0])
		gates = append(gates, s.open[id])
	}
	s.mu.Unlock()
	for _, g := range gates {
		<-g.closed
	}
	return nil
}

// List calls fn with each upload that has staging; modified is when its journal last grew, or its bytes last came. What
// this process has streamed counts as modified now: the first file of a form waits, untouched, for the last.
func (s *Staging) List(ctx context.Context, fn func(id store.UploadID, modified time.Time) error) error {
	entries, err := fs.ReadDir(s.root.FS(), stagingDir)
	if err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	for _, e := range entries {
		id, err := store.ParseUploadID(e.Name())
		if err != nil {
			continue
		}
		if err := errors.Join(ctx.Err(), fn(id, s.modified(id))); err != nil {
			return err
		}
	}
	return nil
}

func (s *Staging) modified(id store.UploadID) time.Time {
	s.mu.Lock()
	streamed := s.streamed[id]
	s.mu.Unlock()
	if streamed != nil {
		return time.Now()
	}
	var latest time.Time
	for _, name := range []string{"", journalFile, dataFile} {
		if fi, err := s.root.Stat(s.path(id, name)); err == nil && fi.ModTime().After(latest) {
			latest = fi.ModTime()
		}
	}
	return latest
}

func (s *Staging) path(id store.UploadID, file string) string {
	return path.Join(stagingDir, string(id), file)
}
