package handler

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

func pngOf(t *testing.T, w, h int) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			img.Set(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: 7, A: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThumbnail(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p, q := d.join("alice"), d.join("bob")
	e := d.put(p, "", "holiday.jpg", pngOf(t, 600, 300)) // by its bytes, not its name
	id, hash := string(e.ID), e.Content.Sums.Digest.String()
	for query, want := range map[string]int{"": 256, "1": 128, "128": 128, "129": 256, "256": 256, "300": 512, "512": 512} {
		a := d.get("/file/thumbnail", values("id", id, "size", query), p.cookie())
		img, err := jpeg.Decode(bytes.NewReader(a.body))
		if err != nil || a.status != 200 || a.header.Get("Content-Type") != "image/jpeg" || img.Bounds().Dx() != want || img.Bounds().Dy() != want/2 {
			t.Errorf("size %q: %d, %v, %v", query, a.status, a.header, err)
		}
		tag := fmt.Sprintf(`"%s-%d-1"`, hash, want)
		if a.header.Get("Etag") != tag || a.header.Get("Cache-Control") != "private, max-age=31536000, immutable" ||
			a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("size %q: %v", query, a.header)
		}
		again := d.get("/file/thumbnail", values("id", id, "size", query), p.cookie(), header("If-None-Match", `"x", `+tag))
		if again.status != http.StatusNotModified || len(again.body) != 0 || again.header.Get("Etag") != tag {
			t.Errorf("known: %d %v", again.status, again.header)
		}
	}
	if a := d.send("HEAD", "/file/thumbnail", values("filehash", hash), nil, p.bearer()); a.status != 200 || a.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	folder := d.folder(p, "/f")
	put := func(name, content string) string { return string(d.put(p, "", name, content).ID) }
	marked := d.put(p, "", "marked.png", pngOf(t, 5, 5))
	if err := d.db.MarkContent(t.Context(), marked.Content.Sums.Digest, marked.Content.Location, store.ContentDamaged, d.clock.now()); err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		id, size string
		as       person
		status   int
		code     api.Code
	}{
		"text":        {put("a.png", "not a picture at all"), "", p, 415, api.NoThumbnail},
		"SVG":         {put("a.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "", p, 415, api.NoThumbnail},
		"empty":       {put("empty.png", ""), "", p, 415, api.NoThumbnail},
		"broken":      {put("b.png", pngOf(t, 50, 50)[:120]), "", p, 422, api.BadPicture},
		"damaged":     {string(marked.ID), "", p, 503, api.Damaged},
		"large":       {put("l.gif", "GIF89a\xff\xff\xff\xff\x00\x00\x00"), "", p, 413, api.TooLarge},
		"a folder":    {string(folder), "", p, 400, api.InvalidParam},
		"another's":   {id, "", q, 404, api.NotFound},
		"nobody's":    {string(store.NewEntryID()), "", p, 404, api.NotFound},
		"no id":       {"", "", p, 400, api.InvalidParam},
		"size 0":      {id, "0", p, 400, api.InvalidParam},
		"size 513":    {id, "513", p, 400, api.InvalidParam},
		"size minus":  {id, "-1", p, 400, api.InvalidParam},
		"size of huh": {id, "huh", p, 400, api.InvalidParam},
		"huge size":   {id, "99999999999999999999", p, 400, api.InvalidParam},
	} {
		a := d.get("/file/thumbnail", values("id", tt.id, "size", tt.size), tt.as.bearer())
		if env := a.want(t, tt.status, tt.code); strings.Contains(env.Msg, "png:") || a.header.Get("Etag") != "" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q, %v", what, env.Msg, a.header)
		}
	}
	d.get("/file/thumbnail", values("id", id)).want(t, 401, api.TokenInvalid)
}

// Many who ask at once wait for one another, and one who goes away does not keep the others.
func TestThumbnailsOfMany(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	ids := make([]string, 6)
	for i := range ids {
		ids[i] = string(d.put(p, "", fmt.Sprint(i, ".png"), pngOf(t, 140+i, 20)).ID)
	}
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			if n%5 == 0 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*time.Millisecond)
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "GET", d.url+"/file/thumbnail?id="+ids[n%6], nil)
				p.bearer()(req)
				if resp, err := http.DefaultClient.Do(req); err == nil {
					resp.Body.Close()
				}
				return
			}
			if a := d.get("/file/thumbnail", values("id", ids[n%6]), p.bearer()); a.status != 200 {
				t.Errorf("%d: %d %s", n, a.status, a.body)
			}
		})
	}
	wg.Wait()
}
