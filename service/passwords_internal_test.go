package service

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPasswordRoundTrip(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	hash, err := p.hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", hash, err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsE": false, "": false} {
		if got, err := p.check(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
	if ok, err := p.check(t.Context(), "", ""); ok || err != nil {
		t.Errorf("nobody's password: %v, %v", ok, err)
	}
}

func TestDamagedHashIsRefused(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	for _, hash := range []string{"x", "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5",
		"$argon2id$v=19$m=19456,t=0,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$",
		"$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5", "$$$$$"} {
		if ok, err := p.check(t.Context(), hash, "secret password"); ok || err == nil {
			t.Errorf("%q: %v, %v", hash, ok, err)
		}
	}
}

// The queue is bounded: of a flood, so many wait and the rest is told at once.
func TestPasswordQueueIsBounded(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	for range hashesAtOnce {
		if err := p.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range hashQueue {
		wg.Go(func() {
			if err := p.enter(ctx); err == nil {
				t.Error("more hashes at once than allowed")
			}
		})
	}
	for p.waiting.Load() < hashQueue {
		time.Sleep(time.Millisecond)
	}
	if err := p.enter(t.Context()); KindOf(err) != Unavailable {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	wg.Wait()
	p.leave()
	if err := p.enter(t.Context()); err != nil {
		t.Errorf("after the flood: %v", err)
	}
}

// A flood of sign-ups takes a small part of the queue; the rest is for those who have an account.
func TestSignupsLeaveRoomForSignins(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	for range hashesAtOnce {
		if err := p.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range newHashes {
		wg.Go(func() { _, _ = p.hash(ctx, "correct horse") })
	}
	for p.waiting.Load() < newHashes {
		time.Sleep(time.Millisecond)
	}
	refused, giveUp := context.WithTimeout(t.Context(), time.Second)
	defer giveUp()
	if _, err := p.hash(refused, "correct horse"); KindOf(err) != Unavailable {
		t.Errorf("one sign-up too many: %v", err)
	}
	if n := p.waiting.Load(); n > newHashes {
		t.Errorf("%d wait", n)
	}
	cancel()
	wg.Wait()
	p.leave()
	if _, err := p.hash(t.Context(), "correct horse"); err != nil {
		t.Errorf("after the flood: %v", err)
	}
}

func FuzzParseArgon(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseArgon(s)
		if err == nil && (h.memory > 1<<20 || h.time == 0 || h.threads == 0 || len(h.key) > 128) {
			t.Errorf("%q is too costly: %+v", s, h)
		}
	})
}
