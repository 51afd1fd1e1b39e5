package static_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/static"
)

// english returns the page's English text for a key, with values in their places: name, value, name, value.
func english(t *testing.T, key string, values ...string) string {
	t.Helper()
	words, err := static.FS.ReadFile("app/words-en.js")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^  '` + regexp.QuoteMeta(key) + `': '(.+)',$`).FindSubmatch(words)
	if text == nil {
		t.Fatalf("words-en.js has no text %s", key)
	}
	var places []string
	for i := 0; i+1 < len(values); i += 2 {
		places = append(places, "{"+values[i]+"}", values[i+1])
	}
	return strings.NewReplacer(places...).Replace(string(text[1]))
}

// waitToast waits for a toast with exactly this text.
func (b *tab) waitToast(text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`[...document.querySelectorAll('[data-testid=toast] > span')].some((e) => e.textContent === %q)`, text))
}

// testNames refuses names that the drive does not accept, in the reader's language, without asking the drive.
func testNames(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "old.txt")
	b.waitListed("old.txt")
	b.click(id("new"))
	b.click(id("new-folder"))
	for name, key := range map[string]string{
		"a/b": "name.slash", "..": "name.reserved", "a\u0085b": "name.control", strings.Repeat("旅", 86): "name.long",
	} {
		b.fill(id("dialog-input"), name)
		b.click(id("dialog-ok"))
		b.wait(fmt.Sprintf(`document.querySelector('[data-testid=dialog-input]').validationMessage === %q`, english(t, key)))
	}
	b.fill(id("dialog-input"), strings.Repeat("旅", 85))
	b.click(id("dialog-ok"))
	b.waitListed(strings.Repeat("旅", 85))

	b.rename("old.txt", "a/b")
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=rename-input]').validationMessage === %q`, english(t, "name.slash")))
	b.fill(id("rename-input"), "new.txt") // what was typed can be mended
	b.key("Enter")
	b.waitListed("new.txt")

	b.setLanguage("zh")
	forms := b.line.count("/file/upload")
	b.wait(`(() => {
		const clipboardData = new DataTransfer();
		clipboardData.items.add(new File(['text'], '\u0001.txt'));
		clipboardData.items.add(new File(['text'], '旅'.repeat(86)));
		return document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })) || true;
	})()`)
	b.wait(`import('/static/app/words.js').then(({ languages: { zh } }) => {
		const said = [...document.querySelectorAll('[data-testid=upload][data-state=failed] .state')].map((e) => e.textContent);
		return said.sort().join() === [zh['name.control'], zh['name.long']].sort().join();
	})`)
	if n := b.line.count("/file/upload"); n != forms {
		t.Errorf("%d forms brought names that cannot be", n-forms)
	}
}

// testRefusals shows what the server refuses in the reader's language: none of the server's own words, which are English.
func testRefusals(_ *testing.T, b *tab) {
	b.wait(`(async () => {
		const { languages, setLanguage, sorry } = await import('/static/app/words.js');
		const { ApiError } = await import('/static/app/send.js');
		setLanguage('zh');
		const codes = Object.keys(languages.zh).filter((key) => key.startsWith('error.')).map((key) => Number(key.slice(6)));
		const said = [...codes.filter(Number.isFinite), 10007, 77777].map((code) => sorry(new ApiError({ status: 400, code, msg: 'in English' })));
		const proxy = sorry(new ApiError({ status: 502 })) === languages.zh['error.10109'];
		setLanguage('en');
		return proxy && said.length > 20 && said.every((text) => /^\p{Script=Han}/u.test(text) && !/English|[{}]/.test(text));
	})()`)
}
