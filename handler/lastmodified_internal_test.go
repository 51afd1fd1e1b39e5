package handler

import (
	"net/http"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// Last-Modified is a date of HTTP that is not in the future, whatever time the client named, and conditions on it hold
// later, too.
func TestLastModifiedIsNotInTheFuture(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	uploaded := d.clock.now().UTC().Format(http.TimeFormat)
	ids := map[string]string{}
	for mtime, want := range map[string]string{
		"":                          uploaded,
		"9999-12-31T23:59:59.9Z":    uploaded,
		"2300-01-01T00:00:00Z":      uploaded,
		"2001-02-03T04:05:06+01:00": "Sat, 03 Feb 2001 03:05:06 GMT",
		"1601-01-01T00:00:00Z":      "Mon, 01 Jan 1601 00:00:00 GMT",
		"0001-01-02T00:00:00Z":      "Tue, 02 Jan 0001 00:00:00 GMT",
	} {
		parts := [][3]string{{"file", "a.txt", "content of " + mtime}}
		if mtime != "" {
			parts = append([][3]string{{"mtime", "", mtime}}, parts...)
		}
		var m []api.Meta
		d.sendForm("", parts, p.bearer()).want(t, 200, api.OK, &m)
		ids[m[0].ID] = want
	}
	d.clock.move(time.Hour)
	for id, want := range ids {
		a := d.get("/file/download", values("id", id), p.bearer())
		if got := a.header.Get("Last-Modified"); a.status != 200 || got != want {
			t.Errorf("%d, %q, want %q", a.status, got, want)
		}
		for name, status := range map[string]int{"If-Modified-Since": 304, "If-Unmodified-Since": 200} {
			if a := d.get("/file/download", values("id", id), p.bearer(), header(name, want)); a.status != status {
				t.Errorf("%s %q: %d, want %d", name, want, a.status, status)
			}
		}
	}
}
