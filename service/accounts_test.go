package service_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

const goodPassword = "correct horse"

func (d *depot) accounts() *service.Accounts {
	return &service.Accounts{Users: d.db, Tokens: d.db, Now: d.clock.Now, Log: quiet(), Metrics: service.NewMetrics(nil)}
}

var home = netip.MustParseAddr("192.0.2.1")

func TestTokenIsStoredAsAHashOnly(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	s, err := a.Signin(t.Context(), "bob", goodPassword, home, strings.Repeat("设备", 100))
	d.ok(err)
	if len(s.Token) != 40 || strings.Trim(s.Token, "0123456789abcdef") != "" || s.User.Name != "bob" {
		t.Errorf("session: %+v", s)
	}
	if !s.Expires.Equal(d.clock.Now().Add(30 * 24 * time.Hour)) {
		t.Errorf("expires: %v", s.Expires)
	}
	d.ok(d.db.Close())
	files, err := filepath.Glob(filepath.Join(d.root, "blinkdrive.db*"))
	d.ok(err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		d.ok(err)
		if bytes.Contains(content, []byte(s.Token)) || bytes.Contains(content, []byte(goodPassword)) {
			t.Errorf("a secret is in %s", name)
		}
	}
}

func TestManySessionsOfOneUser(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	signIn := func() string {
		s, err := a.Signin(t.Context(), "bob", goodPassword, home, "")
		d.ok(err)
		return s.Token
	}
	one, two := signIn(), signIn()
	good := func(token string) bool { _, err := a.Authenticate(t.Context(), token, "bob"); return err == nil }
	d.ok(a.Signout(t.Context(), one))
	d.ok(a.Signout(t.Context(), one))
	d.ok(a.Signout(t.Context(), "no token"))
	if good(one) || !good(two) {
		t.Error("signing out ended the wrong session")
	}
	d.ok(a.SetPassword(t.Context(), "bob", "battery staple"))
	if good(two) {
		t.Error("a token outlived its password")
	}
	_, err := a.Signin(t.Context(), "bob", goodPassword, home, "")
	wantKind(t, "old password", err, service.SigninFailed)
	_, err = a.Signin(t.Context(), "bob", "battery staple", home, "")
	d.ok(err)
}

func TestAdministration(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	u, err := a.AddUser(t.Context(), "root-1", goodPassword, store.RoleAdmin, 0)
	d.ok(err)
	if u.Quota != service.DefaultQuota || u.Role != store.RoleAdmin || u.ID == 0 {
		t.Errorf("added: %+v", u)
	}
	_, err = a.AddUser(t.Context(), "root-1", goodPassword, store.RoleUser, 0)
	wantKind(t, "taken", err, service.SignupFailed)
	d.ok(a.SetQuota(t.Context(), "root-1", 5))
	wantKind(t, "negative quota", a.SetQuota(t.Context(), "root-1", -1), service.Invalid)
	wantKind(t, "no such status", a.SetStatus(t.Context(), "root-1", 9), service.Invalid)
	wantKind(t, "nobody", a.SetQuota(t.Context(), "nobody", 1), service.NoSuchUser)
	wantKind(t, "weak", a.SetPassword(t.Context(), "root-1", "1234567"), service.SignupFailed)
	d.ok(a.SetStatus(t.Context(), "root-1", store.UserDisabled))
	_, err = a.Signin(t.Context(), "root-1", goodPassword, home, "")
	wantKind(t, "disabled", err, service.SigninFailed)
	d.ok(a.SetStatus(t.Context(), "root-1", store.UserActive))
	s, err := a.Signin(t.Context(), "root-1", goodPassword, home, "")
	d.ok(err)
	info, err := a.Users.User(t.Context(), s.User.ID)
	d.ok(err)
	if info.Quota != 5 || info.LastActive.IsZero() {
		t.Errorf("info: %+v", info)
	}
	users, err := a.List(t.Context(), "", 10)
	d.ok(err)
	if len(users) != 2 || users[0].Name != "alice" || users[1].Name != "root-1" {
		t.Errorf("users: %v", users)
	}
}

// An account under attack from everywhere answers later, and still lets its owner in.
func TestAttackedAccountIsOnlySlowed(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	for i := range 16 {
		from := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		_, err := a.Signin(t.Context(), "bob", "wrong", from, "")
		wantKind(t, "wrong", err, service.SigninFailed)
	}
	start := time.Now()
	_, err := a.Signin(t.Context(), "bob", goodPassword, home, "")
	d.ok(err)
	if took := time.Since(start); took < 200*time.Millisecond || took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = a.Signin(ctx, "bob", goodPassword, home, ""); err == nil {
		t.Error("who has gone signed in")
	}
}

// A failure of the machine is no failed sign-in, and nobody is limited for it.
func TestBrokenDatabaseIsNoFailedSignin(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	a.Failures = 2
	d.ok(d.db.Close())
	for range 5 {
		_, err := a.Signin(t.Context(), "alice", "wrong", home, "")
		if k := service.KindOf(err); err == nil || k == service.SigninFailed || k == service.TooMany {
			t.Fatalf("kind %d: %v", k, err)
		}
	}
	_, err := a.Authenticate(t.Context(), strings.Repeat("a", 40), "")
	if k := service.KindOf(err); err == nil || k == service.Unauthenticated {
		t.Errorf("a token is called bad because the database is gone: %v", err)
	}
}

// Who is unknown costs as much as who is known: the times of many tries overlap.
func TestUnknownUserCostsTheSame(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	a := d.accounts()
	a.Failures = 1000
	d.ok(a.Signup(t.Context(), "bob", goodPassword))
	fastest := map[string]time.Duration{"bob": time.Hour, "nobody": time.Hour}
	// The two take turns, so that a busy machine slows both; the rounds end when one of them has been quiet enough.
	for range 30 {
		for name, best := range fastest {
			d.clock.Advance(time.Hour) // earlier failures slow no try
			start := time.Now()
			_, err := a.Signin(t.Context(), name, "wrong", home, "")
			wantKind(t, name, err, service.SigninFailed)
			fastest[name] = min(best, time.Since(start))
		}
		if known, unknown := fastest["bob"], fastest["nobody"]; known <= 3*unknown && unknown <= 3*known {
			return
		}
	}
	t.Errorf("known and unknown: %v", fastest)
}
