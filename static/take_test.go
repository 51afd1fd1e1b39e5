package static_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
)

// testZip takes several files, and folders, as one zip whose size is said before, and gives a link to one.
func testZip(t *testing.T, b *tab) {
	const hostile = `<img src=x onerror=alert(1)>.html`
	b.signUp(newName())
	b.have("/box/inner", "deep.txt")
	b.have("/box", hostile)
	b.have("/", "one.txt")
	b.waitListed("one.txt")
	b.click(entry("one.txt"))
	b.wait(`document.querySelector('[data-testid=selected-size]').textContent === '22 B'`)
	b.clickHow(entry("box"), "{ctrlKey: true}")
	b.waitSelected("2 selected")
	b.click(id("selection-download"))
	b.wait(`/Blinkdrive.zip.*\d B/.test(document.querySelector('[data-testid=toast]')?.textContent)`)
	wantZip(t, b.savedFile("Blinkdrive.zip"), "box/", "box/"+hostile, "box/inner/", "box/inner/deep.txt", "one.txt")
	b.click(id("selection-clear"))
	b.click(in("entry", "box", "entry-download"))
	wantZip(t, b.savedFile("box.zip"), "box/", "box/"+hostile, "box/inner/", "box/inner/deep.txt")

	b.click(entry("box"))
	b.click(id("selection-link"))
	b.wait(`document.querySelector('[data-testid=link-until]').textContent.includes('minutes')`)
	url, err := evaluate[string](b, `document.querySelector('[data-testid=link-url]').value`)
	b.must(err)
	answer, err := http.Get(url)
	b.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	b.must(err)
	wantZip(t, body, "box/", "box/"+hostile, "box/inner/", "box/inner/deep.txt")
	b.click(id("dialog-close"))
	b.wait(`!document.querySelector('dialog')`)

	// More than an address can name goes by a form, and the page stays.
	b.have("/many", numbered(101)...)
	b.visit("#/files/many")
	b.waitListed("file-0000.txt")
	b.click(id("select-all"))
	b.waitSelected("101 selected")
	b.click(id("selection-download"))
	wantZip(t, b.savedFile("many.zip"), numbered(101)...)
	b.waitSelected("101 selected")
}

// testLargeZip is asked before it takes more than half a gigabyte at once.
func testLargeZip(_ *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/box", "one.txt")
	b.waitListed("box")
	b.wait(`(() => {
		const real = window.fetch;
		window.fetch = async (url, options) => options?.method === 'HEAD' && url.startsWith('/file/zip')
			? new Response(null, { headers: { 'Content-Length': String(600 << 20) } }) : real(url, options);
		return true;
	})()`)
	b.click(in("entry", "box", "entry-download"))
	b.wait(fmt.Sprintf(`document.querySelector('dialog').textContent.includes(%q)`, english(b.t, "zip.sure", "name", "box.zip", "size", "600 MB")))
	b.shoot("large-zip")
	b.limit("escape", b.window.escape)
	b.wait(`!document.querySelector('dialog')`)
	b.wait(`!document.querySelector('[data-testid=toast]')`)
	b.click(in("entry", "box", "entry-download"))
	b.click(id("dialog-ok"))
	b.wait(`document.querySelector('[data-testid=toast]').textContent.includes('box.zip')`)
	wantZip(b.t, b.savedFile("box.zip"), "box/", "box/one.txt")
}

// wantZip checks the names in a zip, and that all of it can be read.
func wantZip(t *testing.T, data []byte, want ...string) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range archive.File {
		got = append(got, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the zip has %q, want %q", got, want)
	}
}

// testThumbnails asks the drive for the pictures in sight and no others, a few at a time, and shows the icon where there
// is none.
func testThumbnails(t *testing.T, b *tab) {
	b.signUp(newName())
	b.wait(`(async () => {
		const form = new FormData();
		for (let i = 0; i < 120; i++) {
			const canvas = new OffscreenCanvas(8, 8);
			const drawing = canvas.getContext('2d');
			drawing.fillStyle = 'rgb(' + i + ', 99, 9)';
			drawing.fillRect(0, 0, 8, 8);
			form.append('file', await canvas.convertToBlob(), 'picture-' + String(i).padStart(3, '0') + '.png');
		}
		form.append('file', new Blob(['no picture']), '0-broken.png');
		return (await fetch('/file/upload', { method: 'POST', body: form })).ok;
	})()`)
	b.reload()
	b.waitListed("picture-000.png")
	const loaded = `[...document.querySelectorAll('img.thumbnail')].filter((i) => i.naturalWidth > 0).length`
	b.wait(loaded + ` >= 10`)
	b.wait(`document.querySelector('[data-name="0-broken.png"] svg.kind.image')`)
	const asked = `performance.getEntriesByType('resource').filter((r) => r.name.includes('/file/thumbnail')).length`
	b.wait(asked + ` < 60`)
	b.wait(`(document.querySelector('[data-testid=entries]').scrollTop = 1e9, document.querySelector('[data-name="picture-119.png"] img.thumbnail'))`)
	b.wait(`(() => {
		const [asked, worst] = [performance.getEntriesByType('resource').filter((r) => r.name.includes('/file/thumbnail')), []];
		for (const { startTime } of asked) worst.push(asked.filter((r) => r.startTime <= startTime && r.responseEnd > startTime).length);
		return asked.length < 100 && Math.max(...worst) <= 3;
	})()`)
}
