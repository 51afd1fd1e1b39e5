package service

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The cost of a password: Argon2id with 19 MiB, two passes, one lane.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32 // bytes
	argonSalt    = 16 // bytes
)

// Hashing is costly on purpose, so only a few are hashed at once and only so many wait.
const (
	hashesAtOnce = 2
	hashQueue    = 64
	hashWait     = 5 * time.Second
	newHashes    = 8 // of them at most for new passwords: anybody may sign up, and must not keep users from signing in
)

// passwords hashes and checks passwords, a bounded number at a time.
type passwords struct {
	slots   chan struct{}
	waiting atomic.Int64
	making  atomic.Int64 // new passwords, waiting or being hashed
}

func newPasswords() *passwords { return &passwords{slots: make(chan struct{}, hashesAtOnce)} }

// A passwordForm says which form of a password a hash was computed from.
type passwordForm int

const (
	noForm     passwordForm = iota // the password is wrong
	normalized                     // as normalizePassword returns it
	asTyped                        // as it was typed, in hashes from before passwords were normalized
)

// normalizePassword returns the form in which passwords are compared: that of the OpaqueString profile (RFC 8265,
// 4.2.2), with every space of Unicode replaced by U+0020 and the result in NFC. Keyboards and browsers differ in how
// they compose the same character. Unlike the profile it forbids no characters: passwords that were accepted before
// stay valid, and those with emoji too, whose joiners and variation selectors the profile refuses. Text that is not
// UTF-8 stays as it is.
func normalizePassword(password string) string {
	if !utf8.ValidString(password) {
		return password
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, password))
}

// hash returns the hash of a password, normalized, in the usual form "$argon2id$v=19$m=…,t=…,p=…$SALT$KEY".
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails
	h := argonHash{memory: argonMemory, time: argonTime, threads: argonThreads, salt: salt}
	defer p.making.Add(-1)
	if p.making.Add(1) > newHashes {
		return "", errBusyHashing()
	}
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	h.key = h.derive(normalizePassword(password), argonKey)
	return h.String(), nil
}

// check reports the form in which a password is the one that was hashed. The form as typed is tried after the
// normalized one, and only if it differs. An empty hash, for a user who is not there, costs the same as any other and
// never matches: the number of forms depends on the password alone.
func (p *passwords) check(ctx context.Context, hash, password string) (passwordForm, error) {
	h := argonHash{memory: argonMemory, time: argonTime, threads: argonThreads,
		salt: make([]byte, argonSalt), key: make([]byte, argonKey)}
	if hash != "" {
		var err error
		if h, err = parseArgon(hash); err != nil {
			return noForm, err
		}
	}
	if err := p.enter(ctx); err != nil {
		return noForm, err
	}
	defer p.leave()
	matches := func(s string) bool {
		return subtle.ConstantTimeCompare(h.derive(s, len(h.key)), h.key) == 1 && hash != ""
	}
	n := normalizePassword(password)
	if matches(n) {
		return normalized, nil
	}
	if n != password && matches(password) {
		return asTyped, nil
	}
	return noForm, nil
}

// enter waits for a slot, unless too many wait already.
func (p *passwords) enter(ctx context.Context) error {
	if p.waiting.Add(1) > hashQueue {
		p.waiting.Add(-1)
		return errBusyHashing()
	}
	defer p.waiting.Add(-1)
	timer := time.NewTimer(hashWait)
	defer timer.Stop()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errBusyHashing()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func errBusyHashing() error {
	return &Error{Kind: Unavailable, Msg: "too many sign-ins at the moment; try again", Retry: hashWait}
}

func (p *passwords) leave() { <-p.slots }

// An argonHash is a password's hash with all that is needed to compute it again.
type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func (h argonHash) derive(password string, length int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(length))
}

func (h argonHash) String() string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		enc.EncodeToString(h.salt), enc.EncodeToString(h.key))
}

var errHash = errors.New("malformed password hash")

// parseArgon reads a stored hash. Its cost is bounded: a damaged row must not take all memory.
func parseArgon(s string) (argonHash, error) {
	var h argonHash
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, errHash
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	costly := h.memory > 1<<20 || h.time < 1 || h.time > 64 || h.threads < 1
	if err1 != nil || err2 != nil || len(h.salt) < 8 || len(h.key) < 16 || len(h.key) > 128 || costly {
		return h, errHash
	}
	return h, nil
}
