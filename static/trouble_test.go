package static_test

import (
	"fmt"
	"slices"
	"testing"
)

// testListTriedAgain cuts the line under the first two askings for a list. Nobody has to do anything about that.
func testListTriedAgain(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "here.txt")
	b.waitListed("here.txt")
	half := fault{status: 200, body: `[{"ID":"a","FileName":"her`} // WebKitGTK shows this where the line is cut
	b.line.expect(map[string][]fault{"/file/query": {cut, half, says(503, 503, "null")}})
	b.reload()
	b.waitListed("here.txt")
	b.waitNoTrouble()
	if n := b.line.left(); n != 0 {
		t.Errorf("%d faults did not happen", n)
	}
}

// testNoList shows why there is no list, and what can be done about it.
func testNoList(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "here.txt")
	b.have("/box", "inside.txt")
	b.waitListed("here.txt")

	// A folder that never was.
	b.visit("#/files/nowhere")
	b.waitTrouble("files.gone")
	b.wait(fmt.Sprintf(`document.querySelector('#news').textContent === %q`, english(t, "files.gone")))
	b.wait(`!document.querySelector('[data-testid=toast]')`)
	b.shoot("no-folder")
	b.click(id("trouble-top"))
	b.waitListed("here.txt")
	b.waitNoTrouble()

	// One that may not be seen, until it may.
	b.line.expect(map[string][]fault{"/file/query": {says(403, 10103, "null")}})
	b.visit("#/files/box")
	b.waitTrouble("error.10103")
	b.wait(`document.querySelector('[data-testid=trouble-top]').hidden && document.querySelector('.loading').hidden`)
	b.click(id("trouble-again"))
	b.waitListed("inside.txt")
	b.waitNoTrouble()

	// While the drive cannot be reached it is asked again and again.
	b.line.expect(map[string][]fault{"/file/query": slices.Repeat([]fault{cut}, 1000)})
	b.visit("#/files")
	b.waitTrouble("error.offline")
	b.wait(`!document.querySelector('.loading').hidden`)
	b.shoot("no-drive")
	b.line.expect(nil)
	b.click(id("trouble-again"))
	b.waitListed("here.txt")

	// A folder that was deleted while it was shown.
	b.visit("#/files/box")
	b.waitListed("inside.txt")
	b.wait(`(async () => {
		const [box] = (await (await fetch('/file/query?path=/')).json()).filter((e) => e.FileName === 'box');
		return (await fetch('/file/delete', { method: 'POST', body: new URLSearchParams({ id: box.ID }) })).ok;
	})()`)
	b.rename("inside.txt", "other.txt")
	b.waitTrouble("files.gone")
	b.waitNotListed("inside.txt")
	b.click(id("trouble-top"))
	b.waitListed("here.txt")
}

// testNobodyKnows opens the page while the drive does not answer: that is no reason to ask for a password.
func testNobodyKnows(_ *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "here.txt")
	b.waitListed("here.txt")
	b.line.expect(map[string][]fault{"/user/info": slices.Repeat([]fault{cut}, 1000)})
	b.reload()
	b.waitTrouble("error.offline")
	b.wait(`!document.querySelector('[data-testid=auth-submit]')`)
	b.shoot("nobody-knows")
	b.line.expect(nil)
	b.click(id("trouble-again"))
	b.waitListed("here.txt")
	b.waitNoTrouble()
}

// testPartOfList keeps what there is of a list, and goes on from there.
func testPartOfList(_ *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/many", numbered(150)...)
	b.wait(`(() => {
		const real = window.fetch;
		window.heal = () => ((window.fetch = real), true);
		window.fetch = async (url, options) => options?.body?.get?.('cursor')
			? Response.json({ code: 10103, msg: 'no' }, { status: 403 }) : real(url, options);
		return true;
	})()`)
	b.visit("#/files/many")
	b.waitListed("file-0000.txt")
	b.waitTrouble("error.10103")
	b.wait(`document.querySelector('.trouble.part')`)
	b.shoot("part")
	b.wait(`window.heal()`)
	b.click(id("trouble-again"))
	b.wait(`document.querySelector('[role=grid]').getAttribute('aria-rowcount') === '151'`)
	b.waitNoTrouble()
}

// waitTrouble waits until the page says in place of a list why there is none; key is that text's.
func (b *tab) waitTrouble(key string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`!document.querySelector('[data-testid=trouble]').hidden && document.querySelector('[data-testid=trouble-why]').textContent === %q`,
		english(b.t, key)))
}

func (b *tab) waitNoTrouble() {
	b.t.Helper()
	b.wait(`document.querySelector('[data-testid=trouble]').hidden`)
}
