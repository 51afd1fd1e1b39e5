package service_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// The same password as two keyboards send it.
const (
	composed   = "Passwört-grün-2024"
	decomposed = "Passwo\u0308rt-gru\u0308n-2024"
)

// hashAsTyped is the hash that versions before normalization stored.
func hashAsTyped(password string) string {
	salt := []byte("0123456789abcdef")
	key := argon2.IDKey([]byte(password), salt, 2, 19<<10, 1, 32)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=19456,t=2,p=1$%s$%s", enc.EncodeToString(salt), enc.EncodeToString(key))
}

// addOldUser adds a user whose password was stored as typed.
func (d *depot) addOldUser(name, password string) store.User {
	u, err := d.db.CreateUser(d.Context(), store.User{Name: name, PasswordHash: hashAsTyped(password), Quota: 1, SignupAt: d.clock.Now()})
	d.ok(err)
	return u
}

func TestPasswordIsTheSameOnAllDevices(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	d.ok(a.Signup(t.Context(), "bob", composed))
	d.ok(a.Signup(t.Context(), "carol", decomposed))
	for _, name := range []string{"bob", "carol"} {
		for _, password := range []string{composed, decomposed} {
			if _, err := a.Signin(t.Context(), name, password, home, ""); err != nil {
				t.Errorf("%s with %+q: %v", name, password, err)
			}
		}
	}
	s, err := a.Signin(t.Context(), "bob", composed, home, "")
	d.ok(err)
	_, err = a.ChangePassword(t.Context(), s.User, decomposed, "ne\u0301xt password", home, "")
	d.ok(err)
	_, err = a.Signin(t.Context(), "bob", "n\u00e9xt\u3000password", home, "")
	d.ok(err)
	d.ok(a.SetPassword(t.Context(), "carol", "ne\u0301xt password"))
	_, err = a.Signin(t.Context(), "carol", "n\u00e9xt password", home, "")
	d.ok(err)
}

// The length of a password is that of its normalized form, whichever form is typed.
func TestPasswordLengthIsOfTheNormalizedForm(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	const syllable = "\u1112\u1161\u11ab" // one syllable of Hangul, 9 bytes decomposed
	d.ok(a.Signup(t.Context(), "long", strings.Repeat(syllable, 128)))
	_, err := a.Signin(t.Context(), "long", strings.Repeat("한", 128), home, "")
	d.ok(err)
	_, err = a.Signin(t.Context(), "long", strings.Repeat(syllable, 128), home, "")
	d.ok(err)
	for _, password := range []string{strings.Repeat(syllable, 129), strings.Repeat("o\u0308", 7), strings.Repeat("ö", 7),
		strings.Repeat("o\u0308", 1<<20)} {
		wantKind(t, "length", a.Signup(t.Context(), "bob", password), service.SignupFailed)
	}
}

// A password that was stored as typed works as typed until the first sign-in, from then on in every form. Sessions
// live on.
func TestOldPasswordIsRehashed(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	old := d.addOldUser("bob", decomposed)
	_, err := a.Signin(t.Context(), "bob", composed, home, "")
	wantKind(t, "another form before the hash was replaced", err, service.SigninFailed)
	first, err := a.Signin(t.Context(), "bob", decomposed, home, "")
	d.ok(err)
	for _, password := range []string{composed, decomposed} {
		if _, err := a.Signin(t.Context(), "bob", password, home, ""); err != nil {
			t.Errorf("%+q: %v", password, err)
		}
	}
	if _, err := a.Authenticate(t.Context(), first.Token, "bob"); err != nil {
		t.Errorf("the session of the sign-in that replaced the hash: %v", err)
	}
	now, err := d.db.User(t.Context(), old.ID)
	d.ok(err)
	if now.PasswordHash == old.PasswordHash || now.PasswordHash != first.User.PasswordHash {
		t.Errorf("hash %q became %q, session has %q", old.PasswordHash, now.PasswordHash, first.User.PasswordHash)
	}
}

// The current password is accepted as it was stored also when it is changed, and a disabled user's hash stays.
func TestOldPasswordElsewhere(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	_, err := a.ChangePassword(t.Context(), d.addOldUser("bob", decomposed), decomposed, "battery staple", home, "")
	d.ok(err)
	_, err = a.Signin(t.Context(), "bob", "battery staple", home, "")
	d.ok(err)
	old := d.addOldUser("carol", decomposed)
	d.ok(a.SetStatus(t.Context(), "carol", store.UserDisabled))
	_, err = a.Signin(t.Context(), "carol", decomposed, home, "")
	wantKind(t, "disabled", err, service.SigninFailed)
	now, err := d.db.User(t.Context(), old.ID)
	d.ok(err)
	if now.PasswordHash != old.PasswordHash {
		t.Error("the hash of a disabled user was replaced")
	}
}

// A wrong password is one failure, however many forms it has.
func TestWrongPasswordInTwoFormsFailsOnce(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	a.Failures = 2
	d.ok(a.Signup(t.Context(), "bob", composed))
	_, err := a.Signin(t.Context(), "bob", "wro\u0308ng horse", home, "")
	wantKind(t, "wrong", err, service.SigninFailed)
	_, err = a.Signin(t.Context(), "bob", composed, home, "")
	d.ok(err)
}

// updating are users whose update is preceded by something else.
type updating struct {
	store.Users
	before func() error
}

func (u updating) UpdateUser(ctx context.Context, id store.UserID, c store.UserChange) error {
	if err := u.before(); err != nil {
		return err
	}
	return u.Users.UpdateUser(ctx, id, c)
}

// Two sign-ins that replace the hash at the same moment both succeed; a password changed at that moment lets nobody in
// with the old one; a database that cannot write keeps nobody out.
func TestRehashOvertaken(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	owner := d.accounts()
	for name, tt := range map[string]struct {
		before func() error
		want   service.Kind
	}{
		"bob": {func() error {
			_, err := owner.Signin(context.Background(), "bob", decomposed, home, "")
			return err
		}, 0},
		"carol": {func() error { return owner.SetPassword(context.Background(), "carol", "battery staple") }, service.SigninFailed},
		"dave":  {func() error { return errors.New("disk full") }, 0},
	} {
		old := d.addOldUser(name, decomposed)
		a := d.accounts()
		a.Users = updating{d.db, tt.before}
		s, err := a.Signin(t.Context(), name, decomposed, home, "")
		if tt.want != 0 {
			wantKind(t, name, err, tt.want)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := owner.Authenticate(t.Context(), s.Token, name); err != nil {
			t.Errorf("%s: session: %v", name, err)
		}
		now, err := d.db.User(t.Context(), old.ID)
		d.ok(err)
		if name == "dave" != (now.PasswordHash == old.PasswordHash) {
			t.Errorf("%s: hash %q became %q", name, old.PasswordHash, now.PasswordHash)
		}
	}
}
