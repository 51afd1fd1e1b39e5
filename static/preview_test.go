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

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
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
	b.signUp(newName())
	b.bring(files)
	b.previewWhatShows()
	b.previewWhatDoesNot()
	b.click(id("selection-clear"))
	b.click(id("layout"))
	b.wait(`document.querySelector('.tile img.thumbnail')?.naturalWidth === 64`)
	b.shoot("grid")
}

// bring uploads files by their contents, and waits until they are listed.
func (b *tab) bring(files map[string][]byte) {
	b.t.Helper()
	dir := b.t.TempDir()
	paths := make([]string, 0, len(files))
	for name, content := range files {
		path := filepath.Join(dir, name)
		b.must(os.WriteFile(path, content, 0o644))
		paths = append(paths, path)
	}
	b.choose(id("upload-input"), paths...)
	for name := range files {
		b.waitListed(name)
	}
	b.click(id("uploads-clear"))
}

func (b *tab) previewWhatShows() {
	b.t.Helper()
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
}

func (b *tab) previewWhatDoesNot() {
	b.t.Helper()
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
}

// testSwipe turns the pages with a finger: sideways and far enough, not up and down.
func testSwipe(t *testing.T, b *tab) {
	b.signUp(newName())
	b.bring(map[string][]byte{"1.png": testPNG(t), "2.txt": []byte("words"), "3.txt": []byte("more")})
	b.click(`[data-name="1.png"] a.name`)
	shows := func(name string) {
		t.Helper()
		b.wait(fmt.Sprintf(`document.querySelector('[data-testid=preview-title]').textContent === %q && !document.querySelector('[aria-busy=true]')`, name))
	}
	shows("1.png")
	b.swipe(-200, 10)
	shows("2.txt")
	b.swipe(-200, 0)
	shows("3.txt")
	b.swipe(-200, 0) // there is none behind
	b.swipe(-20, 0)  // hardly
	b.swipe(150, 200)
	b.swipe(200, 20)
	shows("2.txt")
	b.swipe(200, 0)
	shows("1.png")
	b.swipe(0, 200)
	shows("1.png")
}

// swipe moves a finger over the middle of the page.
func (b *tab) swipe(across, down float64) {
	b.t.Helper()
	const x, y, steps = 640, 400, 5
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		_, err := chromedp.Call(b.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points})
		b.must(err)
	}
	touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	for i := range steps {
		part := float64(i+1) / steps
		touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x + across*part, Y: y + down*part})
	}
	touch(input.DispatchTouchEventTypeTouchEnd)
}

// testLargePDF gives a PDF that is too large for the page to a tab of its own, which the drive lets show it.
func testLargePDF(t *testing.T, b *tab) {
	b.signUp(newName())
	b.bring(map[string][]byte{"book.pdf": testPDF()})
	b.wait(`(() => {
		const real = window.fetch;
		window.fetch = async (url, options) => {
			const answer = await real(url, options);
			if (url !== '/file/query') return answer;
			return Response.json((await answer.json()).map((e) => ({ ...e, FileSize: 101 << 20 })));
		};
		return true;
	})()`)
	b.visit("#/recent")
	b.wait(`document.querySelector('[data-name="book.pdf"] .size')?.textContent === '101 MB'`)
	b.click(`[data-name="book.pdf"] a.name`)
	b.wait(`document.querySelector('[data-testid=preview-tab]')?.target === '_blank' && document.querySelector('[data-testid=preview-tab]').rel === 'noopener'`)
	b.wait(`!document.querySelector('[data-testid=preview-pdf]') && document.querySelector('[data-testid=preview-none-download]')`)
	b.wait(`document.querySelector('[data-testid=preview-none]').textContent.includes('too large')`)
	b.shoot("large-pdf")
	b.wait(`fetch(document.querySelector('[data-testid=preview-tab]').href).then((r) =>
		r.ok && r.headers.get('Content-Type') === 'application/pdf' && r.headers.get('Content-Disposition').startsWith('inline'))`)
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
