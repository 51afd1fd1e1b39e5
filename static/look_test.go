package static_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// testLooks takes pictures for people to look at, checks that nothing is wider than the smallest phone, and lets axe
// look for what keeps people out.
func testLooks(t *testing.T, b *tab) {
	b.wait(`document.querySelector('[data-testid=auth-switch]')`)
	b.look("auth")
	b.signUp(newName())
	b.look("empty")
	b.makeFolder("Photos")
	b.have("/", "a.txt", "会议记录.docx", "talk.mp4", "song.mp3", "sums.xlsx", "paper.pdf", "all.zip", strings.Repeat("very long name ", 12)+".pdf")
	b.waitListed("会议记录.docx")
	b.line.hold(1)
	for _, name := range []string{"one.iso", "two.iso", strings.Repeat("long", 40) + ".iso"} {
		path, _ := randomFile(t, name, 12<<20)
		b.choose(id("upload-input"), path)
	}
	b.waitAcked(1)
	b.click(in("upload", "two.iso", "upload-pause"))
	b.waitState("two.iso", "paused")
	b.look("drive")
	b.setLanguage("zh")
	b.look("drive-zh")
	b.setLanguage("en")
	b.click(id("uploads-cancelAll"))
	b.wait(`!document.querySelector('[data-testid=upload]')`)
	b.line.release()
}

// testLooksInFront does the same for what is shown over the list.
func testLooksInFront(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/papers/2026", "x.txt")
	b.have("/", "a.txt", "b.txt", "c.txt")
	b.waitListed("c.txt")
	b.click(entry("a.txt"))
	b.clickHow(entry("b.txt"), "{ctrlKey: true}")
	b.look("selection")
	b.click(id("selection-move"))
	b.waitListedIn("move-folders", "papers")
	b.look("move")
	b.click(id("dialog-close"))
	b.wait(`!document.querySelector('dialog')`)
	b.click(in("entry", "c.txt", "entry-more"))
	b.look("menu")
	b.click(id("do-details"))
	b.wait(`document.querySelector('[data-testid=details]')`)
	b.look("details")
	b.click(id("dialog-close"))
	b.wait(`!document.querySelector('dialog')`)
	b.click(`[data-name="c.txt"] a.name`)
	b.wait(`document.querySelector('[data-testid=preview-text]')`)
	b.look("preview")
	b.click(id("preview-close"))
	b.wait(`!document.querySelector('dialog')`)
	b.click(id("selection-clear"))
	b.click(id("layout"))
	b.wait(`document.querySelector('.tile')`)
	b.look("tiles")
	b.fill(id("search"), "x")
	b.waitListed("x.txt")
	b.look("found")
	b.click(id("search-end"))
	b.waitListed("a.txt")
	b.click(id("account"))
	b.wait(`document.querySelector('[data-testid=theme]')`)
	b.look("account")
	b.wait(`document.querySelector('[data-testid=theme]').getBoundingClientRect().right <= innerWidth`)
	b.key("Escape")
	b.click(in("entry", "a.txt", "entry-more"))
	b.click(id("do-delete"))
	b.click(id("nav-trash"))
	b.waitListed("a.txt")
	b.look("trash")
}

func (b *tab) waitListedIn(list, name string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=%s] [data-name="%s"]')`, list, name))
}

// look takes pictures in both themes, wide and narrow, and has axe look at a light desk and a dark phone. Where the browser is
// not the first that is tested, these two are enough.
func (b *tab) look(name string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, width := range []int64{1280, 360} {
			enough := (scheme == "light") == (width == 1280) // the others have the colours of the one and the places of the other
			if _, first := b.window.(*chromiumWindow); !first && !enough {
				continue
			}
			b.resize(width)
			b.wait(`document.documentElement.scrollWidth <= innerWidth`)
			b.wait(`[...document.querySelectorAll('dialog[open]:not(.preview), :popover-open')].every((e) => e.offsetHeight < 0.9 * innerHeight)`)
			b.shoot(fmt.Sprintf("%s-%s-%d", name, scheme, width))
			if enough {
				b.wantAccessible(fmt.Sprintf("%s, %s, %d wide", name, scheme, width))
			}
		}
	}
	b.scheme("light")
	b.resize(1280)
}

// scheme makes the page light or dark, where the browser allows by what the system wants.
func (b *tab) scheme(name string) {
	b.t.Helper()
	b.limit(name, func(ctx context.Context) error { return b.window.scheme(ctx, name) })
}

// wantAccessible has axe-core look at the page; what it calls serious or critical fails the test. The document is the same in
// all browsers, so that one is enough.
func (b *tab) wantAccessible(where string) {
	b.t.Helper()
	if _, ok := b.window.(*chromiumWindow); !ok {
		return
	}
	axe, err := os.ReadFile("testdata/axe-core/axe.min.js")
	b.must(err)
	if there, err := evaluate[bool](b, `Boolean(window.axe)`); err != nil || !there {
		_, err := evaluate[bool](b, fmt.Sprintf("(() => { %s; return true })()", axe))
		b.must(err)
	}
	found, err := evaluate[string](b, `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
		.filter(({ impact }) => impact === 'serious' || impact === 'critical')
		.map(({ id, help, nodes }) => id + ': ' + help + '\n' + nodes.slice(0, 3).map((n) => '\t' + n.html.slice(0, 200) + '\n\t' + n.any.concat(n.all).map((c) => c.message).join('; ').slice(0, 300)).join('\n'))
		.join('\n'))`)
	b.must(err)
	if found != "" {
		b.t.Errorf("%s: %s", where, found)
	}
}

// testTheme chooses a theme against the system's.
func testTheme(t *testing.T, b *tab) {
	background := func(want string) {
		t.Helper()
		b.wait(fmt.Sprintf(`getComputedStyle(document.body).backgroundColor === %q`, want))
	}
	const light, dark = "rgb(244, 246, 251)", "rgb(14, 18, 25)"
	b.scheme("light")
	background(light)
	b.scheme("dark")
	background(dark)
	b.fill(id("theme"), "light")
	background(light)
	b.reload()
	background(light)
	b.fill(id("theme"), "system")
	background(dark)
}
