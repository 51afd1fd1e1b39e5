package static_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lanHost is a host name that Chromium resolves to this machine but does not trust, as a LAN address is not trusted:
// a page that comes from it over plain HTTP is no secure context.
const lanHost = "drive.lan.test"

// testPlainHTTP uses the page over plain HTTP from another host. Chromium kills the renderer of such a page if it asks a
// dropped item for its handle, and leaves out the clipboard, the locks and the file picker.
func testPlainHTTP(t *testing.T, b *tab) {
	url := strings.Replace(b.line.url, "127.0.0.1", lanHost, 1)
	b.limit("open the page", func(ctx context.Context) error { return b.window.open(ctx, url) })
	b.wait(`location.hostname === '` + lanHost + `' && !isSecureContext`)
	b.signUp(newName())

	file, _ := randomFile(t, "dropped.bin", 1000)
	folder := filepath.Join(t.TempDir(), "box")
	for _, name := range []string{"a.txt", "inner/b.txt"} {
		path := filepath.Join(folder, name)
		b.must(os.MkdirAll(filepath.Dir(path), 0o700))
		b.must(os.WriteFile(path, []byte(name), 0o600))
	}
	b.drop(file, folder)
	b.waitListed("dropped.bin")
	b.waitListed("box")
	b.visit("#/files/box/inner")
	b.waitListed("b.txt")

	b.click(in("entry", "b.txt", "entry-more"))
	b.click(id("do-details"))
	b.wait(`document.querySelector('[data-testid=details] dd.digest button')`)
	b.wait(`(addEventListener('copy', ({ clipboardData }) => (window.copied = clipboardData.getData('text/plain'))), true)`)
	b.click(`[data-testid=details] dd.digest button`)
	b.wait(fmt.Sprintf(`window.copied === %q`, sha1Of("inner/b.txt")))
}

// TestSecureContexts finds no use of an API of secure contexts without a look at isSecureContext: that the function is
// there does not mean that it may be called.
func TestSecureContexts(t *testing.T) {
	t.Parallel()
	secure := regexp.MustCompile(`getAsFileSystemHandle|show(OpenFile|SaveFile|Directory)Picker\b|\bcrypto\.(subtle|randomUUID)|\bcaches\.|` +
		`\bnavigator\.(clipboard|locks|storage|serviceWorker|wakeLock|share|credentials)\b`)
	comment := regexp.MustCompile(`(?m)//.*$`)
	uses := 0
	for name, body := range pageFiles(t) {
		if strings.HasPrefix(name, "lib/") {
			continue
		}
		body = comment.ReplaceAllString(body, "")
		for _, api := range secure.FindAllString(body, -1) {
			uses++
			if !strings.Contains(body, "isSecureContext") {
				t.Errorf("%s uses %s and does not ask isSecureContext", name, api)
			}
		}
	}
	if uses == 0 {
		t.Error("no use of these APIs was found, so the expression is wrong")
	}
}
