package static_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// have puts small files into a folder of the drive, past the page, and lets the page look again: by going elsewhere and
// coming back, which costs a busy machine less than loading it anew.
func (b *tab) have(folder string, names ...string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`(async () => {
		const form = new FormData();
		for (const name of %s) form.append('file', new Blob(['the content of ' + name]), name);
		const answer = await fetch('/file/upload?path=' + encodeURIComponent(%q), { method: 'POST', body: form });
		const at = location.hash || '#/files';
		for (const hash of ['#/trash', at]) {
			const there = new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }));
			location.hash = hash;
			await there;
		}
		return answer.ok;
	})()`, jsList(names), folder))
}

func jsList(names []string) string {
	list, _ := json.Marshal(names) // strings always can be
	return string(list)
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("file-%04d.txt", i)
	}
	return names
}

// go to a place by its address.
func (b *tab) visit(hash string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("(location.hash = %q, true)", hash))
}

func (b *tab) waitSelected(text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=selected]').textContent === %q`, text))
}

func entry(name string) chromedp.CSS {
	return chromedp.CSS(fmt.Sprintf(`[data-testid=entry][data-name=%q] .pick`, name))
}

// testSelection selects by mouse and keyboard, and does things with many at once.
func testSelection(_ *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "a.txt", "b.txt", "c.txt", "d.txt", "e.txt")
	b.waitListed("e.txt")
	b.selectByMouse()
	b.selectByKeyboard()
	b.deleteAndUndo()
	b.deleteAndRestoreAll()
}

// testPress brings a file while the mouse is down on another's button: that one is what was clicked.
func testPress(t *testing.T, b *tab) {
	path, _ := randomFile(t, "a.bin", 1000)
	b.signUp(newName())
	b.have("/", "b.txt")
	b.waitListed("b.txt")
	at, err := evaluate[struct{ X, Y int }](b, `(() => {
		const { x, y, width, height } = document.querySelector('[data-name="b.txt"] [data-testid=entry-rename]').getBoundingClientRect();
		return { X: Math.floor(x + width / 2), Y: Math.floor(y + height / 2) };
	})()`)
	b.must(err)
	mouse := func(down bool) {
		t.Helper()
		b.limit("the mouse", func(ctx context.Context) error { return b.window.mouse(ctx, down, at.X, at.Y) })
	}
	mouse(true)
	b.choose(id("upload-input"), path)
	b.waitState("a.bin", "done")
	b.wait(`!document.querySelector('[data-testid=entry][data-name="a.bin"]')`)
	mouse(false)
	b.waitListed("a.bin")
	b.wait(`document.querySelector('[data-testid=rename-input]')?.value === 'b.txt'`)
}

// testShrinks takes entries off a list, and makes it smaller, while the mouse is down on it.
func testShrinks(_ *testing.T, b *tab) {
	b.signUp(newName())
	b.wait(`(async () => {
		const { Listing } = await import('/static/app/listing.js');
		const { Selection } = await import('/static/app/selection.js');
		const { ListView } = await import('/static/app/views/list.js');
		const load = async () => ({ cursor: '', entries: Array.from({ length: 8 }, (_, i) =>
			({ ID: 'e' + i, FileName: 'n' + i, Kind: 'file', FileSize: i, LastUpdated: '2026-01-02 03:04:05' })) });
		const listing = new Listing({ load });
		const selection = new Selection(() => listing.entries);
		const view = new ListView({ listing, selection, layout: 'list', heads: document.createElement('div'), empty: [], open() {}, menu() {},
			load: () => listing.more(), face: () => ({ offers: [] }) });
		document.querySelector('#place').replaceChildren(view.element);
		view.element.style.height = '600px';
		await listing.more();
		const settled = () => new Promise((resolve) => setTimeout(resolve, 300));
		await settled();
		view.scroller.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
		listing.remove(['e2', 'e3']);
		view.element.style.height = '500px';
		await settled();
		const during = view.body.children.length;
		window.dispatchEvent(new PointerEvent('pointerup'));
		await settled();
		const names = [...view.body.children].map((e) => e.dataset.name).join();
		view.close();
		return during === 8 && names === 'n0,n1,n4,n5,n6,n7';
	})()`)
}

// testLongList takes a deletion back in a list of more than one page.
func testLongList(_ *testing.T, b *tab) {
	const count = 1100
	b.signUp(newName())
	for names := range slices.Chunk(numbered(count), 100) {
		b.wait(fmt.Sprintf(`(async () => {
			const form = new FormData();
			for (const name of %s) form.append('file', new Blob(['one content']), name);
			return (await fetch('/file/upload?path=/', { method: 'POST', body: form })).ok;
		})()`, jsList(names)))
	}
	whole := func(n int) {
		b.wait(fmt.Sprintf(`document.querySelector('[role=grid]').getAttribute('aria-rowcount') === '%d'`, n+1))
	}
	b.reload()
	whole(count)
	b.click(in("entry", "file-0003.txt", "entry-delete"))
	b.waitNotListed("file-0003.txt")
	whole(count - 1)
	b.click(id("toast-action"))
	b.waitListed("file-0003.txt")
	whole(count)
}

func (b *tab) selectByMouse() {
	b.t.Helper()
	b.click(entry("b.txt"))
	b.waitSelected("1 selected")
	b.clickHow(entry("d.txt"), "{shiftKey: true}")
	b.waitSelected("3 selected")
	b.clickHow(entry("c.txt"), "{ctrlKey: true}")
	b.waitSelected("2 selected")
	b.key("Escape")
	b.wait(`document.querySelector('.bar.selection').hidden`)
}

func (b *tab) selectByKeyboard() {
	b.t.Helper()
	b.click(entry("a.txt"))
	b.wait(`(document.querySelector('[data-name="a.txt"]').focus(), true)`)
	b.key("ArrowDown")
	b.key("ArrowDown", "{shiftKey: true}")
	b.waitSelected("2 selected")
	b.wait(`document.activeElement.dataset.name === 'c.txt'`)
	b.key("a", "{ctrlKey: true}")
	b.waitSelected("5 selected")
	b.key("Escape")
	b.key("e") // letters search
	b.wait(`document.activeElement.dataset.name === 'e.txt'`)
	b.key("F2")
	b.fill(id("rename-input"), "z.txt")
	b.key("Enter")
	b.waitListed("z.txt")
	b.wait(`document.activeElement.dataset.name === 'z.txt'`)
}

func (b *tab) deleteAndUndo() {
	b.t.Helper()
	b.click(entry("b.txt"))
	b.wait(`(document.querySelector('[data-name="b.txt"]').focus(), true)`)
	b.key("Delete")
	b.waitNotListed("b.txt")
	b.wait(`document.activeElement.dataset.name === 'c.txt'`) // one goes on from there
	b.click(id("toast-action"))
	b.waitListed("b.txt")

	b.click(id("select-all"))
	b.waitSelected("5 selected")
	b.key("Delete")
	b.waitNotListed("a.txt")
	b.waitNotListed("z.txt")
	b.click(id("toast-action"))
	for _, name := range []string{"a.txt", "b.txt", "c.txt", "d.txt", "z.txt"} { // they come back one by one
		b.waitListed(name)
	}
}

func (b *tab) deleteAndRestoreAll() {
	b.t.Helper()
	b.click(id("select-all"))
	b.waitSelected("5 selected")
	b.click(id("selection-delete"))
	b.waitNotListed("z.txt")
	b.click(id("nav-trash"))
	b.waitListed("z.txt")
	b.click(in("entry", "z.txt", "entry-restore"))
	b.waitNotListed("z.txt")
	b.click(entry("a.txt"))
	b.clickHow(entry("b.txt"), "{ctrlKey: true}")
	b.click(id("selection-purge"))
	b.click(id("dialog-ok"))
	b.waitNotListed("a.txt")
	b.waitListed("c.txt")
}

// testMove moves by the dialog and by dragging, and takes a move back.
func testMove(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/deep/er", "there.txt")
	b.have("/", "one.txt", "two.txt", "there.txt")
	b.waitListed("two.txt")
	b.click(entry("one.txt"))
	b.click(id("selection-move"))
	b.click(`[data-testid=move-folder][data-name="deep"]`)
	b.click(`[data-testid=move-folder][data-name="er"]`)
	b.wait(`document.querySelector('.trail [aria-current]').textContent === 'er'`)
	b.click(id("move-here"))
	b.waitNotListed("one.txt")
	b.click(id("toast-action"))
	b.waitListed("one.txt")

	b.drag(`[data-name="one.txt"]`, `[data-name="deep"]`)
	b.waitNotListed("one.txt")
	b.visit("#/files/deep")
	b.waitListed("one.txt")
	b.drag(`[data-name="one.txt"]`, `[data-testid=crumbs] a[href="#/files"]`)
	b.waitNotListed("one.txt")

	b.visit("#/files")
	b.click(entry("there.txt"))
	b.click(id("selection-move"))
	b.click(`[data-testid=move-folder][data-name="deep"]`)
	b.click(`[data-testid=move-folder][data-name="er"]`)
	b.wait(`document.querySelector('.trail [aria-current]').textContent === 'er'`)
	b.click(id("move-here"))
	b.click(id("clash-rename"))
	b.waitNotListed("there.txt")
	b.visit("#/files/deep/er")
	b.waitListed("there.txt")
	b.waitListed("there (2).txt")
}

func (b *tab) drag(from, to string) {
	b.t.Helper()
	b.dragHow(from, to, "{}")
}

// dragHow plays what a mouse does, with one DataTransfer all along and the keys that are held.
func (b *tab) dragHow(from, to, how string) {
	b.t.Helper()
	b.do("drag "+from+" to "+to, fmt.Sprintf(`((from, to, how) => {
		const [source, target] = [document.querySelector(from), document.querySelector(to)];
		if (!source || !target) return 'there is no ' + (source ? to : from);
		const dataTransfer = new DataTransfer();
		const fire = (element, type) =>
			element.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer, ...how }));
		fire(source, 'dragstart');
		if (fire(target, 'dragover')) return 'it may not be dropped there';
		fire(target, 'drop');
		fire(source, 'dragend');
		return '';
	})(%q, %q, %s)`, from, to, how))
}

// testWindow scrolls through more entries than one would draw.
func testWindow(t *testing.T, b *tab) {
	const count = 250
	b.signUp(newName())
	b.have("/", numbered(count)...)
	b.waitListed("file-0000.txt")
	b.wait(`document.querySelectorAll('[data-testid=entry]').length < 100`)
	b.wait(`(document.querySelector('[data-testid=entries]').scrollTop = 1e9, !!document.querySelector('[data-name="file-0249.txt"]'))`)
	b.wait(`document.querySelectorAll('[data-testid=entry]').length < 100`)
	b.wait(`document.querySelector('[role=grid]').getAttribute('aria-rowcount') === '251'`)

	b.click(id("layout"))
	b.wait(`document.querySelector('.tile')`)
	b.waitListed("file-0249.txt") // one stays where one was
	b.wait(`document.querySelectorAll('[data-testid=entry]').length < 200`)
	b.reload()
	b.wait(`document.querySelector('.tile')`) // remembered
	b.click(id("layout"))
	b.wait(`document.querySelector('[data-testid=entry][role=row]')`)

	b.wait(`(document.querySelector('[data-testid=entry]').focus(), true)`)
	b.key("a", "{ctrlKey: true}")
	b.waitSelected(fmt.Sprintf("%d selected", count))
	b.key("Escape")
	b.key("End")
	b.wait(`document.activeElement.dataset.name === 'file-0249.txt'`)
}

// testHundredThousand draws a list of 100,000 entries from its end to its beginning; no drive is that full in a test.
func testHundredThousand(t *testing.T, b *tab) {
	b.signUp(newName())
	b.wait(`(async () => {
		const { Listing } = await import('/static/app/listing.js');
		const { Selection } = await import('/static/app/selection.js');
		const { ListView } = await import('/static/app/views/list.js');
		const load = async ({ cursor, limit }) => {
			const from = Number(cursor ?? 0);
			const entries = Array.from({ length: Math.min(limit, 100000 - from) }, (_, i) =>
				({ ID: 'e' + (from + i), FileName: 'n' + (from + i), Kind: 'file', FileSize: i, LastUpdated: '2026-01-02 03:04:05' }));
			return { entries, cursor: from + limit < 100000 ? String(from + limit) : '' };
		};
		const listing = new Listing({ load });
		const selection = new Selection(() => listing.entries);
		const heads = document.createElement('div');
		const view = new ListView({ listing, selection, layout: 'list', heads, empty: [], open() {}, menu() {},
			load: () => listing.more(), face: () => ({ offers: [] }) });
		document.querySelector('#place').replaceChildren(view.element);
		view.element.style.height = '600px';
		await listing.all();
		window.big = { listing, selection, view };
		return listing.entries.length === 100000;
	})()`)
	took, err := evaluate[float64](b, `(async () => {
		const { view } = window.big;
		let worst = 0;
		for (let i = 0; i < 100; i++) {
			const begun = performance.now();
			view.scroller.scrollTop = (i * 7919 % 100) / 100 * view.body.offsetHeight;
			view.window.draw();
			worst = Math.max(worst, performance.now() - begun);
			if (view.body.children.length > 60) return -view.body.children.length;
		}
		return worst;
	})()`)
	b.must(err)
	if took < 0 {
		t.Errorf("%v rows are in the document", -took)
	}
	t.Logf("the slowest of 100 jumps took %.1f ms", took)
	b.wait(`(window.big.selection.all(), window.big.selection.size === 100000)`)
	b.wait(`(window.big.view.close(), true)`)
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// testDetails shows what the drive knows of a file.
func testDetails(t *testing.T, b *tab) {
	const place = `document.querySelector('[data-testid=details-place]').textContent === %q`
	onDisk := fmt.Sprintf(place, english(t, "place.disk"))
	b.signUp(newName())
	b.have("/papers", "plan.txt")
	b.visit("#/files/papers")
	b.waitListed("plan.txt")
	b.click(in("entry", "plan.txt", "entry-more"))
	b.click(id("do-details"))
	// printf 'the content of plan.txt' | sha1sum
	b.wait(`document.querySelector('[data-testid=details] code').textContent === '` + sha1Of("the content of plan.txt") + `'`)
	b.wait(`document.querySelector('[data-testid=details]').querySelector('a[href]').hash.startsWith('#/files/papers?at=')`)
	b.wait(`document.querySelector('[data-testid=details-sha256] code').textContent === '` + sha256Of("the content of plan.txt") + `'`)
	b.wait(onDisk)
	b.click(id("dialog-close"))
	b.wait(`!document.querySelector('dialog')`)

	// While its bytes move, the details say so, and when they have arrived.
	b.wait(`(() => {
		const real = window.fetch;
		window.fetch = async (url, options) => {
			const answer = await real(url, options);
			if (url !== '/file/meta') return answer;
			window.fetch = real;
			return Response.json({ ...await answer.json(), Location: 'local', Moving: true });
		};
		return true;
	})()`)
	b.click(in("entry", "plan.txt", "entry-more"))
	b.click(id("do-details"))
	b.wait(fmt.Sprintf(place, english(t, "place.moving")))
	b.wait(onDisk)
	b.click(id("dialog-close"))
	b.wait(`!document.querySelector('dialog')`)
}

// testHistory goes back and forth, and opens links to a folder and to a file.
func testHistory(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/x/y z", "deep.txt")
	b.have("/", "top.txt")
	b.waitListed("x")
	b.clickHow(entry("x"), "{dblclick: true}")
	b.waitListed("y z")
	b.click(`[data-name="y z"] a.name`)
	b.waitListed("deep.txt")
	b.wait(`document.title.startsWith('y z')`)
	b.back()
	b.waitListed("y z")
	b.forward()
	b.waitListed("deep.txt")
	b.reload()
	b.waitListed("deep.txt")

	b.click(`[data-name="deep.txt"] a.name`)
	b.wait(`document.querySelector('[data-testid=preview-text]')?.textContent === 'the content of deep.txt'`)
	b.reload() // a link to a file
	b.wait(`document.querySelector('[data-testid=preview-text]')`)
	b.back()
	b.wait(`!document.querySelector('[data-testid=preview]')`)
	b.waitListed("deep.txt")
}
