package handler

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/store"
)

func TestLinkForSoLong(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.Downloads.MaxLinkTTL = 48 * time.Hour })
	p := d.join("alice")
	e := d.put(p, "", "a.bin", story)
	f, err := d.Files.MakeFolder(t.Context(), p.user.ID, store.Path{"f"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		id       store.EntryID
		lifetime string
		want     time.Duration // 0: refused
	}{
		{e.ID, "", time.Hour},
		{e.ID, "60", time.Minute},
		{e.ID, "172800", 48 * time.Hour},
		{f.ID, "86400", 24 * time.Hour},
		{e.ID, "59", 0},
		{e.ID, "172801", 0},
		{e.ID, "0", 0},
		{e.ID, "-3600", 0},
		{e.ID, "9223372036854775807", 0},
		{e.ID, "-9223372036854775808", 0},
		{e.ID, "1h", 0},
		{e.ID, "3600.5", 0},
		{f.ID, "59", 0},
	} {
		a := d.get("/file/downloadurl", values("id", string(tt.id), "lifetime", tt.lifetime), p.bearer())
		if tt.want == 0 {
			a.want(t, 400, api.InvalidParam)
			if a.header.Get(api.HeaderExpiresAt) != "" {
				t.Errorf("%q: refused with an end", tt.lifetime)
			}
			continue
		}
		end := d.clock.now().Add(tt.want)
		if got := a.header.Get(api.HeaderExpiresAt); a.status != 200 || got != rfc3339(end) {
			t.Errorf("%q: %d, until %s, want %s", tt.lifetime, a.status, got, rfc3339(end))
		}
		if !strings.Contains(string(a.body), "&expires="+strconv.FormatInt(end.Unix(), 10)+"&") {
			t.Errorf("%q: %s", tt.lifetime, a.body)
		}
	}
}

// A link lives as long as it was made for, and no longer.
func TestLinkEnds(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	e := d.put(p, "", "a.bin", story)
	c, err := client.New(d.url, client.Options{Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	link, err := c.Link(t.Context(), client.ByID(string(e.ID)), 24*time.Hour)
	if want := d.clock.now().Add(24 * time.Hour).Truncate(time.Second); err != nil || !link.Expires.Equal(want) {
		t.Fatalf("%v, want %v: %v", link.Expires, want, err)
	}
	d.clock.move(23 * time.Hour)
	if a := send(t, "GET", link.URL, ""); a.status != 200 || string(a.body) != story {
		t.Errorf("an hour before its end: %d %s", a.status, a.body)
	}
	d.clock.move(time.Hour)
	send(t, "GET", link.URL, "").want(t, 403, api.Forbidden)
	if _, err := c.Link(t.Context(), client.ByID(string(e.ID)), time.Second); !client.IsCode(err, api.InvalidParam) {
		t.Errorf("for a second: %v", err)
	}
}

// Messengers and mail gateways add parameters to a link and write it in another encoding. Whatever the link is for, it
// still works, also with credentials that are not good.
func TestLinkSurvivesAddedParameters(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("j@x.org")
	folder := d.folder(p, "/docs")
	a, b := d.put(p, folder, "a", story), d.put(p, "", "b", "bbb")
	link := func(id string) string {
		t.Helper()
		got := d.get("/file/downloadurl", values("id", id), p.bearer())
		if got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return string(got.body)
	}
	file, zipped, both := link(string(a.ID)), link(string(folder)), link(string(a.ID)+","+string(b.ID))
	for _, added := range []string{"", "&fbclid=IwAR2Aqh", "&utm_source=chat&utm_medium=a%20b", "&fbclid=1&fbclid=2", "&50%off;x", "&x=\xff"} {
		if got := send(t, "GET", file+added, ""); got.status != 200 || string(got.body) != story {
			t.Errorf("file%s: %d %s", added, got.status, got.body)
		}
		if got := send(t, "HEAD", file+added, ""); got.status != 200 || got.header.Get("Content-Length") != strconv.Itoa(len(story)) {
			t.Errorf("HEAD file%s: %d", added, got.status)
		}
		if got := send(t, "GET", file+added, "", header("Range", "bytes=0-2")); got.status != 206 || string(got.body) != "012" {
			t.Errorf("range of file%s: %d %s", added, got.status, got.body)
		}
		if got := unzip(t, send(t, "GET", zipped+added, "")); got["docs/a"] != story {
			t.Errorf("folder%s: %v", added, got)
		}
		if got := unzip(t, send(t, "POST", both+added, "")); got["a"] != story || got["b"] != "bbb" {
			t.Errorf("zip%s: %v", added, got)
		}
	}
	for _, same := range []string{strings.Replace(both, "%2C", ",", 1), strings.Replace(both, "%40", "@", 1),
		strings.Replace(both, "j%40x", "%6a%40%78", 1)} {
		if got := unzip(t, send(t, "GET", same, "", header("Authorization", "Bearer x"))); got["b"] != "bbb" {
			t.Errorf("%s: %v", same, got)
		}
	}
	for _, added := range []string{"&id=" + string(b.ID), "&user=j%40x.org", "&expires=9999999999", "&sig=0", "&filehash=" + a.Content.Sums.Digest.String(),
		"&inline=1", "&filename=x", "&username=j%40x.org&token=" + p.token} {
		send(t, "GET", file+added, "").want(t, 403, api.Forbidden)
		send(t, "GET", both+added, "").want(t, 403, api.Forbidden)
	}
}
