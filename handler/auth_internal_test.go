package handler

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

// everyMethod calls test with each route that users may know of, and each of its methods.
func everyMethod(t *testing.T, d *drive, test func(t *testing.T, rt route, method string)) {
	t.Helper()
	for _, rt := range d.router().table() {
		if rt.access == nodes { // TestNodeBlobIsHidden
			continue
		}
		for _, method := range strings.Fields(rt.methods) {
			t.Run(method+rt.path, func(t *testing.T) { test(t, rt, method) })
		}
	}
}

func TestWrongMethodOnEveryPath(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	rt := d.router()
	for path, rows := range rt.routes {
		if rows[0].access == nodes {
			continue
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if slices.ContainsFunc(rows, func(r route) bool { return r.allows(method) }) {
				continue
			}
			a := d.send(method, path, nil, nil, p.bearer())
			if a.status != 405 || a.header.Get("Allow") != allowed(rows) || a.header.Get("Allow") == "" {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
			}
			if method != "HEAD" {
				a.want(t, 405, api.WrongMethod)
			}
		}
	}
}

// Nobody gets in without a token that is good now, in whatever way it is shown.
func TestEveryRouteAsksWhoYouAre(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	alice, bob, gone, disabled := d.join("alice"), d.join("bob"), d.join("gone"), d.join("disabled")
	if err := d.Accounts.Signout(t.Context(), gone.token); err != nil {
		t.Fatal(err)
	}
	off := store.UserDisabled
	if err := d.Accounts.SetStatus(t.Context(), disabled.name, off); err != nil {
		t.Fatal(err)
	}
	strangers := map[string]tweak{
		"anonymous":        func(*http.Request) {},
		"signed out":       gone.bearer(),
		"disabled":         disabled.bearer(),
		"disabled, cookie": disabled.cookie(),
		"random":           header("Authorization", "Bearer "+strings.Repeat("0", 40)),
		"not hex":          header("Authorization", "Bearer "+strings.Repeat("z", 40)),
		"upper case":       header("Authorization", "Bearer "+strings.ToUpper(alice.token)),
		"too short":        header("Authorization", "Bearer "+alice.token[:39]),
		"basic":            header("Authorization", "Basic "+alice.token),
		"bad cookie":       header("Cookie", api.CookieName+"=x"),
		"another's name":   parameters("username", bob.name, "token", alice.token),
		"no name":          parameters("token", alice.token),
		"bad bearer, good cookie": func(r *http.Request) {
			alice.cookie()(r)
			r.Header.Set("Authorization", "Bearer x")
		},
	}
	everyMethod(t, d, func(t *testing.T, rt route, method string) {
		for name, stranger := range strangers {
			a := d.send(method, rt.path, nil, nil, stranger)
			refused := a.status == 401 && strings.Contains(string(a.body), fmt.Sprintf(`"code":%d`, api.TokenInvalid))
			if refused != (rt.access != public) {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if rt.path == "/user/signout" || rt.access == public {
			return
		}
		for name, known := range map[string]tweak{"bearer": alice.bearer(), "cookie": alice.cookie(),
			"parameters": parameters("username", alice.name, "token", alice.token)} {
			if a := d.send(method, rt.path, nil, nil, known); a.status == 401 || a.status == 403 && rt.path != "/file/update" || a.status >= 500 {
				t.Errorf("%s of alice: %d %s", name, a.status, a.body)
			}
		}
	})
}

// parameters adds to the query.
func parameters(pairs ...string) tweak {
	return func(r *http.Request) {
		q := r.URL.Query()
		for name, vs := range values(pairs...) {
			q[name] = vs
		}
		r.URL.RawQuery = q.Encode()
	}
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.Accounts.TokenLife = time.Hour })
	p := d.join("alice")
	d.clock.move(59 * time.Minute)
	d.get("/user/info", nil, p.bearer()).want(t, 200, api.OK)
	d.clock.move(2 * time.Minute)
	everyMethod(t, d, func(t *testing.T, rt route, method string) {
		if rt.access != public {
			d.send(method, rt.path, nil, nil, p.bearer()).want(t, 401, api.TokenInvalid)
		}
	})
}

// A user who names another's things gets what one gets for things that are not there. A new route that takes a
// reference and answers anything else fails here; one that takes none goes into the exceptions.
func TestAnothersThingsAreNotFound(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	alice, mallory := d.join("alice"), d.join("mallory")
	file := d.put(alice, "", "secret.txt", "what nobody else may see")
	trashed := d.put(alice, "", "old.txt", "what alice threw away")
	d.post("/file/delete", values("id", string(trashed.ID)), alice.bearer()).want(t, 200, api.OK)
	var up api.Init
	d.post("/file/mpupload/init", values("filesize", "100", "filename", "a"), alice.bearer()).want(t, 200, api.OK, &up)

	// These speak of the caller's own things only, whatever is named.
	own := []string{"/user/signout", "/user/password", "/user/info", "/file/query", "/file/trash", "/file/search", "/file/mkdir", "/file/upload", "/file/fastupload"}
	refs := []url.Values{
		values("id", string(file.ID), "op", "0", "filename", "x", "path", "/", "filesize", "100"),
		values("filehash", file.Content.Sums.Digest.String(), "op", "1", "filename", "x", "path", "/", "filesize", "100"),
		values("id", string(trashed.ID), "op", "2", "filesize", "100"),
		values("uploadid", up.UploadID, "index", "1", "filehash", strings.Repeat("ab", 20), "op", "0", "filename", "x", "filesize", "100"),
	}
	everyMethod(t, d, func(t *testing.T, rt route, method string) {
		if rt.access == public || slices.Contains(own, rt.path) {
			return
		}
		upload := strings.HasPrefix(rt.path, "/file/mpupload/")
		for i, ref := range refs {
			if upload != (i == 3) {
				continue
			}
			if a := d.send(method, rt.path, ref, nil, mallory.bearer()); a.status != 404 {
				t.Errorf("%v: %d %s", ref, a.status, a.body)
			}
		}
	})
	d.get("/file/meta", values("id", string(file.ID)), alice.bearer())
	if a := d.get("/file/download", values("id", string(file.ID)), alice.bearer()); a.status != 200 {
		t.Errorf("alice's own file: %d %s", a.status, a.body)
	}
	d.get("/file/mpupload/status", values("uploadid", up.UploadID), alice.bearer()).want(t, 200, api.OK)
	for _, path := range []string{"/file/query", "/file/trash", "/file/search"} {
		if got := bare[[]api.QueryEntry](t, d.get(path, values("query", "e"), mallory.bearer())); len(got) != 0 {
			t.Errorf("%s shows mallory %v", path, got)
		}
	}
}

// What a page of another origin makes a browser do with the user's cookie is refused on every route that looks at it.
func TestCrossOriginCookieRequestIsRefused(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	foreign := map[string][]tweak{
		"cross-site fetch": {header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "cors")},
		"same-site fetch":  {header("Sec-Fetch-Site", "same-site"), header("Sec-Fetch-Mode", "no-cors")},
		"old browser":      {header("Origin", "http://evil.example")},
		"sandboxed frame":  {header("Origin", "null")},
	}
	everyMethod(t, d, func(t *testing.T, rt route, method string) {
		for name, tweaks := range foreign {
			a := d.send(method, rt.path, nil, nil, append(tweaks, p.cookie())...)
			if a.status != 403 && rt.access != public {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
	ours := [][]tweak{
		{p.cookie(), header("Sec-Fetch-Site", "same-origin")},
		{p.cookie(), header("Origin", d.url)},
		{p.cookie()},
		{p.bearer(), header("Sec-Fetch-Site", "cross-site"), header("Origin", "http://elsewhere.example")},
	}
	for i, tweaks := range ours {
		if a := d.post("/user/info", nil, tweaks...); a.status != 200 {
			t.Errorf("%d: %d %s", i, a.status, a.body)
		}
	}
	// Following a link from elsewhere is reading.
	a := d.get("/user/info", nil, p.cookie(), header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"))
	if a.status != 200 {
		t.Errorf("a link: %d", a.status)
	}
	if !strings.Contains(d.logs.String(), "other origins") {
		t.Error("the log says nothing of it")
	}
}

func TestSigninFromElsewhereSetsNoCookie(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.CORSOrigins = []string{"https://app.example"} })
	d.join("alice")
	form := values("username", "alice", "password", testPassword)
	d.post("/user/signin", form, header("Origin", "https://evil.example")).want(t, 403, api.Forbidden)
	sneaky := values("username", "alice", "password", testPassword, "token", "x")
	if a := d.post("/user/signin", sneaky, header("Origin", "https://evil.example")); a.header.Get("Set-Cookie") != "" {
		t.Error("a forged sign-in set a cookie")
	}
	a := d.post("/user/signin", form, header("Origin", "https://app.example"), header("Sec-Fetch-Site", "cross-site"))
	a.want(t, 200, api.OK)
	if a.header.Get("Set-Cookie") != "" || a.header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("a named origin: %v", a.header)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	origin, preflight := header("Origin", "https://app.example"), header("Access-Control-Request-Method", "POST")
	off := newDrive(t, nil)
	p := off.join("alice")
	for _, a := range []answer{off.send("OPTIONS", "/file/query", nil, nil, origin, preflight), off.get("/file/query", nil, origin, p.bearer())} {
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("CORS is not off: %v", a.header)
		}
	}
	on := newDrive(t, func(s *Server) { s.CORSOrigins = []string{"https://app.example"} })
	p = on.join("alice")
	a := on.send("OPTIONS", "/file/query", nil, nil, origin, preflight)
	if a.status != 204 || a.header.Get("Access-Control-Allow-Methods") != "GET, HEAD, POST" || a.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	a = on.get("/file/query", nil, origin, header("Sec-Fetch-Site", "cross-site"), p.bearer())
	if a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "https://app.example" || a.header.Get("Vary") == "" {
		t.Errorf("token request: %d %v", a.status, a.header)
	}
	if a = on.get("/file/query", nil, origin, header("Sec-Fetch-Site", "cross-site"), p.cookie()); a.status != 403 {
		t.Errorf("cookie request: %d", a.status)
	}
	other := header("Origin", "https://app.example.evil")
	if a = on.get("/file/query", nil, other, p.bearer()); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", a.header)
	}
	if a = on.send("OPTIONS", "/file/query", nil, nil, other, preflight); a.status != 405 {
		t.Errorf("another origin's preflight: %d", a.status)
	}
}
