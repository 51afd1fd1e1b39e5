package static_test

import (
	"fmt"
	"testing"
)

// testQuota shows what is used, what is promised to files on their way, and what instant upload has saved.
func testQuota(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "one.txt")
	b.waitListed("one.txt")
	b.wait(fmt.Sprintf(`(async () => {
		const post = async (path, params) => (await fetch(path, { method: 'POST', body: new URLSearchParams(params) })).json();
		const again = await post('/file/fastupload', { filehash: %q, filesize: 22, filename: 'two.txt', path: '/' });
		const begun = await post('/file/mpupload/init', { filesize: 5 << 20, filename: 'three.bin' });
		return again.code === 0 && begun.code === 0;
	})()`, sha1Of("the content of one.txt")))
	b.reload()
	text := func(name, want string) {
		t.Helper()
		b.wait(fmt.Sprintf(`document.querySelector('.side [data-testid=%s]')?.textContent.includes(%q)`, name, want))
	}
	text("quota", "44 B of 10 GB used")
	text("quota-reserved", "5 MB")
	text("quota-saved", "22 B saved")
	b.click(id("account"))
	b.wait(`document.querySelector('.account-box [data-testid=quota-saved]').textContent.includes('22 B saved')`)
}
