package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/blinkdrive/blinkdrive/store"
)

// Accounts signs users up, in and out, and knows who a token's bearer is.
type Accounts struct {
	Users   store.Users
	Tokens  store.Tokens
	Metrics *Metrics
	Log     *slog.Logger
	Now     func() time.Time

	Closed     bool          // nobody can sign up; users are added by command
	Quota      int64         // bytes of a new user; 0: 10 GiB
	TokenLife  time.Duration // 0: 30 days
	Failures   int           // failed sign-ins a minute from one address; 0: 30
	TouchEvery time.Duration // how exact a user's last activity is; 0: five minutes
	once       sync.Once
	passwords  *passwords
	byAddress  Throttle // failed sign-ins by address and by (account, address)
	byAccount  Throttle // failed sign-ins by account alone, which is only slowed
}

// A Session is what a user has signed in to.
type Session struct {
	User    store.User
	Token   string // shown once; only its hash is kept
	Expires time.Time
}

// DefaultQuota is what a new user may store where nothing else is configured.
const DefaultQuota = 10 << 30

func (s *Accounts) setup() {
	s.once.Do(func() {
		s.passwords = newPasswords()
		s.byAddress.Limit, s.byAddress.Now = s.Failures, s.Now
		s.byAccount.Limit, s.byAccount.Now = 60, s.Now
	})
}

func (s *Accounts) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Signup makes an account for whoever asks, unless sign-up is closed.
func (s *Accounts) Signup(ctx context.Context, name, password string) error {
	if s.Closed {
		return errorf(SignupFailed, "sign-up is closed; ask your administrator for an account")
	}
	_, err := s.AddUser(ctx, name, password, store.RoleUser, 0)
	return err
}

// Signin gives a token to a user who knows the password. device is shown to the user later.
//
// What failed is not told: an unknown user costs and answers the same as a wrong password. Failures are limited by
// address and by account and address together; by account alone they only make the answer later, so that nobody can
// lock another out.
func (s *Accounts) Signin(ctx context.Context, name, password string, from netip.Addr, device string) (Session, error) {
	s.setup()
	name = norm.NFC.String(name)
	if len(name) > maxUserBytes || len(password) > maxTypedPassword {
		name, password = "", "" // no such user; not worth more memory
	}
	done, err := s.byAddress.Begin(AddressKey(from), AccountKey(name, from))
	if err != nil {
		return Session{}, err
	}
	u, form, err := s.checkPassword(ctx, name, password)
	done(KindOf(err) == SigninFailed)
	if err != nil {
		return Session{}, err
	}
	if u.Status != store.UserActive {
		return Session{}, errorf(SigninFailed, "this account is disabled")
	}
	if form == asTyped {
		u = s.rehash(ctx, u, password)
	}
	return s.newSession(ctx, u, device)
}

// checkPassword returns the user with this name and password, and the form of the password that matched.
func (s *Accounts) checkPassword(ctx context.Context, name, password string) (store.User, passwordForm, error) {
	if err := s.slow(ctx, name); err != nil {
		return store.User{}, 0, err
	}
	u, err := s.Users.UserByName(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, 0, explain(fmt.Errorf("sign in: %w", err))
	}
	form, err := s.passwords.check(ctx, u.PasswordHash, password)
	if err != nil {
		return store.User{}, 0, fmt.Errorf("sign in %q: %w", name, err)
	}
	if form == noForm {
		s.byAccount.Fail(name)
		if s.Metrics != nil {
			s.Metrics.SigninFailures.Inc()
		}
		return store.User{}, 0, errorf(SigninFailed, "wrong user name or password")
	}
	return u, form, nil
}

// rehash replaces a hash of the password as typed, from before passwords were normalized, by one of the normalized
// password, so that the user can sign in from a device that composes characters in another way. It returns the user
// with the hash that is stored afterwards. A failure leaves the old hash, which the next sign-in tries to replace.
func (s *Accounts) rehash(ctx context.Context, u store.User, password string) store.User {
	hash, err := s.passwords.hash(ctx, password)
	if err == nil {
		err = s.Users.UpdateUser(ctx, u.ID, store.UserChange{KnownHash: &u.PasswordHash, PasswordHash: &hash, KeepTokens: true})
	}
	switch {
	case err == nil:
		u.PasswordHash = hash
	case errors.Is(err, store.ErrConflict):
		// Another sign-in may have replaced the hash at the same moment. If the password was changed instead, the
		// check fails, and so does the token that is bound to the old hash.
		if now, err := s.Users.User(ctx, u.ID); err == nil {
			if form, err := s.passwords.check(ctx, now.PasswordHash, password); err == nil && form != noForm {
				u.PasswordHash = now.PasswordHash
			}
		}
	case s.Log != nil:
		s.Log.WarnContext(ctx, "could not replace the hash of a password that is not normalized", "user", u.Name, "err", err)
	}
	return u
}

// The slowing of an account: so many failures are free, each further one costs this much more, up to a bound.
const (
	slowFree = 10
	slowStep = 50 * time.Millisecond
	slowMax  = 2 * time.Second
)

// slow waits a little where an account, existing or not, saw many failures in the last minute, wherever they came from.
func (s *Accounts) slow(ctx context.Context, name string) error {
	over := s.byAccount.Failures(name) - slowFree
	if over <= 0 {
		return nil
	}
	timer := time.NewTimer(min(time.Duration(over)*slowStep, slowMax))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const (
	tokenBytes  = 20
	maxDevice   = 255 // bytes
	tokenScope  = "all"
	defaultLife = 30 * 24 * time.Hour
)

func (s *Accounts) newSession(ctx context.Context, u store.User, device string) (Session, error) {
	life := s.TokenLife
	if life <= 0 {
		life = defaultLife
	}
	random := make([]byte, tokenBytes)
	rand.Read(random) // never fails
	session := Session{User: u, Token: hex.EncodeToString(random), Expires: s.now().Add(life)}
	err := s.Tokens.AddToken(ctx, store.Token{
		Hash: sha256.Sum256([]byte(session.Token)), User: u.ID, Scope: tokenScope, Device: clip(device, maxDevice),
		Created: s.now(), Expires: session.Expires,
	}, u.PasswordHash)
	if errors.Is(err, store.ErrConflict) {
		return Session{}, errChanged()
	}
	if err != nil {
		return Session{}, explain(fmt.Errorf("sign in %q: %w", u.Name, err))
	}
	s.touch(ctx, u)
	return session, nil
}

// clip shortens s to valid UTF-8 of at most n bytes.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// Authenticate returns the user whose token it is. Unless username is empty it must be that user's name. All that is
// wrong with a token answers alike.
func (s *Accounts) Authenticate(ctx context.Context, token, username string) (store.User, error) {
	refused := errorf(Unauthenticated, "invalid or expired token; sign in again")
	hash, ok := hashToken(token)
	if !ok {
		return store.User{}, refused
	}
	_, u, err := s.Tokens.Token(ctx, hash, s.now())
	if errors.Is(err, store.ErrNotFound) {
		return store.User{}, refused
	}
	if err != nil {
		return store.User{}, explain(fmt.Errorf("authenticate: %w", err))
	}
	if u.Status != store.UserActive || username != "" && norm.NFC.String(username) != u.Name {
		return store.User{}, refused
	}
	s.touch(ctx, u)
	return u, nil
}

// Signout revokes a token. One that is not there is as good as revoked.
func (s *Accounts) Signout(ctx context.Context, token string) error {
	hash, ok := hashToken(token)
	if !ok {
		return nil
	}
	if err := s.Tokens.RevokeToken(ctx, hash); err != nil {
		return explain(fmt.Errorf("sign out: %w", err))
	}
	return nil
}

// touch notes that a user is active, now and then. That it could not be noted spoils nothing.
func (s *Accounts) touch(ctx context.Context, u store.User) {
	every := s.TouchEvery
	if every <= 0 {
		every = 5 * time.Minute
	}
	if s.now().Sub(u.LastActive) < every {
		return
	}
	if err := s.Tokens.Touch(ctx, u.ID, s.now()); err != nil && s.Log != nil {
		s.Log.WarnContext(ctx, "could not record the last activity", "user", u.Name, "err", err)
	}
}

// hashToken returns what is kept of a token. It is false for what can be none.
func hashToken(token string) (store.TokenHash, bool) {
	if len(token) != hex.EncodedLen(tokenBytes) || strings.Trim(token, "0123456789abcdef") != "" {
		return store.TokenHash{}, false
	}
	return sha256.Sum256([]byte(token)), true
}
