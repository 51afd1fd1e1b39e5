package static_test

import (
	"fmt"
	"testing"
)

// testTrashDates says when a thing was deleted, how long it can be restored, and sorts by that.
func testTrashDates(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/box", "b.txt")
	b.have("/", "a.txt", "c.txt")
	b.waitListed("c.txt")
	for _, name := range []string{"c.txt", "box", "a.txt"} {
		b.click(in("entry", name, "entry-delete"))
		b.waitNotListed(name)
		b.wait(`fetch('/file/trash').then((r) => r.json()).then((trash) => trash[0].FileName === '` + name + `')`)
	}
	b.click(id("nav-trash"))
	b.wantOrder("a.txt,box,c.txt")
	b.wait(`document.querySelector('[aria-sort=descending]').textContent === 'Deleted'`)
	b.wait(fmt.Sprintf(`document.querySelector('[data-name="a.txt"] [data-testid=entry-where]').textContent === %q`,
		english(t, "trash.left", "left", "in 30 days")+" · My drive"))
	year := `String(new Date().getFullYear())`
	b.wait(`document.querySelector('[data-name="a.txt"] .time').textContent.includes(` + year + `)`)
	b.shoot("trash-dates")
	b.click(`.heads .time button`)
	b.wantOrder("c.txt,box,a.txt")
	b.reload()
	b.wantOrder("c.txt,box,a.txt")
}

// testTrashFolder opens a folder in the trash and restores a file from it, which comes back to where it was.
func testTrashFolder(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/box/inner", "b.txt", "c.txt")
	b.waitListed("box")
	b.click(in("entry", "box", "entry-delete"))
	b.waitNotListed("box")
	b.click(id("nav-trash"))
	b.waitListed("box")
	b.wait(`document.querySelector('[data-name="box"] .size').textContent !== '—'`)
	b.click(`[data-name="box"] a.name`)
	b.waitListed("inner")
	b.click(`[data-name="inner"] a.name`)
	b.wantOrder("b.txt,c.txt")
	b.wait(`document.querySelector('[data-name="b.txt"] [data-testid=entry-where]').textContent.endsWith('box/inner')`)
	b.reload()
	b.wantOrder("b.txt,c.txt")
	b.shoot("trash-folder")
	b.click(in("entry", "b.txt", "entry-restore"))
	b.wantOrder("c.txt")
	b.click(`[data-testid=crumbs] a[href="#/trash"]`)
	b.wantOrder("c.txt")
	b.wait(`location.hash === '#/trash'`)
	b.visit("#/files/box/inner")
	b.wantOrder("b.txt")
}
