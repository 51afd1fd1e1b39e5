package static_test

import (
	"fmt"
	"testing"
)

// testSearch finds by name over the whole drive, page by page, and goes from what it found to its folder and back.
func testSearch(t *testing.T, b *tab) {
	const hostile = `<img src=x onerror=alert(1)>.html`
	b.signUp(newName())
	b.have("/many", numbered(130)...)
	b.have("/a/deep 深", "Needle.TXT", hostile)
	b.have("/", "a needle too.txt", "hay.txt")
	b.visit("#/files/many")
	b.waitListed("file-0000.txt")
	b.key("/")
	b.wait(`document.activeElement.dataset.testid === 'search'`)
	b.fill(id("search"), "NEEDLE")
	b.waitListed("Needle.TXT")
	b.waitListed("a needle too.txt")
	b.waitNotListed("hay.txt")
	b.wait(`document.querySelector('[data-name="Needle.TXT"] mark').textContent === 'Needle'`)
	b.wait(`document.title.startsWith('NEEDLE') && location.hash === '#/search?q=NEEDLE'`)
	b.shoot("search")

	b.click(`[data-name="Needle.TXT"] [data-testid=entry-where]`)
	b.waitSelected("1 selected")
	b.wait(`document.querySelector('[data-name="Needle.TXT"]').classList.contains('selected') && location.hash.startsWith('#/files/a/deep')`)
	b.wait(`document.querySelector('[data-testid=search]').value === ''`)
	b.back()
	b.waitListed("a needle too.txt")
	b.wait(`document.querySelector('[data-testid=search]').value === 'NEEDLE'`)
	b.reload() // a link to a search
	b.waitListed("a needle too.txt")

	b.fill(id("search"), "onerror")
	b.waitListed(hostile)
	b.wait(`!document.querySelector('img[src="x"]')`)
	b.click(in("entry", hostile, "entry-more"))
	b.click(id("do-details"))
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=details] h2')?.textContent === %q`, hostile))
	b.wait(`!document.querySelector('img[src="x"]')`)
	b.click(id("dialog-close"))
	b.wait(`!document.querySelector('dialog')`)
	b.fill(id("search"), "nowhere")
	b.wait(`document.querySelector('[data-testid=entries-message]').offsetParent`)
	b.back() // the words that were written are one step
	b.wait(`location.hash === '#/files/many'`)
	b.waitListed("file-0000.txt")
	b.fill(id("search"), "e") // in every name but one
	b.wait(fmt.Sprintf(`[...document.querySelectorAll('[role=grid]')].some((g) => g.getAttribute('aria-rowcount') === '%d')`, 130+4+1))
	b.wait(`document.querySelectorAll('[data-testid=entry]').length < 100`)
	b.click(id("search-scope"))
	b.wait(`document.querySelector('[role=grid]').getAttribute('aria-rowcount') === '131'`)
	b.waitNotListed("a needle too.txt")
	b.click(id("search-scope"))
	b.waitListed("a needle too.txt")
	b.click(id("search-end"))
	b.wait(`location.hash === '#/files/many'`)
	b.waitListed("file-0000.txt")
}
