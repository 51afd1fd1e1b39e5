package static_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// everywhere are the journeys through every browser.
var everywhere = []journey{
	{"signing up and in", testAccount},
	{"two languages, both complete", testLanguages},
	{"light and dark, chosen", testThemeChosen},
	{"folders, names and the trash", testTree},
	{"a hostile name is only a name", testHostileName},
	{"an upload survives a reload", testReload},
	{"the same file of another is instant", testInstant},
	{"selecting, deleting, restoring", testSelection},
	{"the list changes during a click", testPress},
	{"searching", testSearch},
	{"back, forward and links", testHistory},
	{"previews", testPreview},
	{"thumbnails", testThumbnails},
	{"how it looks in front", testLooksInFront},
}

// further are those that other browsers than Chromium go only where BLINKDRIVE_TEST_BROWSERS is all.
var further = []journey{
	{"how it looks", testLooks},
	{"pause, resume", testPause},
	{"cancel", testCancel},
	{"one content under two names", testTwins},
	{"the session ends in mid-upload", testSessionEnds},
	{"the server is killed in mid-upload", testKilled},
	{"pasting", testPaste},
	{"the engine by itself", testEngine},
	{"the order of names", testOrder},
	{"everything goes wrong that may", testFaults},
	{"moving", testMove},
	{"copying, cutting, pasting", testCopy},
	{"several as one zip", testZip},
	{"how full the drive is", testQuota},
	{"more entries than are drawn", testWindow},
	{"a hundred thousand entries", testHundredThousand},
	{"a list that could not be had at once", testListTriedAgain},
	{"sorting", testSort},
	{"details", testDetails},
	{"names that are taken", testClash},
	{"a name that is taken meanwhile", testLateClash},
	{"all at once", testAll},
}

// TestBrowsers takes the page through its journeys in the engines of Firefox and Safari, with real keys and clicks.
func TestBrowsers(t *testing.T) {
	t.Parallel()
	needsPrograms(t)
	journeys := everywhere
	if os.Getenv("BLINKDRIVE_TEST_BROWSERS") == "all" {
		journeys = slices.Concat(everywhere, further)
	}
	program := buildDrive(t)
	for name, start := range map[string]func(*testing.T) *driven{"Firefox": startFirefox, "WebKit": startWebKit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			browser := start(t)
			w := &world{browser: browser, drive: startDrive(t, program), large: 24 << 20}
			for _, j := range journeys {
				t.Run(j.name, func(t *testing.T) { j.test(t, newTab(t, w)) })
			}
			for _, complaint := range browser.complaints(t) {
				t.Errorf("the browser's console: %s", complaint)
			}
			t.Run("what goes wrong is noticed", func(t *testing.T) { testNoticed(t, newTab(t, w), browser) })
		})
	}
}

// testThemeChosen chooses a theme and finds it again.
func testThemeChosen(_ *testing.T, b *tab) {
	for theme, background := range map[string]string{"dark": "rgb(14, 18, 25)", "light": "rgb(244, 246, 251)"} {
		is := fmt.Sprintf(`getComputedStyle(document.body).backgroundColor === %q`, background)
		b.wait(`document.querySelector('[data-testid=theme]')`)
		b.fill(id("theme"), theme)
		b.wait(is)
		b.reload()
		b.wait(is)
	}
}

// testNoticed does wrong on purpose, so that silence means something.
func testNoticed(t *testing.T, b *tab, browser *driven) {
	b.wait(`document.querySelector('[data-testid=auth-submit]')`)
	b.wait(fmt.Sprintf(`(document.body.append(Object.assign(document.createElement('script'), { src: %q })), true)`, faultsScript))
	var noticed []string
	for _, want := range []string{
		"security: script-src", "dialog: asked", "console: said", "exception in the page: ", "rejection in the page: ",
	} {
		b.waitFor(want, func() bool {
			var err error
			noticed, err = b.window.problems(b.ctx)
			b.must(err)
			return slices.ContainsFunc(noticed, func(problem string) bool { return strings.HasPrefix(problem, want) })
		})
	}
	t.Logf("noticed: %q", noticed)
	var complaints []string
	b.waitFor("the browser to write them down too", func() bool {
		complaints = append(complaints, browser.complaints(t)...)
		return len(complaints) > 1 || len(browser.logs) == 0
	})
	b.wait(`(sessionStorage.clear(), true)`)
}
