package handler

import (
	"net/http"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func TestKnows(t *testing.T) {
	t.Parallel()
	const tag = `"abc-256-1"`
	for _, tt := range []struct {
		lines []string
		want  bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{tag}, true},
		{[]string{"W/" + tag}, true},
		{[]string{`"x", ` + tag}, true},
		{[]string{`"x",W/` + tag + ` , "y"`}, true},
		{[]string{` ,, "x" ,	` + tag + ","}, true},
		{[]string{`"x"`, tag}, true},
		{[]string{`"a,b", ` + tag}, true}, // a comma in a tag
		{[]string{`"x` + tag[1:]}, false},
		{[]string{`"` + "x" + tag + `"`}, false}, // a part of another
		{[]string{`"abc-256-1`}, false},          // not closed
		{[]string{`abc-256-1`}, false},           // not quoted
		{[]string{`w/` + tag}, false},            // no tag: the W is a capital
		{[]string{"W/W/" + tag}, false},          // neither
		{[]string{`x, ` + tag}, false},           // behind what is none
		{[]string{`"x" ` + tag}, false},          // no comma between
		{[]string{"\"a b\", " + tag}, false},     // a blank in what would be a tag
		{[]string{"\"\u00e9\", " + tag}, true},   // bytes above ASCII may be in one
		{[]string{"*"}, false},                   // that is knowsAny
		{[]string{`"abc-256-10"`}, false},        // longer
		{[]string{`"abc-256-1", "` + tag[1:], "*"}, true},
	} {
		r := &http.Request{Header: http.Header{"If-None-Match": tt.lines}}
		if got := knows(r, tag); got != tt.want {
			t.Errorf("%q: %t", tt.lines, got)
		}
	}
}

// A thumbnail that the browser has is not sent again; one that there cannot be is not said to be known.
func TestThumbnailKnown(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	e := d.put(p, "", "a.png", pngOf(t, 20, 20))
	tag := `"` + e.Content.Sums.Digest.String() + `-128-1"`
	for known, want := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304,
		`"x` + tag[1:]: 200, tag[:len(tag)-1]: 200, `"x` + tag + `"`: 200, "": 200,
	} {
		a := d.get("/file/thumbnail", values("id", string(e.ID), "size", "100"), p.bearer(), header("If-None-Match", known))
		if a.status != want || a.header.Get("Etag") != tag || want == 304 && len(a.body) != 0 {
			t.Errorf("%s: %d, %v", known, a.status, a.header)
		}
	}
	text := d.put(p, "", "b.png", "no picture")
	d.get("/file/thumbnail", values("id", string(text.ID)), p.bearer(), header("If-None-Match", "*")).want(t, 415, api.NoThumbnail)
}
