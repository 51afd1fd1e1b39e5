package static_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	password  = "correct horse"
	chunkSize = 5 << 20
)

// A journey is what people do with the page.
type journey struct {
	name string
	test func(*testing.T, *tab)
}

// inChromium are the journeys through Chromium, which are all that there are.
var inChromium = []journey{
	{"light and dark", testTheme},
	{"two languages, both complete", testLanguages},
	{"folders, names and the trash", testTree},
	{"a hostile name is only a name", testHostileName},
	{"an upload survives a reload", testReload},
	{"the same file of another is instant", testInstant},
	{"pause, resume", testPause},
	{"an upload goes on elsewhere", testElsewhere},
	{"cancel", testCancel},
	{"a file that was deleted comes again", testComesAgain},
	{"another person in another tab", testOtherPerson},
	{"one upload of two tabs", testTwoTabs},
	{"a form that is hurt on the way", testHurtForm},
	{"a beginning whose answer is lost", testLostBeginning},
	{"the list shrinks during a click", testShrinks},
	{"a long list stays true", testLongList},
	{"one content under two names", testTwins},
	{"the line is cut and comes back", testCut},
	{"the session ends in mid-upload", testSessionEnds},
	{"a refusal is lost to a reset", testLostRefusal},
	{"the server is killed in mid-upload", testKilled},
	{"pasting", testPaste},
	{"plain HTTP from another host", testPlainHTTP},
	{"the engine by itself", testEngine},
	{"the order of names", testOrder},
	{"an answer that is older than the list", testOldAnswer},
	{"a list asked for twice", testOneAsking},
	{"a large file is hashed", testHashing},
	{"names that cannot be", testNames},
	{"what the server refuses", testRefusals},
	{"everything goes wrong that may", testFaults},
	{"selecting, deleting, restoring", testSelection},
	{"moving", testMove},
	{"copying, cutting, pasting", testCopy},
	{"searching", testSearch},
	{"several as one zip", testZip},
	{"a large zip", testLargeZip},
	{"how full the drive is", testQuota},
	{"signing up and in", testAccount},
	{"another password", testPassword},
	{"thumbnails", testThumbnails},
	{"more entries than are drawn", testWindow},
	{"a hundred thousand entries", testHundredThousand},
	{"a list that could not be had at once", testListTriedAgain},
	{"a list that cannot be had", testNoList},
	{"a page that nobody answers", testNobodyKnows},
	{"a list of which the rest cannot be had", testPartOfList},
	{"the list changes during a click", testPress},
	{"sorting", testSort},
	{"when things were deleted", testTrashDates},
	{"a folder in the trash", testTrashFolder},
	{"sorting more than a page", testSortPages},
	{"details", testDetails},
	{"a link for as long as one likes", testLink},
	{"back, forward and links", testHistory},
	{"previews", testPreview},
	{"pages turned by a finger", testSwipe},
	{"a large PDF", testLargePDF},
	{"names that are taken", testClash},
	{"a name that is taken meanwhile", testLateClash},
	{"a name that is taken by another kind", testClashOfKinds},
	{"a file in the way of a folder", testInTheWay},
	{"a handle is kept", testHandle},
	{"all at once", testAll},
	// Long ones stand last: the last are started first.
	{"how it looks", testLooks},
	{"how it looks in front", testLooksInFront},
	{"a folder of 2,000 files", testFolder},
}

// TestPage drives the page in a real browser against the real server, as people would.
func TestPage(t *testing.T) {
	t.Parallel()
	needsPrograms(t)
	program := buildDrive(t)
	w := &world{browser: chromium{startBrowser(t)}, drive: startDrive(t, program), large: 300 << 20}
	for _, j := range inChromium {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			j.test(t, newTab(t, w))
		})
	}
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

func testTree(t *testing.T, b *tab) {
	path, content := randomFile(t, "notes.txt", 1000)
	b.signUp(newName())
	b.makeFolder("Reisen 旅行 100%")
	b.click(`[data-testid="entry"] a.name`)
	b.wait(`location.hash.includes('100%25')`)
	b.choose(id("upload-input"), path)
	b.waitListed("notes.txt")
	b.makeFolder("inner")

	b.click(in("entry", "notes.txt", "entry-rename"))
	b.fill(id("rename-input"), "other.txt")
	meanwhile, _ := randomFile(t, "meanwhile.txt", 10)
	b.choose(id("upload-input"), meanwhile)
	b.waitListed("meanwhile.txt") // the list is drawn anew, and the field stays
	b.wait(`document.querySelector('[data-testid=rename-input]')?.value === 'other.txt'`)
	b.key("Escape")
	b.wait(`!document.querySelector('[data-testid=rename-input]')`)
	b.rename("notes.txt", "inner")
	b.wait(`document.querySelector('[data-testid=toast]')`) // the name is taken
	b.rename("notes.txt", "renamed.txt")
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
	b.back()
	b.waitListed("inner")
	b.click(in("entry", "renamed.txt", "entry-delete"))
	b.waitNotListed("renamed.txt")
	b.click(id("nav-trash"))
	b.waitListed("renamed.txt")
	b.click(id("empty-trash"))
	b.click(id("dialog-ok"))
	b.waitNotListed("renamed.txt")
	b.click(id("account"))
	b.click(id("signout"))
	b.wait(`!!document.querySelector('[data-testid=auth-submit]')`)
}

// rename gives an entry another name where it stands.
func (b *tab) rename(old, name string) {
	b.t.Helper()
	b.click(in("entry", old, "entry-rename"))
	b.fill(id("rename-input"), name)
	b.key("Enter")
}

func (b *tab) makeFolder(name string) {
	b.t.Helper()
	b.click(id("new"))
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
	lacks, err := evaluate[string](b, missing)
	b.must(err)
	if lacks != "" {
		t.Errorf("not the same in both languages: %s", lacks)
	}
	b.signUp(newName())
	b.setLanguage("zh")
	b.wait(`document.documentElement.lang === 'zh-CN' && document.body.textContent.includes('我的网盘')`)
	b.reload()
	b.wait(`document.body.textContent.includes('我的网盘')`)
}

func (b *tab) setLanguage(name string) {
	b.t.Helper()
	b.openAccount()
	b.fill(id("language"), name)
	b.wait(fmt.Sprintf(`document.documentElement.lang.startsWith(%q)`, name))
}

// openAccount opens the box with a person's choices; the stranger's page shows them all the time.
func (b *tab) openAccount() {
	b.t.Helper()
	b.wait(`document.querySelector('[data-testid=account], [data-testid=language]')`)
	b.wait(`document.querySelector('[data-testid=language]') || document.querySelector('[data-testid=account]').click()`)
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

// resize makes the window as wide as that, and waits until the page knows.
func (b *tab) resize(width int64) {
	b.t.Helper()
	b.limit("resize", func(ctx context.Context) error { return b.window.resize(ctx, width) })
	b.wait(fmt.Sprintf("innerWidth === %d", width))
}
