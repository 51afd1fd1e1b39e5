package service

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

var (
	oneLink = link{Entries: []store.EntryID{"abcdefghijklmnopqrstuvwxyz"}, User: "alice", Expires: time.Unix(1_900_000_000, 0)}
	twoLink = link{Entries: []store.EntryID{"abcdefghijklmnopqrstuvwxyz", "bcdefghijklmnopqrstuvwxyza"}, User: "j@x.org",
		Expires: time.Unix(1_900_000_000, 0)}
)

func TestLinkRoundTrip(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"alice", "a&sig=b", "张三", "x y+z%", "id=1&user=2", "a;b"} {
		l := link{Entries: []store.EntryID{store.NewEntryID(), store.NewEntryID()}[:1+len(user)%2], User: user, Expires: time.Unix(1_900_000_000, 0)}
		got, err := parseLink(testSecret, l.sign(testSecret))
		if err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%q: got %+v, %v", user, got, err)
		}
	}
}

// Links that earlier versions gave out stay valid, so the same link has the same query. The signature is computed by
// another implementation.
func TestLinkQueryIsStable(t *testing.T) {
	t.Parallel()
	const want = "id=abcdefghijklmnopqrstuvwxyz%2Cbcdefghijklmnopqrstuvwxyza&user=j%40x.org&expires=1900000000" +
		"&sig=e5b071bb69c102bc91c39862f7eedad4c9308e64b2b4e880546f967ee6ec7586"
	if got := twoLink.sign(testSecret); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A link survives what messengers, mail gateways and proxies do to its query.
func TestLinkSurvivesTransport(t *testing.T) {
	t.Parallel()
	one, two := oneLink.sign(testSecret), twoLink.sign(testSecret)
	id, rest, _ := strings.Cut(one, "&")
	spaced := link{Entries: oneLink.Entries, User: "a b", Expires: oneLink.Expires}
	for what, tt := range map[string]struct {
		query string
		want  link
	}{
		"appended":           {one + "&fbclid=IwAR2AqhUPNl-x_y&utm_source=chat", oneLink},
		"prepended":          {"utm_source=chat&" + one, oneLink},
		"in the middle":      {id + "&utm_source=chat&" + rest, oneLink},
		"added twice":        {one + "&fbclid=1&fbclid=2", oneLink},
		"malformed addition": {one + "&a=%zz&%zz=b&c;d=e&&=&flag", oneLink},
		"other case":         {one + "&ID=1&Sig=2", oneLink},
		"a comma":            {strings.Replace(two, "%2C", ",", 1), twoLink},
		"lower-case escapes": {strings.NewReplacer("%2C", "%2c", "%40", "@").Replace(two), twoLink},
		"needless escapes":   {strings.NewReplacer("alice", "%61lice", "expires", "%65xpires").Replace(one), oneLink},
		"a blank as %20":     {strings.Replace(spaced.sign(testSecret), "+", "%20", 1), spaced},
		"other order":        {rest + "&" + id, oneLink},
	} {
		if got, err := parseLink(testSecret, tt.query); err != nil || !reflect.DeepEqual(got, tt.want) || !IsLink(tt.query) {
			t.Errorf("%s: %s: got %+v, %v", what, tt.query, got, err)
		}
	}
}

func TestLinkIsRefused(t *testing.T) {
	t.Parallel()
	good := oneLink.sign(testSecret)
	text, sig, _ := strings.Cut(good, "&sig=")
	bad := map[string]string{
		"nothing":                 "",
		"no signature":            text,
		"empty signature":         text + "&sig=",
		"signature alone":         "sig=" + sig,
		"signature of nothing":    "sig=" + signature(testSecret, linkText("", "", "")),
		"other user":              strings.Replace(good, "alice", "bobby", 1),
		"later":                   strings.Replace(good, "1900000000", "1900000001", 1),
		"same time, other digits": strings.Replace(good, "1900000000", "01900000000", 1),
		"another user first":      "user=bob&" + good,
		"another user last":       good + "&user=bob",
		"the same user twice":     good + "&user=alice",
		"an encoded name":         good + "&%75ser=bob",
		"an empty id":             good + "&id=",
		"a name alone":            good + "&id",
		"signed twice":            good + "&sig=" + sig,
		"upper case":              strings.ToUpper(good),
		"upper-case signature":    text + "&sig=" + strings.ToUpper(sig),
		"malformed value":         strings.Replace(good, "alice", "alice%z", 1),
		"other secret":            oneLink.sign([]byte("another")),
		"shown":                   good + "&inline=1",
		"renamed":                 good + "&filename=x",
		"other file":              good + "&filehash=0123456789012345678901234567890123456789",
		"moved between values":    strings.Replace(good, "&user=alice", "%26user=alice", 1),
	}
	for what, query := range bad {
		if _, err := parseLink(testSecret, query); KindOf(err) != Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Of whatever is accepted, the values that count are those that were signed, each of them once.
func FuzzParseLink(f *testing.F) {
	good := twoLink.sign(testSecret)
	text, sig, _ := strings.Cut(good, "&sig=")
	for _, seed := range []string{good, "&sig=", "sig=" + sig + "&" + text + "&x=%zz;", good + "&user=bob", text + "&sig=" + sig + "&%69d=",
		"id=1&sig=" + signature(testSecret, "id=1")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		l, err := parseLink(testSecret, query)
		if err != nil {
			return
		}
		if l.sign(testSecret) != good || !IsLink(query) {
			t.Fatalf("accepted %q as %+v", query, l)
		}
		// What a usual parser makes of the rest does not matter, but it reads the same values.
		values, _ := url.ParseQuery(query)
		for name, want := range map[string]string{"id": strings.Join([]string{string(twoLink.Entries[0]), string(twoLink.Entries[1])}, ","),
			"user": twoLink.User, "expires": "1900000000", "sig": sig} {
			if got := values[name]; len(got) != 1 || got[0] != want {
				t.Fatalf("accepted %q with %s %q", query, name, got)
			}
		}
	})
}
