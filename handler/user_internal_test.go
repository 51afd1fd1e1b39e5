package handler

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

func TestSignupSigninInfoSignout(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	d.post("/user/signup", values("username", "李 雷", "password", testPassword)).want(t, 400, api.SignupFailed)
	d.post("/user/signup", values("username", "李雷雷", "password", testPassword)).want(t, 200, api.OK)
	a := d.send("POST", "/user/signin", values("username", "李雷雷"), values("password", testPassword))
	var s api.Signin
	a.want(t, 200, api.OK, &s)
	host := strings.TrimPrefix(d.url, "http://")
	if s.Username != "李雷雷" || len(s.Token) != 40 || s.UploadEntry != host || s.DownloadEntry != host {
		t.Errorf("sign-in: %+v", s)
	}
	cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	if err != nil || cookie.Value != s.Token || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.Path != "/" {
		t.Errorf("cookie: %+v, %v", cookie, err)
	}
	p := person{name: s.Username, token: s.Token}
	var info api.UserInfo
	d.get("/user/info", values("username", p.name, "token", p.token)).want(t, 200, api.OK, &info)
	if info.Username != p.name || info.Quota != 1<<30 || info.Used != 0 || info.SignupAt == "" || info.Status != 0 {
		t.Errorf("info: %+v", info)
	}
	out := d.post("/user/signout", nil, p.cookie())
	out.want(t, 200, api.OK)
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the cookie stays: %v", out.header)
	}
	d.get("/user/info", nil, p.bearer()).want(t, 401, api.TokenInvalid)
}

func TestSignupSaysWhyNot(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	d.join("taken")
	for name, form := range map[string]url.Values{
		"taken":           values("username", "taken", "password", testPassword),
		"short name":      values("username", "ab", "password", testPassword),
		"long name":       values("username", strings.Repeat("a", 65), "password", testPassword),
		"no name":         values("password", testPassword),
		"slash":           values("username", "a/b/c", "password", testPassword),
		"control":         values("username", "abc\n", "password", testPassword),
		"script":          values("username", "<script>", "password", testPassword),
		"bidi":            values("username", "abc\u202e", "password", testPassword),
		"short password":  values("username", "somebody", "password", "1234567"),
		"long password":   values("username", "somebody", "password", strings.Repeat("p", 129)),
		"without":         values("username", "somebody"),
		"taken after NFC": values("username", "take\u0301", "password", "x"),
	} {
		if env := d.post("/user/signup", form).want(t, 400, api.SignupFailed); env.Msg == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	for _, name := range []string{"abc", "a.b_c-d@e", strings.Repeat("é", 64), "עברית", "e\u0301e\u0301e\u0301"} {
		d.post("/user/signup", values("username", name, "password", "12345678")).want(t, 200, api.OK)
	}
	d.post("/user/signup", values("username", "ééé", "password", testPassword)).want(t, 400, api.SignupFailed)
	d.post("/user/signin", values("username", "ééé", "password", "12345678")).want(t, 200, api.OK)

	d.Accounts.Closed = true
	d.post("/user/signup", values("username", "latecomer", "password", testPassword)).want(t, 400, api.SignupFailed)
}

// Who asks cannot tell an unknown user from a wrong password, or from a name that can be nobody's.
func TestFailedSigninsAnswerAlike(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	d.join("alice")
	want := d.post("/user/signin", values("username", "alice", "password", "wrong horse")).want(t, 401, api.SigninFailed)
	for _, form := range []url.Values{
		values("username", "nobody", "password", testPassword), values("username", "", "password", ""), nil,
		values("username", strings.Repeat("x", 10000), "password", "y"), values("username", "alice", "password", strings.Repeat("y", 10000)),
		values("username", "alice\x00", "password", testPassword),
	} {
		if got := d.post("/user/signin", form).want(t, 401, api.SigninFailed); got.Msg != want.Msg {
			t.Errorf("%q differs from %q", got.Msg, want.Msg)
		}
	}
	if err := d.Accounts.SetStatus(t.Context(), "alice", store.UserDisabled); err != nil {
		t.Fatal(err)
	}
	d.post("/user/signin", values("username", "alice", "password", testPassword)).want(t, 401, api.SigninFailed)
	d.post("/user/signin", values("username", "alice", "password", "wrong")).want(t, 401, api.SigninFailed)
}

// behind makes a request come from an address.
func behind(addr string) tweak { return header("X-Forwarded-For", addr) }

func trustLoopback(s *Server) {
	s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	s.Accounts.Failures = 5
}

func TestFailedSigninsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	d := newDrive(t, trustLoopback)
	p := d.join("alice")
	wrong := values("username", "alice", "password", "wrong horse")
	right := values("username", "alice", "password", testPassword)
	for range 5 {
		d.post("/user/signin", wrong, behind("2001:db8::1")).want(t, 401, api.SigninFailed)
	}
	a := d.post("/user/signin", right, behind("2001:db8::ffff")) // the same /64
	a.want(t, 429, api.TooMany)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	// Nobody else is locked out, and what is signed in stays so.
	d.post("/user/signin", right, behind("2001:db8:0:1::1")).want(t, 200, api.OK)
	d.get("/user/info", nil, p.bearer(), behind("2001:db8::1")).want(t, 200, api.OK)
	d.clock.move(13 * time.Second)
	d.post("/user/signin", right, behind("2001:db8::1")).want(t, 200, api.OK)
	for range 20 { // success is not limited
		d.post("/user/signin", right, behind("192.0.2.7")).want(t, 200, api.OK)
	}
}

// A flood gets answers, not a place in an endless queue.
func TestSigninFlood(t *testing.T) {
	t.Parallel()
	d := newDrive(t, trustLoopback)
	d.join("alice")
	wrong := values("username", "alice", "password", "wrong horse")
	var mu sync.Mutex
	var wg sync.WaitGroup
	count := map[int]int{}
	for range 40 {
		wg.Go(func() {
			a := d.post("/user/signin", wrong, behind("192.0.2.1"))
			mu.Lock()
			defer mu.Unlock()
			count[a.status]++
		})
	}
	wg.Wait()
	if count[401] != 5 || count[401]+count[429]+count[503] != 40 {
		t.Errorf("answers: %v", count)
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	file := d.put(p, "", "a.txt", "content")
	d.send("POST", "/user/signin", values("username", "alice", "password", "hunter2hunter2"), nil)
	d.get("/user/info", values("username", p.name, "token", p.token))
	d.get("/user/info", values("username", "other", "token", p.token))
	d.get("/user/info", nil, p.cookie())
	link := d.get("/file/downloadurl", values("id", string(file.ID)), p.bearer())
	u, err := url.Parse(string(link.body))
	if err != nil || u.Query().Get("sig") == "" {
		t.Fatalf("link %s: %v", link.body, err)
	}
	if a := d.get(u.Path, u.Query()); a.status != 200 && a.status != 403 {
		t.Errorf("link: %d", a.status)
	}
	logs := d.logs.String()
	for _, secret := range []string{p.token, testPassword, "hunter2", u.Query().Get("sig")} {
		if strings.Contains(logs, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	if !strings.Contains(logs, "path=/user/info") || !strings.Contains(logs, "user=alice") {
		t.Errorf("log: %s", logs)
	}
}

// A log line cannot be forged by a path or a method.
func TestLogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	d.get("/x%0Alevel=ERROR%20msg=forged", nil)
	if strings.Contains(d.logs.String(), "\nlevel=ERROR") {
		t.Error("a forged line is in the log")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	breaks := func(b *atomic.Bool) func(context.Context) error {
		return func(context.Context) error {
			if b.Load() {
				return errors.New("password=secret at 10.0.0.1")
			}
			return nil
		}
	}
	var database, queue atomic.Bool
	d := newDrive(t, func(s *Server) {
		s.Checks = map[string]func(context.Context) error{"database": breaks(&database)}
		s.Watched = map[string]func(context.Context) error{"queue": breaks(&queue)}
	})
	d.get("/healthz", nil).want(t, 200, api.OK)
	d.get("/readyz", nil).want(t, 200, api.OK)
	queue.Store(true)
	var state map[string]string
	d.get("/readyz", nil).want(t, 200, api.OK, &state)
	if state["database"] != "ok" || state["queue"] != "failing" {
		t.Errorf("without its queue: %v", state)
	}
	database.Store(true)
	a := d.get("/readyz", nil)
	a.want(t, 503, api.Unavailable, &state)
	if state["database"] != "failing" || strings.Contains(string(a.body), "secret") {
		t.Errorf("state: %s", a.body)
	}
	d.get("/healthz", nil).want(t, 200, api.OK)
	d.get("/metrics", nil).want(t, 404, api.NotFound)
}

// Figures tell more than strangers may know.
func TestMetricsAreForThisMachine(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) {
		s.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	})
	if a := d.get("/metrics", nil); a.status != 200 {
		t.Errorf("from this machine: %d", a.status)
	}
	for _, h := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto"} {
		d.get("/metrics", nil, header(h, "for=10.0.0.1")).want(t, 404, api.NotFound)
	}
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "10.0.0.1:1": false, "": false} {
		if got := direct(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

func TestCookieIsSecureBehindHTTPS(t *testing.T) {
	t.Parallel()
	d := newDrive(t, trustLoopback)
	d.join("alice")
	a := d.post("/user/signin", values("username", "alice", "password", testPassword), header("X-Forwarded-Proto", "https"))
	if !strings.Contains(a.header.Get("Set-Cookie"), "; Secure") {
		t.Errorf("cookie: %v", a.header)
	}
}
