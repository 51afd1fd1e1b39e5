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

// testAccount is told what to do when a name is taken or a password is wrong, and comes in again.
func testAccount(t *testing.T, b *tab) {
	name := newName()
	said := func(want string) {
		t.Helper()
		b.wait(fmt.Sprintf(`document.querySelector('[data-testid=auth-error]')?.textContent === %q`, want))
	}
	b.signUp(name)
	b.click(id("account"))
	b.click(id("signout"))
	b.click(id("auth-switch"))
	b.wait(`document.querySelector('[data-testid=password]')?.autocomplete === 'new-password'`)
	b.fill(id("username"), name)
	b.fill(id("password"), password)
	b.click(id("auth-submit"))
	said(english(t, "auth.taken"))
	b.wait(`document.activeElement.dataset.testid === 'username'`)
	b.fill(id("username"), "a b c") // no letter that a name has
	b.click(id("auth-submit"))
	b.wait(`document.querySelector('[data-testid=username]:invalid')`)
	b.click(id("auth-switch"))
	b.wait(`document.querySelector('[data-testid=password]')?.autocomplete === 'current-password'`)
	b.fill(id("username"), name)
	b.fill(id("password"), "something else")
	b.click(id("auth-submit"))
	said(english(t, "error.10004"))
	b.fill(id("password"), password)
	b.click(id("auth-submit"))
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=who]')?.textContent === %q`, name))
	b.reload() // stays
	b.wait(`document.querySelector('[data-testid=who]')`)
	b.key("?")
	b.wait(`document.querySelector('[data-testid=keys] kbd')`)
	b.wantAccessible("the keys")
}

// testPassword changes the password: this browser goes on, in the middle of an upload too, and all others are signed out.
func testPassword(t *testing.T, b *tab) {
	const next = "battery staple"
	name := newName()
	b.signUp(name)
	there := newTab(t, b.world)
	there.signIn(name, password)
	path, _ := randomFile(t, "big.bin", 4*chunkSize)
	b.line.hold(1)
	b.choose(id("upload-input"), path)
	b.waitAcked(1)

	b.click(id("account"))
	b.click(id("show-password"))
	b.fill(id("password-current"), "something else")
	b.fill(id("password-new"), next)
	b.shoot("password")
	b.wantAccessible("the password's dialog")
	b.click(id("password-submit"))
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=password-error]').textContent === %q`, english(t, "password.wrong")))
	b.wait(`document.activeElement.dataset.testid === 'password-current'`)
	b.fill(id("password-current"), password)
	b.click(id("password-submit"))
	b.waitToast(english(t, "password.changed"))
	b.wait(`!document.querySelector('dialog')`)
	b.line.release()
	b.waitState("big.bin", "done")
	b.waitListed("big.bin")
	b.wait(`!document.querySelector('[data-testid=signin-again]')`)

	there.visit("#/trash")
	there.wait(`document.querySelector('[data-testid=signin-again]')`)
	there.fill(id("password"), next)
	there.click(id("auth-submit"))
	there.wait(`!document.querySelector('[data-testid=signin-again]')`)
	there.visit("#/files")
	there.waitListed("big.bin")
}

// signIn comes in at the page for strangers.
func (b *tab) signIn(name, password string) {
	b.t.Helper()
	b.wait(`document.querySelector('[data-testid=password]')?.autocomplete === 'current-password'`)
	b.fill(id("username"), name)
	b.fill(id("password"), password)
	b.click(id("auth-submit"))
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=who]')?.textContent === %q`, name))
}
