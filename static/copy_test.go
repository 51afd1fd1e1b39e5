package static_test

import (
	"testing"
)

// testCopy copies by the dialog, by dragging and by the keyboard, and takes a copy back; no bytes go over the line.
func testCopy(_ *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/box", "there.txt")
	b.have("/", "one.txt", "there.txt")
	b.waitListed("one.txt")
	b.copyByDialog()
	b.copyByDragging()
	b.copyByKeyboard()
	b.cutAndPaste()
	b.copyFolder()
}

func (b *tab) copyByDialog() {
	b.t.Helper()
	b.click(entry("one.txt"))
	b.click(id("selection-copy"))
	b.click(`[data-testid=move-folder][data-name="box"]`)
	b.wait(`document.querySelector('.trail [aria-current]').textContent === 'box'`)
	b.click(id("move-here"))
	b.waitToast(english(b.t, "copy.done", "name", "one.txt", "folder", "box"))
	b.waitListed("one.txt")
	b.visit("#/files/box")
	b.waitListed("one.txt")
	b.click(id("toast-action"))
	b.waitNotListed("one.txt")
}

func (b *tab) copyByDragging() {
	b.t.Helper()
	b.visit("#/files")
	b.waitListed("one.txt")
	b.dragHow(`[data-name="one.txt"]`, `[data-name="box"]`, "{ctrlKey: true}")
	b.waitToast(english(b.t, "copy.done", "name", "one.txt", "folder", "box"))
	b.waitListed("one.txt")
}

// copyByKeyboard copies beside the original, where the copy gets another name without a question, and elsewhere, where a
// name that is taken is asked about.
func (b *tab) copyByKeyboard() {
	b.t.Helper()
	b.click(entry("there.txt"))
	b.key("c", "{ctrlKey: true}")
	b.key("v", "{ctrlKey: true}")
	b.waitListed("there (2).txt")
	b.waitSelected("1 selected")
	b.visit("#/files/box")
	b.waitListed("one.txt")
	b.key("v", "{ctrlKey: true}")
	b.click(id("clash-rename"))
	b.waitListed("there (2).txt")
}

// cutAndPaste cuts: what is cut is gone from where it was, and can be pasted once.
func (b *tab) cutAndPaste() {
	b.t.Helper()
	b.click(entry("one.txt"))
	b.key("x", "{ctrlKey: true}")
	b.wait(`document.querySelector('[data-name="one.txt"]').classList.contains('away')`)
	b.key("Escape")
	b.wait(`!document.querySelector('[data-name="one.txt"]').classList.contains('away')`)
	b.key("Delete")
	b.waitNotListed("one.txt")
	b.click(entry("there.txt"))
	b.key("x", "{ctrlKey: true}")
	b.visit("#/files")
	b.waitListed("one.txt")
	b.click(`[data-name="there.txt"] [data-testid=entry-delete]`)
	b.waitNotListed("there.txt")
	b.key("v", "{ctrlKey: true}")
	b.waitListed("there.txt")
}

// copyFolder copies a folder with all that is in it, but not into itself.
func (b *tab) copyFolder() {
	b.t.Helper()
	b.click(entry("box"))
	b.key("c", "{ctrlKey: true}")
	b.visit("#/files/box")
	b.waitListed("there (2).txt")
	b.key("v", "{ctrlKey: true}")
	b.waitToast(english(b.t, "paste.inItself"))
	b.visit("#/files")
	b.waitListed("box")
	b.wait(`(document.querySelector('[data-testid=entries]').dispatchEvent(
		new MouseEvent('contextmenu', { bubbles: true, cancelable: true, clientX: 700, clientY: 700 })), document.querySelector('[data-testid=do-paste]'))`)
	b.click(id("do-paste"))
	b.waitListed("box (2)")
	b.visit("#/files/box%20(2)")
	b.waitListed("there (2).txt")
}
