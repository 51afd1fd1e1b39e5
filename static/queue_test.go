package static_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

func sha1Of(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// write makes a file and returns its path.
func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// testClash brings names that are taken: the same file is noticed, others are asked about, once for all.
func testClash(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "a.txt", "b.txt", "c.txt", "d.txt")
	b.waitListed("d.txt")
	b.choose(id("upload-input"), write(t, t.TempDir(), "a.txt", "the content of a.txt"))
	b.waitState("a.txt", "present")
	b.click(id("uploads-clear"))

	other := func(name string) string { return write(t, t.TempDir(), name, "other words in "+name) }
	b.choose(id("upload-input"), other("a.txt"))
	b.wait(`document.querySelector('[data-testid=clash]')`)
	b.shoot("clash")
	b.click(id("clash-rename"))
	b.waitListed("a (2).txt")

	old, err := evaluate[string](b, `document.querySelector('[data-testid=entry][data-name="b.txt"]').dataset.id`)
	b.must(err)
	b.choose(id("upload-input"), other("b.txt"))
	b.click(id("clash-replace"))
	b.waitState("b.txt", "done")
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=entry][data-name="b.txt"]')?.dataset.id !== %q`, old))
	if got := string(b.download("b.txt")); got != "other words in b.txt" {
		t.Errorf("b.txt was not replaced: %q", got)
	}
	b.choose(id("upload-input"), other("c.txt"), other("d.txt"))
	b.click(id("clash-all"))
	b.click(id("clash-skip"))
	b.waitState("c.txt", "skipped")
	b.waitState("d.txt", "skipped")
	b.click(id("uploads-clear")) // it may lie over the rows
	if got := string(b.download("c.txt")); got != "the content of c.txt" {
		t.Errorf("c.txt was changed: %q", got)
	}
	b.click(id("nav-trash"))
	b.waitListed("b.txt") // what was replaced
}

// testLateClash lets the name be taken while the file is on its way.
func testLateClash(t *testing.T, b *tab) {
	const name = "race.bin"
	path, _ := randomFile(t, name, 3*chunkSize)
	b.signUp(newName())
	b.line.hold(1)
	b.choose(id("upload-input"), path)
	b.waitAcked(1)
	b.wait(`(async () => {
		const form = new FormData();
		form.append('file', new Blob(['quicker']), 'race.bin');
		return (await fetch('/file/upload?path=/', { method: 'POST', body: form })).ok;
	})()`)
	b.line.release()
	b.click(id("clash-rename"))
	b.waitState(name, "done")
	b.waitListed("race (2).bin")
	b.wantNothingAgain()
	b.waitNothingUnfinished()
}

// testClashOfKinds brings, moves and copies things where a folder has the name, or a file has a folder's: what cannot be
// replaced is not offered to be, and the answer for all files is not that for folders.
func testClashOfKinds(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/docs", "x.txt")
	b.have("/deep/one.txt", "x.txt")
	b.have("/deep/docs", "y.txt")
	b.have("/deep", "two.txt")
	b.have("/", "one.txt", "two.txt")
	b.waitListed("two.txt")
	cannotReplace := func() {
		t.Helper()
		b.wait(fmt.Sprintf(`document.querySelector('[data-testid=clash]')?.textContent.includes(%q)`, english(b.t, "clash.noReplace")))
		b.wait(`!document.querySelector('[data-testid=clash-replace]')`)
	}
	b.choose(id("upload-input"), write(t, t.TempDir(), "docs", "a file"))
	cannotReplace()
	b.click(id("clash-rename"))
	b.waitListed("docs (2)")

	b.drag(`[data-name="docs"]`, `[data-name="deep"]`)
	cannotReplace()
	b.click(id("clash-skip"))
	b.wait(`!document.querySelector('[data-testid=clash]')`)
	b.waitListed("docs")
	b.drag(`[data-name="one.txt"]`, `[data-name="deep"]`)
	cannotReplace()
	b.click(id("clash-rename"))
	b.waitNotListed("one.txt")
	b.drag(`[data-name="two.txt"]`, `[data-name="deep"]`)
	b.click(id("clash-replace"))
	b.waitNotListed("two.txt")
	b.visit("#/files/deep")
	for _, name := range []string{"docs", "one.txt", "one (2).txt", "two.txt"} {
		b.waitListed(name)
	}
}

// testInTheWay brings a folder where a file has its name: that is said, and no question helps.
func testInTheWay(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "docs", "one.txt", "two.txt")
	b.waitListed("docs")
	dir := filepath.Join(t.TempDir(), "docs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a.txt", "words")
	b.drop(dir)
	b.waitState("a.txt", "failed")
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=upload][data-name="a.txt"] .state').textContent === %q`, english(t, "error.10119")))
	b.rename("one.txt", "two.txt")
	b.waitToast(english(t, "error.10118"))
	b.wait(`!document.querySelector('[data-testid=clash]')`)
}

// testFolder drops a folder with its structure and 2,000 small files.
func testFolder(t *testing.T, b *tab) {
	const files = 2000
	dir := filepath.Join(t.TempDir(), "project")
	for i := range files {
		write(t, dir, fmt.Sprintf("part %d/file-%d.txt", i%4, i), fmt.Sprintf("this is file %d", i))
	}
	write(t, dir, `odd "name".txt`, "odd")
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.signUp(newName())
	b.waitListedNothing()
	b.drop(dir)
	b.waitAllDone(files + 1)
	if n := b.line.count("/file/mpupload/init"); n > 1 {
		t.Errorf("%d small files went up alone", n)
	}
	if n := b.line.count("/file/upload"); n > files/50+4 {
		t.Errorf("%d forms for %d files", n, files)
	}
	b.waitListed("project")
	b.visit("#/files/project")
	b.waitListed("empty")
	b.waitListed(`odd "name".txt`)
	b.visit("#/files/project/part%203")
	b.waitListed("file-103.txt")
	b.click(id("uploads-fold")) // the list of uploads lies over the end of the rows
	if got := string(b.download("file-103.txt")); got != "this is file 103" {
		t.Errorf("file-103.txt has %q", got)
	}
	n, err := evaluate[int](b, `(async () => {
		let sum = 0;
		for (let i = 0; i < 4; i++) {
			const answer = await fetch('/file/query?limit=1000&path=' + encodeURIComponent('/project/part ' + i));
			sum += (await answer.json()).length;
		}
		return sum;
	})()`)
	b.must(err)
	if n != files {
		t.Errorf("%d of %d files arrived", n, files)
	}
	b.visit("#/files/project")
	b.waitListed("part 3")
	b.click(id("uploads-clear"))
	forms := b.line.count("/file/upload")
	b.drop(filepath.Join(dir, "part 3")) // again: everything is there
	b.waitAllDone(files / 4)
	if n := b.line.count("/file/upload"); n != forms {
		t.Errorf("%d forms brought what was there", n-forms)
	}
}

// waitAllDone waits until so many files are done, with fresh patience after each of them: a busy disk takes its time.
func (b *tab) waitAllDone(files int) {
	b.t.Helper()
	title := func() string {
		text, _ := evaluate[string](b, `document.querySelector('[data-testid=uploads-title]').textContent`)
		return text
	}
	end := english(b.t, "upload.allDone", "n", strconv.Itoa(files))
	for now := title(); now != end; {
		b.waitFor(end+", or progress to it", func() bool {
			before := now
			now = title()
			return now != before
		})
	}
}

// waitListedNothing waits until the list is there and empty.
func (b *tab) waitListedNothing() {
	b.t.Helper()
	b.wait(`document.querySelector('[data-testid=entries-message]')?.hidden === false`)
}

// drop drops files and folders of this machine onto the page.
func (b *tab) drop(paths ...string) {
	b.t.Helper()
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
	for _, kind := range []string{"dragEnter", "dragOver", "drop"} {
		b.limit(kind, func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{
				Type: input.DispatchDragEventType(kind), X: 640, Y: 400, Data: data,
			})
			return err
		})
	}
}

// testHandle continues after a reload by itself, with a handle that may still be read. What the browser gives for a
// dropped file asks the person after a reload, whom no test can play; a file of the browser's own does not.
func testHandle(t *testing.T, b *tab) {
	const name = "kept.bin"
	b.signUp(newName())
	b.line.hold(1)
	b.wait(fmt.Sprintf(`(async () => {
		const root = await navigator.storage.getDirectory();
		const handle = await root.getFileHandle(%q, { create: true });
		const writer = await handle.createWritable();
		for (let i = 0; i < 4; i++) await writer.write(crypto.getRandomValues(new Uint8Array(65536)));
		await writer.truncate(%d);
		await writer.close();
		window.showOpenFilePicker = async () => [handle];
		return true;
	})()`, name, 4*chunkSize))
	b.click(id("new"))
	b.click(id("upload-files"))
	b.waitAcked(1)
	b.reload()
	b.line.release()
	b.waitState(name, "done")
	b.waitListed(name)
	b.wantNothingAgain()
	b.wait(`new Promise((resolve) => {
		const request = indexedDB.open('blinkdrive');
		request.onsuccess = () => {
			const keys = request.result.transaction('handles').objectStore('handles').getAllKeys();
			keys.onsuccess = () => resolve(keys.result.length === 0);
		};
	})`)
}

// testAll pauses, resumes, retries and cancels everything at once.
func testAll(t *testing.T, b *tab) {
	b.signUp(newName())
	b.line.hold(0)
	names := []string{"1.bin", "2.bin", "3.bin", "4.bin", "5.bin"}
	for _, name := range names {
		path, _ := randomFile(t, name, chunkSize+1)
		b.choose(id("upload-input"), path)
	}
	b.waitState("1.bin", "uploading")
	b.click(id("uploads-pauseAll"))
	for _, name := range names {
		b.waitState(name, "paused")
	}
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=uploads-title]').textContent === %q`, english(t, "upload.somePaused", "n", "5")))
	b.click(id("uploads-resumeAll"))
	b.waitState("1.bin", "uploading")
	b.click(id("uploads-cancelAll"))
	b.wait(`!document.querySelector('[data-testid=upload]')`)
	b.line.release()
	b.waitNothingUnfinished()

	b.line.expect(map[string][]fault{"/file/mpupload/init": {says(507, 10110, "null"), says(507, 10110, "null")}})
	for _, name := range names[:2] {
		path, _ := randomFile(t, name, chunkSize+1)
		b.choose(id("upload-input"), path)
	}
	b.waitState("1.bin", "failed")
	b.waitState("2.bin", "failed")
	b.click(id("uploads-retryAll"))
	b.waitState("1.bin", "done")
	b.waitState("2.bin", "done")
}
