package service_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func TestChangePassword(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	here, err := a.Signin(t.Context(), "bob", goodPassword, home, "here")
	d.ok(err)
	there, err := a.Signin(t.Context(), "bob", goodPassword, home, "there")
	d.ok(err)
	good := func(s service.Session) bool { _, err := a.Authenticate(t.Context(), s.Token, "bob"); return err == nil }
	for what, tt := range map[string]struct {
		current, next string
		want          service.Kind
	}{
		"a wrong one":                 {"wrong horse", "battery staple", service.SigninFailed},
		"none":                        {"", "battery staple", service.SigninFailed},
		"a long one":                  {strings.Repeat("x", 1<<20), "battery staple", service.SigninFailed},
		"too short":                   {goodPassword, "1234567", service.Invalid},
		"too long":                    {goodPassword, strings.Repeat("p", 129), service.Invalid},
		"no text":                     {goodPassword, "\xff\xfe\xfd\xfc\xff\xfe\xfd\xfc", service.Invalid},
		"too short after a wrong one": {"wrong horse", "1234567", service.Invalid},
	} {
		_, err := a.ChangePassword(t.Context(), here.User, tt.current, tt.next, home, "here")
		wantKind(t, what, err, tt.want)
	}
	if !good(here) || !good(there) {
		t.Fatal("a failure has ended a session")
	}
	now, err := a.ChangePassword(t.Context(), here.User, goodPassword, "battery staple", home, "here")
	d.ok(err)
	if good(here) || good(there) || !good(now) {
		t.Errorf("good are: the old session %t, the other one %t, the new one %t", good(here), good(there), good(now))
	}
	_, err = a.Signin(t.Context(), "bob", goodPassword, home, "")
	wantKind(t, "the old password", err, service.SigninFailed)
	_, err = a.Signin(t.Context(), "bob", "battery staple", home, "")
	d.ok(err)
}

// A stolen token is no way around the limit of failed sign-ins.
func TestChangePasswordIsLimited(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	a.Failures = 3
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	s, err := a.Signin(t.Context(), "bob", goodPassword, home, "")
	d.ok(err)
	for range 3 {
		_, err := a.ChangePassword(t.Context(), s.User, "wrong horse", "battery staple", home, "")
		wantKind(t, "a wrong one", err, service.SigninFailed)
	}
	_, err = a.ChangePassword(t.Context(), s.User, goodPassword, "battery staple", home, "")
	wantKind(t, "the right one, too late", err, service.TooMany)
	_, err = a.Signin(t.Context(), "bob", goodPassword, home, "")
	wantKind(t, "signing in counts with it", err, service.TooMany)
	elsewhere := netip.MustParseAddr("198.51.100.7")
	_, err = a.ChangePassword(t.Context(), s.User, goodPassword, "battery staple", elsewhere, "")
	d.ok(err)
}

func TestChangePasswordOfNobody(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	_, err := d.accounts().ChangePassword(t.Context(), store.User{ID: 4711, Name: "nobody"}, goodPassword, "battery staple", home, "")
	wantKind(t, "nobody", err, service.SigninFailed)
}

// overtaken are users whose password somebody changes while another checks the old one.
type overtaken struct {
	store.Users
	change func()
}

func (o overtaken) UserByName(ctx context.Context, name string) (store.User, error) {
	u, err := o.Users.UserByName(ctx, name)
	o.change()
	return u, err
}

// A changed password ends all sessions, also one that is being made.
func TestSigninOvertakenByAChange(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	owner := d.accounts()
	a.Users = overtaken{d.db, func() { d.ok(owner.SetPassword(t.Context(), "bob", "battery staple")) }}
	if s, err := a.Signin(t.Context(), "bob", goodPassword, home, ""); service.KindOf(err) != service.SigninFailed {
		t.Errorf("signed in by the old password: %+v, %v", s, err)
	}
	if _, err := owner.Signin(t.Context(), "bob", "battery staple", home, ""); err != nil {
		t.Errorf("signing in with the new one: %v", err)
	}
}

// Of two changes by the same old password one is told that it came too late, and changes nothing.
func TestChangePasswordOvertaken(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	s, err := a.Signin(t.Context(), "bob", goodPassword, home, "")
	d.ok(err)
	owner := d.accounts()
	var now service.Session
	a.Users = overtaken{d.db, func() {
		now, err = owner.ChangePassword(t.Context(), s.User, goodPassword, "battery staple", home, "")
		d.ok(err)
	}}
	if _, err := a.ChangePassword(t.Context(), s.User, goodPassword, "something else", home, ""); service.KindOf(err) != service.SigninFailed {
		t.Errorf("the second change: %v", err)
	}
	if _, err := owner.Authenticate(t.Context(), now.Token, ""); err != nil {
		t.Errorf("the session of the first: %v", err)
	}
	if _, err := owner.Signin(t.Context(), "bob", "battery staple", home, ""); err != nil {
		t.Errorf("the password of the first: %v", err)
	}
}
