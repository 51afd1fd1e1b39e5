package static_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	password  = "correct horse"
	chunkSize = 5 << 20
)

// TestPage drives the page in a real browser against the real server, as people would.
func TestPage(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	url := startDrive(t)
	for name, test := range map[string]func(*testing.T, *tab){
		"an upload survives a reload":         testReload,
		"the same file of another is instant": testInstant,
		"a hostile name is only a name":       testHostileName,
		"pause, resume, cancel":               testPause,
		"one content under two names":         testTwins,
		"the line is cut and comes back":      testCut,
		"the session ends in mid-upload":      testSessionEnds,
		"folders, names and the trash":        testTree,
		"two languages, both complete":        testLanguages,
		"how it looks":                        testLooks,
	} {
		t.Run(name, func(t *testing.T) { test(t, newTab(t, browser, url)) })
	}
}

func testReload(t *testing.T, b *tab) {
	path, content := randomFile(t, "holiday.mp4", 50<<20)
	const chunks = 50 << 20 / chunkSize
	b.signUp(newName())
	b.slow(8 << 20)
	b.choose(id("upload-input"), path)
	b.waitFor("some chunks, not all", func() bool { return b.ackedChunks() >= 3 })
	b.limit("reload", chromedp.Reload())
	if before := b.ackedChunks(); before >= chunks {
		t.Fatalf("all %d chunks were sent before the reload: there was no middle", before)
	}
	if b.leaving == 0 {
		t.Error("the page did not ask before it left work behind")
	}
	b.slow(0)
	b.waitState("holiday.mp4", "needsfile")
	b.shoot("unfinished")
	b.choose(id("upload-choose-input"), path)
	b.waitState("holiday.mp4", "done")
	b.waitListed("holiday.mp4")
	b.wantNothingAgain()
	if !bytes.Equal(b.download("holiday.mp4"), content) {
		t.Error("the download differs from what was uploaded")
	}
}

func testInstant(t *testing.T, b *tab) {
	path, content := randomFile(t, "talk.mov", 50<<20)
	b.signUp(newName())
	b.choose(id("upload-input"), path)
	b.waitState("talk.mov", "done")

	other := newTab(t, b.ctx, b.url)
	other.signUp(newName())
	other.slow(2 << 20) // the file would take 25 seconds
	other.choose(id("upload-input"), path)
	other.waitState("talk.mov", "instant")
	if sent := other.ackedChunks(); sent > 8 {
		t.Errorf("%d of 10 chunks were sent for a file that the drive knew", sent)
	}
	other.slow(0)
	other.waitListed("talk.mov")
	if !bytes.Equal(other.download("talk.mov"), content) {
		t.Error("the instant upload's download differs from the file")
	}
	other.limit("reload", chromedp.Reload())
	other.waitListed("talk.mov")
	other.wait(`document.querySelectorAll('[data-testid=upload]').length === 0`) // nothing unfinished is left behind
}

func testHostileName(t *testing.T, b *tab) {
	const name = `<img src=x onerror=alert(1)>.html`
	path := filepath.Join(t.TempDir(), name)
	content := []byte("<script>alert(2)</script>")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	b.signUp(newName())
	b.choose(id("upload-input"), path)
	b.waitListed(name)
	b.wait(`!document.querySelector('#app img[src="x"]')`)
	b.shoot("hostile")
	if !bytes.Equal(b.download(name), content) {
		t.Error("the download differs from what was uploaded")
	}
	b.click(in("entry", name, "entry-delete")) // its name is now in a toast too
	b.waitNotListed(name)
	b.click(id("nav-trash"))
	b.waitListed(name)
}

func testPause(t *testing.T, b *tab) {
	const name = "big.bin"
	path, content := randomFile(t, name, 30<<20)
	b.signUp(newName())
	b.slow(4 << 20)
	b.choose(id("upload-input"), path)
	b.waitFor("a chunk", func() bool { return b.ackedChunks() >= 1 })
	b.click(in("upload", name, "upload-pause"))
	b.waitState(name, "paused")
	b.slow(0)
	b.click(in("upload", name, "upload-resume"))
	b.waitState(name, "done")
	b.waitListed(name)
	if !bytes.Equal(b.download(name), content) {
		t.Error("the download differs from what was uploaded")
	}
	b.wantNothingAgain()

	other, _ := randomFile(t, "unwanted.bin", 30<<20)
	b.slow(1 << 20)
	b.choose(id("upload-input"), other)
	b.waitState("unwanted.bin", "uploading")
	b.click(in("upload", "unwanted.bin", "upload-cancel"))
	b.wait(`!document.querySelector('[data-testid=upload][data-name="unwanted.bin"]')`)
	b.slow(0)
	b.limit("reload", chromedp.Reload())
	b.waitListed(name)
	b.wait(`!document.querySelector('[data-testid=upload]')`)
}

// testTwins brings one content twice at once: the second waits for the first and then costs nothing.
func testTwins(t *testing.T, b *tab) {
	first, content := randomFile(t, "original.bin", 20<<20)
	second := filepath.Join(t.TempDir(), "copy.bin")
	if err := os.WriteFile(second, content, 0o644); err != nil {
		t.Fatal(err)
	}
	b.signUp(newName())
	b.slow(8 << 20)
	b.choose(id("upload-input"), first, second)
	b.waitListed("original.bin")
	b.waitListed("copy.bin")
	b.slow(0)
	for _, name := range []string{"original.bin", "copy.bin"} {
		if !bytes.Equal(b.download(name), content) {
			t.Errorf("%s: the download differs from what was uploaded", name)
		}
	}
	b.limit("reload", chromedp.Reload())
	b.waitListed("copy.bin")
	b.wait(`!document.querySelector('[data-testid=upload]')`)
}

func testCut(t *testing.T, b *tab) {
	const name = "cut.bin"
	path, _ := randomFile(t, name, 40<<20)
	b.signUp(newName())
	b.slow(8 << 20)
	b.choose(id("upload-input"), path)
	b.waitFor("a chunk", func() bool { return b.ackedChunks() >= 1 })
	b.line(network.Conditions{Offline: true})
	b.wait(`document.querySelector('[data-testid="upload-state"]')?.textContent === 'No connection; trying again'`)
	b.line(network.Conditions{DownloadThroughput: -1, UploadThroughput: -1})
	b.waitState(name, "done")
	b.wantNothingAgain()
}

func testSessionEnds(t *testing.T, b *tab) {
	const name = "long.bin"
	path, _ := randomFile(t, name, 40<<20)
	b.signUp(newName())
	b.slow(8 << 20)
	b.choose(id("upload-input"), path)
	b.waitFor("a chunk", func() bool { return b.ackedChunks() >= 1 })
	b.wait(`fetch('/user/signout', {method: 'POST'}).then(() => true) && true`)
	b.wait(`!!document.querySelector('[data-testid=signin-again]')`)
	b.shoot("signed-out")
	b.fill(`dialog [data-testid="password"]`, password)
	b.click(`dialog [data-testid="auth-submit"]`)
	b.slow(0)
	b.waitState(name, "done")
	b.waitListed(name)
	b.wantNothingAgain()
}

func testTree(t *testing.T, b *tab) {
	path, content := randomFile(t, "notes.txt", 1000)
	b.signUp(newName())
	b.makeFolder("Reisen 旅行 100%")
	b.limit("open", chromedp.Click(chromedp.CSS(`[data-testid="entry"] a.name`)))
	b.wait(`location.hash.includes('100%25')`)
	b.choose(id("upload-input"), path)
	b.waitListed("notes.txt")
	b.makeFolder("inner")

	b.click(in("entry", "notes.txt", "entry-rename"))
	b.fill(id("dialog-input"), "inner")
	b.click(id("dialog-ok"))
	b.wait(`!!document.querySelector('[data-testid=toast]')`) // the name is taken
	b.click(in("entry", "notes.txt", "entry-rename"))
	b.fill(id("dialog-input"), "renamed.txt")
	b.click(id("dialog-ok"))
	b.waitListed("renamed.txt")
	if !bytes.Equal(b.download("renamed.txt"), content) {
		t.Error("the download differs from what was uploaded")
	}

	b.click(in("entry", "renamed.txt", "entry-delete"))
	b.waitNotListed("renamed.txt")
	b.click(id("toast-action")) // undo
	b.waitListed("renamed.txt")
	b.click(id("nav-recent"))
	b.waitListed("renamed.txt")
	b.limit("back", chromedp.NavigateBack())
	b.waitListed("inner")
	b.click(in("entry", "renamed.txt", "entry-delete"))
	b.waitNotListed("renamed.txt")
	b.click(id("nav-trash"))
	b.waitListed("renamed.txt")
	b.click(id("empty-trash"))
	b.click(id("dialog-ok"))
	b.waitNotListed("renamed.txt")
	b.click(id("signout"))
	b.wait(`!!document.querySelector('[data-testid=auth-submit]')`)
}

func (b *tab) makeFolder(name string) {
	b.t.Helper()
	b.click(id("new-folder"))
	b.fill(id("dialog-input"), name)
	b.click(id("dialog-ok"))
	b.waitListed(name)
}

func testLanguages(t *testing.T, b *tab) {
	const missing = `import('/static/app/words.js').then(({languages: {en, zh}}) => {
		const places = (s) => (s.match(/\{\w+\}/g) ?? []).sort().join();
		const keys = new Set([...Object.keys(en), ...Object.keys(zh)]);
		return [...keys].filter((k) => !en[k] || !zh[k] || places(en[k]) !== places(zh[k])).join(' ');
	})`
	lacks, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](missing, chromedp.EvalAwaitPromise))
	b.must(err)
	if lacks != "" {
		t.Errorf("not the same in both languages: %s", lacks)
	}
	b.signUp(newName())
	b.setLanguage("zh")
	b.wait(`document.documentElement.lang === 'zh-CN' && document.body.textContent.includes('新建文件夹')`)
	b.limit("reload", chromedp.Reload())
	b.wait(`document.body.textContent.includes('新建文件夹')`)
}

func (b *tab) setLanguage(name string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`(() => {
		const select = document.querySelector('[data-testid=language]');
		if (!select) return false;
		select.value = %q;
		select.dispatchEvent(new Event('change'));
		return true;
	})()`, name))
}

// testLooks takes pictures for people to look at, and checks that nothing is wider than the smallest phone.
func testLooks(t *testing.T, b *tab) {
	b.wait(`!!document.querySelector('[data-testid=auth-switch]')`)
	b.shootAll("auth")
	b.signUp(newName())
	b.makeFolder("Photos")
	for _, name := range []string{"a.txt", "会议记录.docx", strings.Repeat("very long name ", 12) + ".pdf"} {
		path, _ := randomFile(t, name, 300<<10)
		b.choose(id("upload-input"), path)
		b.waitListed(name)
	}
	b.slow(8 << 20)
	for _, name := range []string{"one.iso", "two.iso", strings.Repeat("long", 40) + ".iso"} {
		path, _ := randomFile(t, name, 20<<20)
		b.choose(id("upload-input"), path)
	}
	b.waitFor("a chunk", func() bool { return b.ackedChunks() >= 1 })
	b.slow(1 << 20)
	b.click(in("upload", "two.iso", "upload-pause"))
	b.waitState("two.iso", "paused")
	b.shootAll("drive")
	b.slow(0)
}

func (b *tab) shootAll(name string) {
	b.t.Helper()
	for _, language := range []string{"en", "zh"} {
		b.setLanguage(language)
		for _, scheme := range []string{"light", "dark"} {
			_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			b.must(err)
			for _, width := range []int64{1280, 360} {
				b.limit("resize", chromedp.EmulateViewport(width, 800))
				b.wait(`document.documentElement.scrollWidth <= innerWidth`)
				b.shoot(fmt.Sprintf("%s-%s-%s-%d", name, language, scheme, width))
			}
		}
	}
	b.limit("resize", chromedp.ResetViewport())
	b.setLanguage("en")
}

// randomFile writes a file that no drive has seen.
func randomFile(t *testing.T, name string, size int) (string, []byte) {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func newName() string { return "user-" + strings.ToLower(rand.Text()[:10]) }
