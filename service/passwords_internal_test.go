package service

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/secure/precis"
	"pgregory.net/rapid"
)

func TestPasswordRoundTrip(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	hash, err := p.hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", hash, err)
	}
	for password, want := range map[string]passwordForm{"correct horse": normalized, "correct horsE": noForm, "": noForm} {
		if got, err := p.check(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
	if form, err := p.check(t.Context(), "", ""); form != noForm || err != nil {
		t.Errorf("password of an unknown user: %v, %v", form, err)
	}
}

func TestDamagedHashIsRefused(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	for _, hash := range []string{"x", "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5",
		"$argon2id$v=19$m=19456,t=0,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$",
		"$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5", "$$$$$"} {
		if form, err := p.check(t.Context(), hash, "secret password"); form != noForm || err == nil {
			t.Errorf("%q: %v, %v", hash, form, err)
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

// normalizePassword agrees with an independent implementation of RFC 8265 about all that the profile allows, and a
// second pass changes nothing.
func TestNormalizePasswordIsOpaqueString(t *testing.T) {
	t.Parallel()
	allowed := 0
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("aeoué\u0301\u0308\u0323\u1e69\u00a0\u3000가\u1112\u1161\u11a8")))).Draw(t, "password")
		got := normalizePassword(s)
		if again := normalizePassword(got); again != got {
			t.Fatalf("%q becomes %q, then %q", s, got, again)
		}
		if want, err := precis.OpaqueString.String(s); err == nil {
			allowed++
			if got != want {
				t.Fatalf("%q becomes %q, want %q", s, got, want)
			}
		}
	})
	if allowed == 0 {
		t.Error("the profile allowed none of the examples")
	}
	for _, s := range []string{"tab\tand\x00zero", "👩\u200d🚀\ufe0f heart ❤\ufe0f", "\xff\xfe", "\ufffd", ""} {
		if got := normalizePassword(s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestPasswordForms(t *testing.T) {
	t.Parallel()
	const decomposed, composed = "gru\u0308n\u00a0horse", "grün horse"
	p := newPasswords()
	now, err := p.hash(t.Context(), decomposed)
	if err != nil {
		t.Fatal(err)
	}
	old := legacyHash(decomposed)
	for _, tt := range []struct {
		hash, password string
		want           passwordForm
	}{
		{now, composed, normalized},
		{now, decomposed, normalized},
		{now, "grun horse", noForm},
		{old, decomposed, asTyped},
		{old, composed, noForm},
		{legacyHash(composed), decomposed, normalized},
		{"", decomposed, noForm},
		{legacyHash("\xff bytes"), "\ufffd bytes", noForm},
	} {
		if got, err := p.check(t.Context(), tt.hash, tt.password); got != tt.want || err != nil {
			t.Errorf("%q with %s: %v, %v, want %v", tt.password, tt.hash, got, err, tt.want)
		}
	}
}

// legacyHash hashes a password as it was typed, as versions before normalization did.
func legacyHash(password string) string {
	h := argonHash{memory: 64, time: 1, threads: 1, salt: []byte("saltsalt")}
	h.key = h.derive(password, argonKey)
	return h.String()
}
