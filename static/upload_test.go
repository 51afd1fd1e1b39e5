package static_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// testReload leaves the page in mid-upload and comes back. BLINKDRIVE_TEST_RELOAD_MIB makes the file another size.
func testReload(t *testing.T, b *tab) {
	size := b.world.large
	if mib, err := strconv.Atoi(os.Getenv("BLINKDRIVE_TEST_RELOAD_MIB")); err == nil {
		size = mib << 20
	}
	path, content := randomFile(t, "holiday.mp4", size)
	b.signUp(newName())
	b.line.hold(3)
	b.choose(id("upload-input"), path)
	b.waitAcked(3)
	b.reload()
	if b.askedBeforeLeaving() == 0 {
		t.Error("the page did not ask before it left work behind")
	}
	b.line.release()
	b.waitState("holiday.mp4", "needsfile")
	b.shoot("unfinished")
	b.choose(id("upload-choose-input"), path)
	b.waitState("holiday.mp4", "done")
	b.waitListed("holiday.mp4")
	b.wantNothingAgain()
	b.wait(`fetch('/user/info').then((r) => r.json()).then(({ data }) => data.BytesSaved > 0 && data.BytesSaved < data.Used)`)
	b.wait(`document.querySelector('.side [data-testid=quota-saved]').textContent.includes('saved')`)
	if !bytes.Equal(b.download("holiday.mp4"), content) {
		t.Error("the download differs from what was uploaded")
	}
}

func testInstant(t *testing.T, b *tab) {
	path, content := randomFile(t, "talk.mov", 5*chunkSize)
	b.signUp(newName())
	b.choose(id("upload-input"), path)
	b.waitState("talk.mov", "done")

	other := newTab(t, b.world)
	other.signUp(newName())
	other.line.hold(2) // only the drive's knowledge can bring this upload to its end
	other.choose(id("upload-input"), path)
	other.waitState("talk.mov", "instant")
	other.line.release()
	if sent := other.ackedChunks(); sent > 2 {
		t.Errorf("%d of 5 chunks were sent for a file that the drive knew", sent)
	}
	other.waitListed("talk.mov")
	if !bytes.Equal(other.download("talk.mov"), content) {
		t.Error("the instant upload's download differs from the file")
	}
	other.waitNothingUnfinished()
	other.reload()
	other.waitListed("talk.mov")
	other.wait(`!document.querySelector('[data-testid=upload]')`)
}

// pauseAfterOne brings a file and pauses when the drive has one chunk of it.
func (b *tab) pauseAfterOne(path, name string) {
	b.t.Helper()
	b.line.hold(1)
	b.choose(id("upload-input"), path)
	b.waitAcked(1)
	b.click(in("upload", name, "upload-pause"))
	b.waitState(name, "paused")
	b.line.release()
}

// testElsewhere goes on with an upload in a browser that remembers nothing of it, as on another device.
func testElsewhere(t *testing.T, b *tab) {
	const name = "film.bin"
	path, content := randomFile(t, name, 3*chunkSize)
	b.signUp(newName())
	b.makeFolder("films")
	b.visit("#/files/films")
	b.wait(`document.title.startsWith('films')`)
	b.pauseAfterOne(path, name)
	b.wait(`(localStorage.clear(), true)`)
	b.visit("#/files")
	b.reload()
	b.waitState(name, "needsfile")
	b.choose(id("upload-input"), path)
	b.waitState(name, "done")
	b.visit("#/files/films")
	b.waitListed(name)
	if !bytes.Equal(b.download(name), content) {
		t.Error("the download differs from what was uploaded")
	}
	b.waitNothingUnfinished()
}

func testPause(t *testing.T, b *tab) {
	const name = "big.bin"
	path, content := randomFile(t, name, 5*chunkSize)
	b.signUp(newName())
	b.pauseAfterOne(path, name)
	b.click(in("upload", name, "upload-resume"))
	b.waitState(name, "done")
	b.waitListed(name)
	if !bytes.Equal(b.download(name), content) {
		t.Error("the download differs from what was uploaded")
	}
	b.wantNothingAgain()
}

// testCancel leaves the page right after a cancel: nothing of the upload may be left on the drive.
func testCancel(t *testing.T, b *tab) {
	const name = "unwanted.bin"
	path, _ := randomFile(t, name, 3*chunkSize)
	b.signUp(newName())
	b.line.hold(0)
	b.choose(id("upload-input"), path)
	b.waitFor("a chunk on its way", func() bool { return b.line.count("/file/mpupload/uppart") > 0 })
	b.click(in("upload", name, "upload-cancel"))
	b.reload()
	b.line.release()
	b.wait(`document.querySelector('[data-testid=who]')`)
	b.wait(`!document.querySelector('[data-testid=upload]')`)
	b.waitNothingUnfinished()
}

// testTwins brings one content twice at once: the second waits for the first and then costs nothing.
func testTwins(t *testing.T, b *tab) {
	first, content := randomFile(t, "original.bin", 4*chunkSize)
	second := filepath.Join(t.TempDir(), "copy.bin")
	if err := os.WriteFile(second, content, 0o644); err != nil {
		t.Fatal(err)
	}
	b.signUp(newName())
	b.line.hold(2)
	b.choose(id("upload-input"), first, second)
	b.waitAcked(2)
	b.line.release()
	b.waitListed("original.bin")
	b.waitListed("copy.bin")
	for _, name := range []string{"original.bin", "copy.bin"} {
		if !bytes.Equal(b.download(name), content) {
			t.Errorf("%s: the download differs from what was uploaded", name)
		}
	}
	b.waitNothingUnfinished()
	b.reload()
	b.waitListed("copy.bin")
	b.wait(`!document.querySelector('[data-testid=upload]')`)
}

func testCut(t *testing.T, b *tab) {
	const name = "cut.bin"
	path, _ := randomFile(t, name, 4*chunkSize)
	b.signUp(newName())
	b.line.hold(1)
	b.choose(id("upload-input"), path)
	b.waitAcked(1)
	b.network(network.Conditions{DownloadThroughput: 2 << 20, UploadThroughput: 2 << 20, Latency: 50})
	b.network(network.Conditions{Offline: true})
	b.wait(`!document.querySelector('[data-testid=offline]').hidden`)
	b.line.release()
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid="upload-state"]')?.textContent === %q`, english(t, "upload.offline")))
	b.network(network.Conditions{DownloadThroughput: -1, UploadThroughput: -1})
	b.wait(`document.querySelector('[data-testid=offline]').hidden`)
	b.waitState(name, "done")
	b.wantNothingAgain()
}

// testKilled kills the server in mid-upload and starts it again on the same folder.
func testKilled(t *testing.T, b *tab) {
	d := startDrive(t, b.world.drive.program)
	b = newTabAt(t, b.world, d)
	const name = "survivor.bin"
	path, content := randomFile(t, name, 5*chunkSize)
	b.signUp(newName())
	b.line.hold(2)
	b.choose(id("upload-input"), path)
	b.waitAcked(2)
	d.kill(t)
	b.line.release()
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid="upload-state"]')?.textContent === %q`, english(t, "upload.offline")))
	d.start(t)
	b.line.lead(t, d.url)
	b.waitState(name, "done")
	b.waitListed(name)
	b.wantNothingAgain()
	if !bytes.Equal(b.download(name), content) {
		t.Error("the download differs from what was uploaded")
	}
}

func testSessionEnds(t *testing.T, b *tab) {
	const name = "long.bin"
	path, _ := randomFile(t, name, 4*chunkSize)
	b.signUp(newName())
	b.line.hold(1)
	b.choose(id("upload-input"), path)
	b.waitAcked(1)
	b.wait(`fetch('/user/signout', {method: 'POST'}).then((r) => r.ok)`)
	b.line.release()
	b.wait(`document.querySelector('[data-testid=signin-again]')`)
	b.shoot("signed-out")
	b.fill(`dialog [data-testid="password"]`, password)
	b.click(`dialog [data-testid="auth-submit"]`)
	b.waitState(name, "done")
	b.waitListed(name)
	b.wantNothingAgain()
}

// testLostRefusal ends the session in the middle of an upload whose refused chunks are cut: no answer is no reason to think
// that only the line is dead.
func testLostRefusal(t *testing.T, b *tab) {
	const name = "refusals lost.bin"
	path, _ := randomFile(t, name, 4*chunkSize)
	b.signUp(newName())
	b.line.hold(1)
	b.choose(id("upload-input"), path)
	b.waitAcked(1)
	b.wait(`fetch('/user/signout', {method: 'POST'}).then((r) => r.ok)`)
	b.line.expect(map[string][]fault{"/file/mpupload/uppart": slices.Repeat([]fault{cut}, 1000)})
	b.line.release()
	b.wait(`document.querySelector('[data-testid=signin-again]')`)
	b.line.expect(nil)
	b.fill(`dialog [data-testid="password"]`, password)
	b.click(`dialog [data-testid="auth-submit"]`)
	b.waitState(name, "done")
	b.waitListed(name)
}

// testFaults uploads over a line on which everything goes wrong that may.
func testFaults(t *testing.T, b *tab) {
	b.signUp(newName())
	corrupt := fault{corrupt: true}
	for _, c := range []struct {
		name string
		size int
		end  string
		plan map[string][]fault
	}{
		{"troubled.bin", 4 * chunkSize, "done", map[string][]fault{
			"/file/mpupload/init":     {says(423, 10107, "null"), says(503, 10109, "null"), cut},
			"/file/mpupload/uppart":   {corrupt, corrupt, says(503, 10109, "null"), cut, says(429, 10108, "null"), {status: 502}},
			"/file/fastupload":        {says(429, 10108, "null")},
			"/file/mpupload/complete": {says(409, -2, `{"Missing":[2,3]}`), says(422, 10101, `{"Bad":[1]}`), cut},
		}},
		// Refused, but the answer is lost to a reset: the page asks for the reason. Chromium repeats a request by itself on
		// another connection, so it takes more than one cut.
		{"lost.bin", chunkSize + 1, "done", map[string][]fault{
			"/file/mpupload/uppart": slices.Repeat([]fault{cut}, 8),
			"/file/mpupload/status": {says(404, 10102, "null")},
		}},
		{"vanished.bin", chunkSize + 1, "done", map[string][]fault{"/file/mpupload/uppart": {says(404, 10102, "null")}}},
		{"refused.bin", chunkSize + 1, "failed", map[string][]fault{"/file/mpupload/init": {says(507, 10111, "null")}}},
	} {
		path, content := randomFile(t, c.name, c.size)
		b.line.expect(c.plan)
		b.choose(id("upload-input"), path)
		b.waitState(c.name, c.end)
		if n := b.line.left(); n > 0 {
			t.Errorf("%s: %d faults did not come to pass", c.name, n)
		}
		if c.end == "failed" {
			b.click(in("upload", c.name, "upload-retry"))
			b.waitState(c.name, "done")
		}
		b.waitListed(c.name)
		if !bytes.Equal(b.download(c.name), content) {
			t.Errorf("%s: the download differs from what was uploaded", c.name)
		}
	}
}

// testPaste pastes a picture.
func testPaste(t *testing.T, b *tab) {
	b.signUp(newName())
	b.wait(`(() => {
		const clipboardData = new DataTransfer();
		clipboardData.items.add(new File(['a picture'], 'image.png', { type: 'image/png' }));
		const event = new ClipboardEvent('paste', { bubbles: true, cancelable: true });
		Object.defineProperty(event, 'clipboardData', { value: clipboardData }); // which not every browser takes above
		return document.body.dispatchEvent(event) || true;
	})()`)
	b.waitListed("image.png")
}

// testComesAgain brings a file again that was deleted since the page read the folder.
func testComesAgain(_ *testing.T, b *tab) {
	const name = "photo.jpg"
	path, _ := randomFile(b.t, name, 2<<20)
	b.signUp(newName())
	b.choose(id("upload-input"), path)
	b.waitState(name, "done")
	b.waitListed(name)
	clear := func() {
		b.click(id("uploads-clear"))
		b.wait(`!document.querySelector('[data-testid=upload]')`)
	}
	clear()
	b.choose(id("upload-input"), path)
	b.waitState(name, "present")
	clear()
	b.click(in("entry", name, "entry-delete"))
	b.waitNotListed(name)
	b.choose(id("upload-input"), path)
	b.waitListed(name)
}

// testOtherPerson signs another person in beside a tab, which must not go on in that one's drive.
func testOtherPerson(_ *testing.T, b *tab) {
	const name = "private.bin"
	path, _ := randomFile(b.t, name, 5*chunkSize)
	alice, bob := newName(), newName()
	b.signUp(alice)
	b.pauseAfterOne(path, name)

	other := b.twin()
	other.click(id("account"))
	other.click(id("signout"))
	other.signUp(bob)
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=who]')?.textContent === %q`, bob))
	b.wait(`!document.querySelector('[data-testid=upload]')`)
	b.waitNothingUnfinished()
	b.click(id("account"))
	b.click(id("signout"))
	b.wait(`document.querySelector('[data-testid=auth-submit]') && localStorage.getItem('blinkdrive.who') === null`)
}

// testTwoTabs brings one file to two folders by two tabs, which share the upload.
func testTwoTabs(_ *testing.T, b *tab) {
	const name = "u.bin"
	path, _ := randomFile(b.t, name, 3*chunkSize)
	b.signUp(newName())
	b.makeFolder("A")
	b.makeFolder("B")
	other := b.twin()
	b.visit("#/files/A")
	other.visit("#/files/B")
	b.wait(`document.title.startsWith('A')`)
	other.wait(`document.title.startsWith('B')`)
	b.line.hold(1)
	b.choose(id("upload-input"), path)
	b.waitAcked(1)
	other.choose(id("upload-input"), path)
	other.waitFor("the upload to be taken up", func() bool { return b.line.count("/file/mpupload/init") > 1 })
	b.line.release()
	b.waitListed(name)
	other.waitListed(name)
}

// testHurtForm changes small files on the way, and then loses requests of the tidying up.
func testHurtForm(t *testing.T, b *tab) {
	b.signUp(newName())
	names := []string{"f0.bin", "f1.bin", "f2.bin"}
	var paths []string
	for _, name := range names {
		path, _ := randomFile(t, name, 20_000)
		paths = append(paths, path)
	}
	half := fault{status: 200, body: `{"code":`}
	b.line.expect(map[string][]fault{"/file/upload": {{corrupt: true}}, "/file/delete": {half, cut, says(503, 10109, "null")}, "/file/purge": {half}})
	b.choose(id("upload-input"), paths...)
	for i, name := range names {
		b.waitState(name, "done")
		content, err := os.ReadFile(paths[i])
		b.must(err)
		b.wait(fmt.Sprintf(`fetch('/file/meta?path=/%s').then((r) => r.json()).then((e) => e.FileSha1 === %q)`, name, sha1Of(string(content))))
	}
	if n := b.line.left(); n != 0 {
		t.Errorf("%d faults did not happen", n)
	}
}

// testLostBeginning loses the first answers to an upload that begins before its digest is known: it stays one upload.
func testLostBeginning(_ *testing.T, b *tab) {
	b.signUp(newName())
	b.wait(`(async () => {
		const { UploadEngine } = await import('/static/app/engine.js');
		const { Api } = await import('/static/app/api.js');
		const { Hasher } = await import('/static/app/hasher.js');
		const { QueueStore } = await import('/static/app/queue-store.js');
		const real = window.fetch;
		let lost = 0;
		window.fetch = async (url, options) => {
			const answer = await real(url, options);
			if (!String(url).endsWith('/file/mpupload/init') || lost === 3) return answer;
			lost++;
			return new Response('{"code":');
		};
		class Late extends Hasher { // the digest comes when the upload has begun
			digest(file, progress) {
				const whole = file instanceof File;
				const digest = super.digest(file, whole ? undefined : progress);
				const begun = new Promise((resolve) => { const look = () => (engine.uploads[0]?.uploadId ? resolve() : setTimeout(look, 50)); look(); });
				return whole ? { ...digest, result: begun.then(() => digest.result) } : digest;
			}
		}
		const memory = new Map();
		const storage = { getItem: (k) => memory.get(k) ?? null, setItem: (k, v) => memory.set(k, v) };
		const engine = new UploadEngine({ api: new Api(), hasher: new Late(), notes: new QueueStore(storage), ask: async () => 'rename' });
		window.lostBeginning = engine;
		engine.add([new File([new Uint8Array(7000000).map((_, i) => i * i)], 'video.mp4')], '/');
		return true;
	})()`)
	b.wait(`window.lostBeginning.uploads[0].state === 'done'`)
	b.waitNothingUnfinished()
}
