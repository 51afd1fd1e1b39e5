package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"github.com/blinkdrive/blinkdrive/store"
)

// savedLayout is the form of upload.json. The file comes last: an upload without it was never made whole.
type savedLayout struct {
	Size      int64 `json:"size"`
	ChunkSize int64 `json:"chunk_size"`
}

// Create makes the place of an upload. It survives a killed process, but not a power cut: whoever finds a row
// without staging creates it again, empty.
func (s *Staging) Create(ctx context.Context, u store.StagedUpload) error {
	if err := s.create(ctx, u); err != nil {
		return fmt.Errorf("staging %s: %w", u.ID, noSpace(err))
	}
	return nil
}

func (s *Staging) create(ctx context.Context, u store.StagedUpload) error {
	if u.Layout.Size < 0 || u.Layout.ChunkSize <= 0 {
		return fmt.Errorf("%w: layout of %d bytes in chunks of %d", store.ErrInvalid, u.Layout.Size, u.Layout.ChunkSize)
	}
	defer s.places.lock(u.ID)()
	if _, err := s.layout(u.ID); err == nil {
		return store.ErrExists // before the free space, of which it already has its part
	}
	if err := s.room(ctx, u.Layout.Size); err != nil {
		return err
	}
	if err := s.makeDir(u.ID); err != nil {
		return err
	}
	err := s.fillDir(u)
	if err != nil {
		err = errors.Join(err, s.root.RemoveAll(s.path(u.ID, "")))
	}
	return err
}

// layout reads how an upload is cut into chunks. ErrNotFound: it was never made whole. Only a power cut just after
// Create leaves a file that cannot be read: nothing was held, so it is as if nothing were there.
func (s *Staging) layout(id store.UploadID) (store.Layout, error) {
	text, err := s.root.ReadFile(s.path(id, layoutFile))
	if absent(err) {
		return store.Layout{}, store.ErrNotFound
	} else if err != nil {
		return store.Layout{}, err
	}
	var l savedLayout
	if err := json.Unmarshal(text, &l); err != nil || l.Size < 0 || l.ChunkSize <= 0 {
		return store.Layout{}, fmt.Errorf("%w: unreadable layout", store.ErrNotFound)
	}
	return store.Layout(l), nil
}

// absent reports that there is no such file: nothing is there, or a file that was streamed and not a folder.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }

// makeDir makes the upload's folder, clearing what a broken-off Create or Remove left there.
func (s *Staging) makeDir(id store.UploadID) error {
	dir := s.path(id, "")
	err := s.root.Mkdir(dir, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := s.layout(id); !errors.Is(err, store.ErrNotFound) {
		return errors.Join(store.ErrExists, err)
	}
	if err := s.root.RemoveAll(dir); err != nil {
		return err
	}
	return s.root.Mkdir(dir, 0o700)
}

func (s *Staging) fillDir(u store.StagedUpload) error {
	data, err := s.root.OpenFile(s.path(u.ID, dataFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = reserve(data, u.Layout.Size)
	if cerr := data.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	chunks, err := s.root.OpenFile(s.path(u.ID, journalFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	j := journal{file: chunks}
	err = j.append(recordBoot, []byte(s.opts.BootID))
	if cerr := chunks.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	layout, err := json.Marshal(savedLayout(u.Layout))
	if err != nil {
		return err
	}
	return s.root.WriteFile(s.path(u.ID, layoutFile), layout, 0o600)
}

// Remove deletes the upload's staging. Its layout goes first, so that what a crash leaves cannot be opened.
func (s *Staging) Remove(_ context.Context, id store.UploadID) error {
	defer s.places.lock(id)()
	if st := s.streamedFile(id); st != nil {
		return s.removeStreamed(id, st)
	}
	s.mu.Lock()
	u := s.open[id]
	if u != nil && !u.isGate {
		delete(s.open, id)
		s.noLongerIdle(u)
		u.gone.Store(true)
		if u.refs == 0 {
			u.closeFiles()
		}
	}
	s.mu.Unlock()
	err := s.root.Remove(s.path(id, layoutFile))
	if err == nil || absent(err) {
		err = s.root.RemoveAll(s.path(id, ""))
	}
	if err != nil {
		return fmt.Errorf("staging %s: remove: %w", id, err)
	}
	return nil
}

// placeLocks let one at a time make, read or remove the folder of an upload: the many requests that a client sends at
// once may all find it missing, and none may clear away what another has just made. The zero value is ready.
type placeLocks struct {
	mu    sync.Mutex
	locks map[store.UploadID]*placeLock
}

type placeLock struct {
	sync.Mutex
	users int
}

// lock waits for an upload's folder and returns what unlocks it.
func (p *placeLocks) lock(id store.UploadID) (unlock func()) {
	p.mu.Lock()
	if p.locks == nil {
		p.locks = map[store.UploadID]*placeLock{}
	}
	l := p.locks[id]
	if l == nil {
		l = &placeLock{}
		p.locks[id] = l
	}
	l.users++
	p.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		p.mu.Lock()
		defer p.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(p.locks, id)
		}
	}
}
