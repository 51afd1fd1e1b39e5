package handler

import (
	"net/http"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

func TestChangePassword(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	other := person{name: p.name, token: d.signIn(p.name)}
	bob := d.join("bob")
	const next = "battery staple"
	d.post("/user/password", values("password", "wrong horse", "newpassword", next), p.cookie()).want(t, 401, api.SigninFailed)
	d.post("/user/password", values("newpassword", next), p.cookie()).want(t, 401, api.SigninFailed)
	d.post("/user/password", values("password", testPassword, "newpassword", "short"), p.cookie()).want(t, 400, api.InvalidParam)
	d.post("/user/password", values("password", testPassword), p.cookie()).want(t, 400, api.InvalidParam)
	d.get("/user/info", nil, other.bearer()).want(t, 200, api.OK)

	a := d.post("/user/password", values("password", testPassword, "newpassword", next), p.cookie())
	var s api.Signin
	a.want(t, 200, api.OK, &s)
	cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	if err != nil || cookie.Value != s.Token || s.Token == p.token || s.Username != p.name || !cookie.HttpOnly {
		t.Errorf("%+v, cookie %+v, %v", s, cookie, err)
	}
	for _, old := range []person{p, other} {
		d.get("/user/info", nil, old.bearer()).want(t, 401, api.TokenInvalid)
	}
	d.get("/user/info", nil, person{token: s.Token}.bearer()).want(t, 200, api.OK)
	d.get("/user/info", nil, bob.bearer()).want(t, 200, api.OK)
	d.post("/user/signin", values("username", p.name, "password", testPassword)).want(t, 401, api.SigninFailed)
	d.post("/user/signin", values("username", p.name, "password", next)).want(t, 200, api.OK)
}

// Another's page cannot change a password, whatever it knows, and gets no cookie with a token of its own.
func TestChangePasswordFromElsewhere(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://app.example"
	d := newDrive(t, func(s *Server) { s.CORSOrigins = []string{elsewhere} })
	p := d.join("alice")
	form := values("password", testPassword, "newpassword", "battery staple")
	d.post("/user/password", form, p.cookie(), header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "cross-site")).
		want(t, 403, api.Forbidden)
	a := d.post("/user/password", form, p.bearer(), header("Origin", elsewhere), header("Sec-Fetch-Site", "cross-site"))
	a.want(t, 200, api.OK)
	if a.header.Get("Set-Cookie") != "" {
		t.Error("a page of another origin got a cookie")
	}
}

// Our client goes on with its new token.
func TestClientChangesPassword(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	c, err := client.New(d.url, client.Options{Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if err := c.ChangePassword(t.Context(), "wrong horse", "battery staple"); !client.IsCode(err, api.SigninFailed) {
		t.Errorf("a wrong password: %v", err)
	}
	if err := c.ChangePassword(t.Context(), testPassword, "battery staple"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Info(t.Context()); err != nil || c.Token() == p.token {
		t.Errorf("after the change: %v", err)
	}
}
