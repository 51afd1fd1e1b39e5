package static_test

import (
	"fmt"
	"testing"
)

// testSort sorts by the heads, in both directions, and keeps to that.
func testSort(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "b.txt", "a-long-name.txt", "cc.txt")
	b.wantOrder("a-long-name.txt,b.txt,cc.txt")
	b.click(`.heads .title button`)
	b.wantOrder("cc.txt,b.txt,a-long-name.txt")
	b.wait(`document.querySelector('[aria-sort=descending]').textContent === 'Name'`)
	b.click(`.heads .size button`)
	b.wantOrder("a-long-name.txt,cc.txt,b.txt")
	b.reload()
	b.wantOrder("a-long-name.txt,cc.txt,b.txt")
	b.wait(`document.querySelector('[aria-sort=descending]').textContent === 'Size'`)
	b.click(`.heads .size button`)
	b.wantOrder("b.txt,cc.txt,a-long-name.txt")
	b.wait(`document.querySelector('[aria-sort=ascending]').textContent === 'Size'`)
	b.makeFolder("z") // put into its place before the drive says so
	b.wantOrder("z,b.txt,cc.txt,a-long-name.txt")

	// A phone has no heads, but a menu.
	b.click(id("selection-clear"))
	b.resize(400)
	b.click(id("sort"))
	b.shoot("sort-menu")
	b.click(id("sort-name"))
	b.wantOrder("z,a-long-name.txt,b.txt,cc.txt")
	b.click(id("sort"))
	b.click(id("sort-desc"))
	b.wantOrder("z,cc.txt,b.txt,a-long-name.txt")
}

// testSortPages sorts more than a page of names the other way round: the last of all come first.
func testSortPages(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/many", numbered(250)...)
	b.visit("#/files/many")
	b.waitListed("file-0000.txt")
	b.click(`.heads .title button`)
	b.waitListed("file-0249.txt")
	b.wait(`document.querySelector('[role=grid]').getAttribute('aria-rowcount') === '251'`)
	b.wait(`document.querySelector('[data-testid=entry]').dataset.name === 'file-0249.txt'`)
	b.wait(`(document.querySelector('[data-testid=entries]').scrollTop = 1e9, document.querySelector('[data-name="file-0000.txt"]'))`)
	b.wait(`[...document.querySelectorAll('[data-testid=entry]')].at(-1).dataset.name === 'file-0000.txt'`)
}

// wantOrder waits until these are listed, in this order.
func (b *tab) wantOrder(names string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`[...document.querySelectorAll('[data-testid=entry]')].map((e) => e.dataset.name).join() === %q`, names))
}
