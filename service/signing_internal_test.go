package service

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

func TestLinkRoundTrip(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"alice", "a&sig=b", "张三", "x y+z%", "id=1&user=2"} {
		l := link{Entries: []store.EntryID{store.NewEntryID(), store.NewEntryID()}[:1+len(user)%2], User: user, Expires: time.Unix(1_900_000_000, 0)}
		got, err := parseLink(testSecret, l.sign(testSecret))
		if err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%q: got %+v, %v", user, got, err)
		}
	}
}

func TestLinkIsComparedAsText(t *testing.T) {
	t.Parallel()
	l := link{Entries: []store.EntryID{"abcdefghijklmnopqrstuvwxyz"}, User: "alice", Expires: time.Unix(1_900_000_000, 0)}
	good := l.sign(testSecret)
	bad := map[string]string{
		"nothing":             "",
		"no signature":        good[:strings.Index(good, sigParam)],
		"empty signature":     good[:strings.Index(good, sigParam)] + sigParam,
		"other user":          strings.Replace(good, "alice", "bobby", 1),
		"same, spelt another": strings.Replace(good, "alice", "%61lice", 1),
		"later":               strings.Replace(good, "1900000000", "1900000001", 1),
		"prefixed":            "user=bob&" + good,
		"appended":            good + "&user=bob",
		"signed twice":        good + good[strings.Index(good, sigParam):],
		"upper case":          strings.ToUpper(good),
		"other order":         "user=alice&id=abcdefghijklmnopqrstuvwxyz&expires=1900000000" + good[strings.Index(good, sigParam):],
		"other secret":        l.sign([]byte("another")),
	}
	for what, query := range bad {
		if _, err := parseLink(testSecret, query); KindOf(err) != Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	good := link{Entries: []store.EntryID{"abcdefghijklmnopqrstuvwxyz"}, User: "alice", Expires: time.Unix(1_900_000_000, 0)}.sign(testSecret)
	f.Add(good)
	f.Add("&sig=")
	f.Add("id=1&sig=" + signature(testSecret, "id=1"))
	f.Fuzz(func(t *testing.T, query string) {
		if l, err := parseLink(testSecret, query); err == nil && l.sign(testSecret) != query {
			t.Fatalf("accepted %q as %+v", query, l)
		}
	})
}
