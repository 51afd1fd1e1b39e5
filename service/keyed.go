package service

import (
	"context"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A keyedMutex is one mutex for each key that somebody holds or waits for. The zero keyedMutex is ready.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyedLock
}

type keyedLock struct {
	held  chan struct{} // has an element while somebody holds it
	users int           // who hold it or wait for it
}

// lock waits for the key, but no longer than wait, and returns what unlocks it. Busy: others have it all the time.
func (k *keyedMutex) lock(ctx context.Context, key string, wait time.Duration) (unlock func(), err error) {
	l := k.join(key)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case l.held <- struct{}{}:
		return func() {
			<-l.held
			k.leave(key, l)
		}, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = errorf(Busy, "the upload is being completed or cancelled; try again")
	}
	k.leave(key, l)
	return nil, err
}

func (k *keyedMutex) join(key string) *keyedLock {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.locks == nil {
		k.locks = map[string]*keyedLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyedLock{held: make(chan struct{}, 1)}
		k.locks[key] = l
	}
	l.users++
	return l
}

func (k *keyedMutex) leave(key string, l *keyedLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(k.locks, key)
	}
}

// failures remembers which open uploads have failed verification with no bad chunk to blame. It need not outlive the
// process: a restart gives an upload one more try.
type failures struct {
	mu  sync.Mutex
	ids map[store.UploadID]bool
}

// add remembers an upload and reports whether it was known already.
func (f *failures) add(id store.UploadID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids = map[store.UploadID]bool{}
	}
	known := f.ids[id]
	f.ids[id] = true
	return known
}

func (f *failures) forget(id store.UploadID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.ids, id)
}
