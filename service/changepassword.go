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
	if err := s.knows(ctx, u, current, from); err != nil {
		return Session{}, err
	}
	hash, err := s.passwords.hash(ctx, next)
	if err != nil {
		return Session{}, fmt.Errorf("change password: %w", err)
	}
	if err := s.Users.UpdateUser(ctx, u.ID, store.UserChange{PasswordHash: &hash}); err != nil {
		return Session{}, explain(fmt.Errorf("change password: %w", err))
	}
	u.PasswordHash = hash
	return s.newSession(ctx, u, device)
}

// knows checks the password of a user who is signed in.
func (s *Accounts) knows(ctx context.Context, u store.User, password string, from netip.Addr) error {
	if len(password) > maxPasswordBytes {
		password = "" // wrong, and not worth more memory
	}
	done, err := s.byAddress.Begin(AddressKey(from), AccountKey(u.Name, from))
	if err != nil {
		return err
	}
	_, err = s.checkPassword(ctx, u.Name, password)
	wrong := KindOf(err) == SigninFailed
	done(wrong)
	if wrong {
		return errorf(SigninFailed, "the current password is wrong")
	}
	return err
}
