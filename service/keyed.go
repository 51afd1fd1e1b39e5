package service

import (
	"sync"

	"github.com/blinkdrive/blinkdrive/store"
)

// A keyedMutex is one mutex for each key that somebody holds or waits for. The zero keyedMutex is ready.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyedLock
}

type keyedLock struct {
	sync.Mutex
	users int
}

// lock waits for the key and returns what unlocks it.
func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]*keyedLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyedLock{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
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
