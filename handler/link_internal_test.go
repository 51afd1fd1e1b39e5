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
