package static_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// testPreview looks at a file of each kind, by mouse and keyboard.
func testPreview(t *testing.T, b *tab) {
	files := map[string][]byte{
		"1-picture.png":  testPNG(t),
		"2-drawing.svg":  []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script>alert(1)</script><circle r="4" cx="5" cy="5"/></svg>`),
		"3-page.html":    []byte("<script>alert(2)</script><h1>今天</h1>"),
		"4-tone.wav":     testWAV(60),
		"5-broken.mp4":   []byte("this is no video"),
		"6-paper.pdf":    testPDF(),
		"7-unknown.data": []byte("??"),
		"8-old.txt":      {0xc4, 0xe3, 0xba, 0xc3}, // 你好 in GBK
		"9-empty.txt":    {},
	}
	dir := t.TempDir()
	paths := make([]string, 0, len(files))
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	b.signUp(newName())
	b.choose(id("upload-input"), paths...)
	for name := range files {
		b.waitListed(name)
	}
	b.click(id("uploads-clear"))
	b.click(`[data-name="1-picture.png"] a.name`)
	b.wait(`document.querySelector('[data-testid=preview-image]')?.naturalWidth === 64`)
	b.shoot("preview-image")
	b.key("ArrowLeft") // there is none before
	b.key("ArrowRight")
	b.wait(`document.querySelector('[data-testid=preview-title]').textContent === '2-drawing.svg'`)
	b.wait(`document.querySelector('[data-testid=preview-image]')?.naturalWidth > 0`)
	b.key("ArrowRight")
	b.wait(`document.querySelector('[data-testid=preview-text]')?.textContent === '<script>alert(2)</script><h1>今天</h1>'`)
	b.shoot("preview-text")
	b.key("ArrowRight")
	b.wait(`document.querySelector('[data-testid=preview-audio]')?.duration > 59`)
	b.wait(`document.querySelector('[data-testid=preview-audio]').src.includes('inline=1')`)
	b.wait(`(document.querySelector('[data-testid=preview-audio]').currentTime = 50, true)`)
	b.wait(`!document.querySelector('[data-testid=preview-audio]').seeking && document.querySelector('[data-testid=preview-audio]').currentTime >= 50`)
	b.click(id("preview-next"))
	b.wait(`document.querySelector('[data-testid=preview-none-download]')?.download === '5-broken.mp4'`)
	b.shoot("preview-none")
	b.click(id("preview-next"))
	b.wait(`document.querySelector('iframe[data-testid=preview-pdf]')`)
	b.click(id("preview-next"))
	b.wait(`document.querySelector('[data-testid=preview-title]').textContent === '7-unknown.data'`)
	b.wait(`document.querySelector('[data-testid=preview-none]')`)
	b.click(id("preview-as-text"))
	b.wait(`document.querySelector('[data-testid=preview-text]')?.textContent === '??'`)
	b.click(id("preview-next"))
	b.wait(`document.querySelector('[data-testid=preview-text]')?.textContent === '你好'`)
	b.wait(`document.querySelector('[data-testid=preview-count]').textContent === '8 of 9'`)
	b.click(id("preview-next"))
	b.wait(`document.querySelector('[data-testid=preview-none]')?.textContent === 'This file is empty.'`)
	b.limit("escape", b.window.escape)
	b.wait(`!document.querySelector('[data-testid=preview]') && !location.hash.includes('show')`)
	b.click(id("selection-clear"))
	b.click(id("layout"))
	b.wait(`document.querySelector('.tile img.thumbnail')?.naturalWidth === 64`)
	b.shoot("grid")
}

func testPNG(t *testing.T) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for x := range 64 {
		for y := range 48 {
			picture.Set(x, y, color.NRGBA{uint8(x * 4), uint8(y * 5), 180, 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// testWAV makes a tone of so many seconds, 8,000 samples each.
func testWAV(seconds int) []byte {
	const rate = 8000
	var out bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&out, binary.LittleEndian, v) // to memory
		}
	}
	size := uint32(2 * rate * seconds)
	put([]byte("RIFF"), 36+size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), uint32(rate), uint32(2*rate), uint16(2), uint16(16))
	put([]byte("data"), size)
	for i := range rate * seconds {
		put(int16(8000 * math.Sin(float64(i)/rate*2*math.Pi*440)))
	}
	return out.Bytes()
}

// testPDF makes the smallest paper that viewers take.
func testPDF() []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, object := range []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>",
	} {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := out.Len()
	out.WriteString("xref\n0 4\n0000000000 65535 f \n")
	for _, offset := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", start)
	return out.Bytes()
}
