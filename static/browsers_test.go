package static_test

import "testing"

// TestBrowsers takes the page through its main journeys in the engines of Firefox and Safari, with real keys and clicks.
// Chromium goes through all that TestPage has.
func TestBrowsers(t *testing.T) {
	t.Parallel()
	needsPrograms(t)
	program := buildDrive(t)
	for name, start := range map[string]func(*testing.T) *driven{"Firefox": startFirefox, "WebKit": startWebKit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{browser: start(t), drive: startDrive(t, program), large: 24 << 20}
			for _, c := range []struct {
				name string
				test func(*testing.T, *tab)
			}{
				{"signing up and in", testAccount},
				{"two languages, both complete", testLanguages},
				{"folders, names and the trash", testTree},
				{"a hostile name is only a name", testHostileName},
				{"an upload survives a reload", testReload},
				{"the same file of another is instant", testInstant},
				{"selecting, deleting, restoring", testSelection},
				{"searching", testSearch},
				{"back, forward and links", testHistory},
				{"previews", testPreview},
				{"thumbnails", testThumbnails},
			} {
				t.Run(c.name, func(t *testing.T) { c.test(t, newTab(t, w)) })
			}
		})
	}
}
