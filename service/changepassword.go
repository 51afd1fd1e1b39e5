package service

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/blinkdrive/blinkdrive/store"
)

// ChangePassword gives a user who knows the current password another one, signs them out everywhere and returns the one
// session that there is then. Whoever has stolen a token loses it with the others, and cannot guess the password faster
// by it: failures are limited and told as in Signin. Invalid: the new one cannot be a password.
//
// The change is durable before the session is made. An error after it leaves the new password, and nobody signed in.
func (s *Accounts) ChangePassword(ctx context.Context, u store.User, current, next string, from netip.Addr, device string) (Session, error) {
	s.setup()
	if err := checkNewPassword(next); err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			err = errorf(Invalid, "%s", e.Msg)
		}
		return Session{}, err
	}
	known, err := s.knows(ctx, u, current, from)
	if err != nil {
		return Session{}, err
	}
	hash, err := s.passwords.hash(ctx, next)
	if err != nil {
		return Session{}, fmt.Errorf("change password: %w", err)
	}
	err = s.Users.UpdateUser(ctx, u.ID, store.UserChange{KnownHash: &known, PasswordHash: &hash})
	if errors.Is(err, store.ErrConflict) {
		return Session{}, errChanged()
	}
	if err != nil {
		return Session{}, explain(fmt.Errorf("change password: %w", err))
	}
	u.PasswordHash = hash
	return s.newSession(ctx, u, device)
}

// errChanged is for those who showed a password that somebody changed while it was checked. Whoever did that wanted all others out.
func errChanged() error {
	return errorf(SigninFailed, "the password was changed; sign in with the new password")
}

// knows checks the password of a user who is signed in, and returns the hash that it matched.
func (s *Accounts) knows(ctx context.Context, u store.User, password string, from netip.Addr) (string, error) {
	if len(password) > maxTypedPassword {
		password = "" // wrong, and not worth more memory
	}
	done, err := s.byAddress.Begin(AddressKey(from), AccountKey(u.Name, from))
	if err != nil {
		return "", err
	}
	u, _, err = s.checkPassword(ctx, u.Name, password)
	wrong := KindOf(err) == SigninFailed
	done(wrong)
	if wrong {
		return "", errorf(SigninFailed, "the current password is wrong")
	}
	return u.PasswordHash, err
}
