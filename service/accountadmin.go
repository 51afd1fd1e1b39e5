package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/blinkdrive/blinkdrive/store"
)

// What names and passwords may be. Lengths are in characters, unless they are in bytes.
const (
	minUser, maxUser         = 3, 64
	minPassword, maxPassword = 8, 128 // code points after normalization
	maxUserBytes             = 255
	maxTypedPassword         = 3 * 4 * maxPassword // bytes; decomposed text has up to three times those of composed text
)

// AddUser makes an account with a role and a quota in bytes; 0 is the default quota.
func (s *Accounts) AddUser(ctx context.Context, name, password string, role store.Role, quota int64) (store.User, error) {
	s.setup()
	name = norm.NFC.String(name)
	if err := checkUserName(name); err != nil {
		return store.User{}, err
	}
	if err := checkNewPassword(password); err != nil {
		return store.User{}, err
	}
	if quota == 0 {
		quota = max(s.Quota, 0)
	}
	if quota == 0 {
		quota = DefaultQuota
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return store.User{}, fmt.Errorf("add user: %w", err)
	}
	u, err := s.Users.CreateUser(ctx, store.User{Name: name, PasswordHash: hash, Role: role, Status: store.UserActive,
		Quota: quota, SignupAt: s.now()})
	if errors.Is(err, store.ErrExists) {
		return store.User{}, &Error{Kind: SignupFailed, Msg: "this name is taken", Cause: err}
	}
	if err != nil {
		return store.User{}, explain(fmt.Errorf("add user: %w", err))
	}
	return u, nil
}

// SetPassword gives a user another password and signs them out everywhere.
func (s *Accounts) SetPassword(ctx context.Context, name, password string) error {
	s.setup()
	if err := checkNewPassword(password); err != nil {
		return err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return s.change(ctx, name, store.UserChange{PasswordHash: &hash})
}

// SetQuota says how many bytes a user may store. What is stored already stays.
func (s *Accounts) SetQuota(ctx context.Context, name string, quota int64) error {
	if quota < 0 {
		return errorf(Invalid, "quota must not be negative")
	}
	return s.change(ctx, name, store.UserChange{Quota: &quota})
}

// SetStatus lets a user in or shuts them out; what is theirs stays.
func (s *Accounts) SetStatus(ctx context.Context, name string, status store.UserStatus) error {
	if status != store.UserActive && status != store.UserDisabled {
		return errorf(Invalid, "status must be active or disabled")
	}
	return s.change(ctx, name, store.UserChange{Status: &status})
}

// List returns up to limit users whose names come after a name, in order.
func (s *Accounts) List(ctx context.Context, after string, limit int) ([]store.User, error) {
	users, err := s.Users.ListUsers(ctx, after, limit)
	if err != nil {
		return nil, explain(fmt.Errorf("list users: %w", err))
	}
	return users, nil
}

func (s *Accounts) change(ctx context.Context, name string, c store.UserChange) error {
	u, err := s.Users.UserByName(ctx, norm.NFC.String(name))
	if err == nil {
		err = s.Users.UpdateUser(ctx, u.ID, c)
	}
	if errors.Is(err, store.ErrNotFound) {
		return &Error{Kind: NoSuchUser, Msg: fmt.Sprintf("no user named %q", name), Cause: err}
	}
	if err != nil {
		return explain(fmt.Errorf("change user %q: %w", name, err))
	}
	return nil
}

// checkUserName says why a user cannot have this name, which is in NFC.
func checkUserName(name string) error {
	n := utf8.RuneCountInString(name)
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !inUserName(r) }):
		return errorf(SignupFailed, "a user name may contain only letters, digits and . _ - @")
	case n < minUser || n > maxUser || len(name) > maxUserBytes:
		return errorf(SignupFailed, "a user name must have %d to %d characters", minUser, maxUser)
	}
	return nil
}

func inUserName(r rune) bool {
	return strings.ContainsRune("._-@", r) || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// checkNewPassword says why a password is not taken. The length that counts is that of the normalized password (RFC
// 8265, 4.2.1), so that a password is accepted or refused on all devices alike. The input is bounded first: it comes
// from strangers, and normalization costs time.
func checkNewPassword(password string) error {
	n := maxPassword + 1
	if len(password) <= maxTypedPassword {
		n = utf8.RuneCountInString(normalizePassword(password))
	}
	if n < minPassword || n > maxPassword || !utf8.ValidString(password) {
		return errorf(SignupFailed, "a password must have %d to %d characters", minPassword, maxPassword)
	}
	return nil
}
