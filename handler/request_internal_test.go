package handler

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func TestParams(t *testing.T) {
	t.Parallel()
	const urlencoded = "application/x-www-form-urlencoded"
	multi := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nbytes\r\n--b--\r\n"
	for name, tt := range map[string]struct {
		method, query, kind, body string
		use                       bodyUse
		want                      params
		kindOf                    service.Kind
	}{
		"query":            {"GET", "a=1&b=%E7%A7%92&c=", "", "", form, params{"a": "1", "b": "秒", "c": ""}, 0},
		"form":             {"POST", "", urlencoded, "a=1&b=x+y", form, params{"a": "1", "b": "x y"}, 0},
		"both":             {"POST", "a=1", urlencoded + "; charset=utf-8", "b=2", form, params{"a": "1", "b": "2"}, 0},
		"same twice":       {"POST", "a=1", urlencoded, "a=1", form, params{"a": "1"}, 0},
		"two values":       {"POST", "a=1", urlencoded, "a=2", form, nil, service.Invalid},
		"two in query":     {"GET", "a=1&a=2", "", "", form, nil, service.Invalid},
		"delete":           {"DELETE", "", urlencoded, "a=1", form, params{"a": "1"}, 0},
		"body of a get":    {"GET", "", urlencoded, "a=1", form, params{}, 0},
		"raw body":         {"POST", "a=1", urlencoded, "a=2", raw, params{"a": "1"}, 0},
		"other body":       {"POST", "a=1", "text/plain", "a=2", form, params{"a": "1"}, 0},
		"no type":          {"POST", "a=1", "", "a=2", form, params{"a": "1"}, 0},
		"bad escape":       {"GET", "a=%zz", "", "", form, nil, service.Invalid},
		"semicolon":        {"GET", "a=1;b=2", "", "", form, nil, service.Invalid},
		"bad form":         {"POST", "", urlencoded, "a=%", form, nil, service.Invalid},
		"not UTF-8":        {"GET", "a=%ff", "", "", form, nil, service.Invalid},
		"multipart":        {"POST", "", "multipart/form-data; boundary=b", multi, form, params{"a": "1"}, 0},
		"no boundary":      {"POST", "a=1", "multipart/form-data", multi, form, params{"a": "1"}, 0},
		"cut multipart":    {"POST", "", "multipart/form-data; boundary=b", multi[:70], form, nil, service.Invalid},
		"form too large":   {"POST", "", urlencoded, "a=" + strings.Repeat("x", maxForm), form, nil, service.TooLarge},
		"form just fits":   {"POST", "", urlencoded, "a=" + strings.Repeat("x", maxForm-2), form, params{"a": strings.Repeat("x", maxForm-2)}, 0},
		"large but unread": {"POST", "", "", strings.Repeat("x", 2*maxForm), form, params{}, 0},
	} {
		r := httptest.NewRequest(tt.method, "/x?"+tt.query, strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.kind)
		got, err := parseParams(r, tt.use)
		if err != nil {
			if tt.want != nil || service.KindOf(err) != tt.kindOf {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whatever comes in, a client's mistake is never taken for a fault of the machine.
func FuzzParams(f *testing.F) {
	hash := strings.Repeat("0a", 20)
	f.Add("a=1&b=%41", "application/x-www-form-urlencoded", "c=2")
	f.Add("", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n")
	f.Add("filehash="+hash+"&filesize=10&chunksize=300000&mtime=2026-01-02T03:04:05Z&filename=a&path=/b", "", "")
	f.Add("uploadid=n1-"+strings.Repeat("0a", 16)+"&index=1&chkhash="+hash+"&chunkhashes="+hash+","+hash, "", "")
	f.Add("limit=5&cursor=x&sort=name&path=/a/b&id="+string(store.NewEntryID()), "", "")
	f.Fuzz(func(t *testing.T, query, kind, body string) {
		r := httptest.NewRequest("POST", "/x", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		p, err := parseParams(r, form)
		errs := []error{err}
		if err == nil {
			errs = parseAll(p)
		}
		for _, err := range errs {
			if _, shown := errors.AsType[*service.Error](err); err != nil && !shown {
				t.Errorf("fault of the machine: %v", err)
			}
		}
	})
}

func parseAll(p params) []error {
	errs := make([]error, 9)
	_, errs[0] = p.ref("filehash", "filehhash")
	_, errs[1] = parseList(p)
	_, errs[2] = parseInit(p)
	_, errs[3] = parsePart(p)
	_, errs[4] = parseComplete(p)
	_, errs[5] = parseInstant(&call{Params: p})
	_, errs[6] = parseCopy(p)
	_, errs[7] = parseSearch(p)
	_, errs[8] = p.refs(maxZipped)
	return errs
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("a", 40)
	for name, tt := range map[string]struct {
		header, cookie string
		params         params
		want           credentials
		ok             bool
	}{
		"none":              {},
		"bearer":            {header: "Bearer " + token, want: credentials{token: token}, ok: true},
		"bearer, lower":     {header: "bearer " + token, cookie: "c", want: credentials{token: token}, ok: true},
		"basic":             {header: "Basic " + token, cookie: token},
		"parameters":        {cookie: "c", params: params{"token": token, "username": "u"}, want: credentials{token: token, username: "u"}, ok: true},
		"token alone":       {cookie: token, params: params{"token": token}},
		"cookie":            {cookie: token, params: params{"username": "u"}, want: credentials{token: token, cookie: true}, ok: true},
		"empty token param": {cookie: token, params: params{"token": ""}, want: credentials{token: token, cookie: true}, ok: true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if tt.header != "" {
			r.Header.Set("Authorization", tt.header)
		}
		if tt.cookie != "" {
			r.AddCookie(&http.Cookie{Name: api.CookieName, Value: tt.cookie})
		}
		got, err := findCredentials(r, tt.params)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tt := range []struct {
		peer string
		hops []string
		want string
	}{
		{"192.0.2.1:99", nil, "192.0.2.1"},
		{"192.0.2.1:99", []string{"1.2.3.4"}, "192.0.2.1"}, // anybody can claim to be somebody
		{"10.0.0.1:99", []string{"1.2.3.4"}, "1.2.3.4"},
		{"10.0.0.1:99", []string{"6.6.6.6, 1.2.3.4, 10.9.9.9"}, "1.2.3.4"},
		{"10.0.0.1:99", []string{"6.6.6.6", "1.2.3.4:555"}, "1.2.3.4"},
		{"[::ffff:10.0.0.1]:99", []string{"[2001:db8::1]:4"}, "2001:db8::1"},
		{"[fd00::1%eth0]:99", []string{"2001:db8::1"}, "2001:db8::1"},
		{"10.0.0.1:99", []string{"garbage"}, "10.0.0.1"},
		{"10.0.0.1:99", nil, "10.0.0.1"},
		{"10.0.0.1:99", []string{"10.0.0.2"}, "10.0.0.2"},
	} {
		s := &Server{TrustedProxies: proxies}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		r.Header["X-Forwarded-For"] = tt.hops
		if got := s.clientAddr(r); got.String() != tt.want {
			t.Errorf("%s behind %q: %v", tt.peer, tt.hops, got)
		}
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("10.0.0.1:1", "1.2.3.4, 10.0.0.1")
	f.Add("[::1]:1", "[2001:db8::1%x]:4,,garbage")
	f.Fuzz(func(t *testing.T, peer, hops string) {
		s := &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", hops)
		service.AddressKey(s.clientAddr(r))
	})
}

func TestEntryPoint(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{"a.example": "a.example:80", "a.example:8080": "a.example:8080",
		"[::1]": "[::1]:80", "[::1]:8080": "[::1]:8080"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if got := (&Server{}).entryPoint(r); got != want {
			t.Errorf("%s: %s", host, got)
		}
	}
}

func TestCodesAreComplete(t *testing.T) {
	t.Parallel()
	for kind := service.Internal; kind <= service.CutOff; kind++ {
		code, ok := codes[kind]
		if !ok || kind != service.Internal && code.Status() == 500 {
			t.Errorf("kind %d has code %d, status %d", kind, code, code.Status())
		}
	}
}
