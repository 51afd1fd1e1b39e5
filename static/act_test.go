package static_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// limit does something for no longer than our patience.
func (b *tab) limit(what string, do func(context.Context) error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := do(ctx); err != nil {
		b.fail("%s: %v", what, err)
	}
}

// id selects the element with a data-testid.
func id(name string) chromedp.CSS { return chromedp.CSS(fmt.Sprintf(`[data-testid=%q]`, name)) }

// in selects a part of the row of the entry or upload of that name.
func in(kind, name, part string) chromedp.CSS {
	return chromedp.CSS(fmt.Sprintf(`[data-testid=%q][data-name=%q] [data-testid=%q]`, kind, name, part))
}

// press clicks in one step what a person could click: there, in sight, enabled and not covered. Between looking for an
// element and a click that the browser is told separately, a list may have been drawn anew.
const press = `((selector, how) => {
	const e = document.querySelector(selector);
	if (!e) return 'it is not there';
	e.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
	const box = e.getBoundingClientRect();
	if (!box.width || !box.height) return 'it has no size';
	if (e.disabled) return 'it is disabled';
	const [clientX, clientY] = [box.x + box.width / 2, box.y + box.height / 2];
	const top = document.elementFromPoint(clientX, clientY);
	if (!e.contains(top)) return 'it is covered by ' + (top?.outerHTML ?? 'nothing').slice(0, 150);
	for (const type of ['pointerdown', 'mousedown', 'pointerup', 'mouseup'])
		top.dispatchEvent(new PointerEvent(type, { bubbles: true, cancelable: true, clientX, clientY, ...how }));
	if (how.dblclick) top.dispatchEvent(new MouseEvent('dblclick', { bubbles: true, cancelable: true }));
	else if (Object.keys(how).length) top.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ...how }));
	else { if (e.matches('button, a, input, select, textarea')) e.focus(); e.click(); }
	return '';
})(%q, %s)`

func (b *tab) click(sel chromedp.CSS) {
	b.t.Helper()
	b.clickHow(sel, "{}")
}

// clickHow clicks with what a MouseEvent may have, as in {shiftKey: true}.
func (b *tab) clickHow(sel chromedp.CSS, how string) {
	b.t.Helper()
	if hand, ok := b.window.(hands); ok {
		b.doBy("click "+string(sel), func(ctx context.Context) (string, error) { return hand.click(ctx, string(sel), how) })
		return
	}
	b.do("click "+string(sel), fmt.Sprintf(press, string(sel), how))
}

const typeIn = `((selector, text) => {
	const e = document.querySelector(selector);
	if (!e) return 'it is not there';
	if (e.disabled) return 'it is disabled';
	e.focus();
	e.value = text;
	e.dispatchEvent(new Event('input', { bubbles: true }));
	e.dispatchEvent(new Event('change', { bubbles: true }));
	return '';
})(%q, %q)`

func (b *tab) fill(sel chromedp.CSS, text string) {
	b.t.Helper()
	b.do("fill "+string(sel), fmt.Sprintf(typeIn, string(sel), text))
}

// key presses a key where the focus is, with what a KeyboardEvent may have, as in {shiftKey: true}.
func (b *tab) key(key string, how ...string) {
	b.t.Helper()
	more := "{}"
	if len(how) > 0 {
		more = how[0]
	}
	if hand, ok := b.window.(hands); ok {
		b.limit("press "+key, func(ctx context.Context) error { return hand.key(ctx, key, more) })
		return
	}
	b.do("press "+key, fmt.Sprintf(`((key, how) => {
		document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...how }));
		return '';
	})(%q, %s)`, key, more))
}

// do runs a script until it returns the empty string; what it says otherwise is why it could not do its work yet.
func (b *tab) do(what, script string) {
	b.t.Helper()
	b.doBy(what, func(context.Context) (string, error) { return evaluate[string](b, script) })
}

func (b *tab) doBy(what string, try func(context.Context) (why string, err error)) {
	b.t.Helper()
	why := ""
	b.waitFor(what, func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		defer cancel()
		var err error
		if why, err = try(ctx); err != nil {
			why = err.Error()
		}
		return why == ""
	}, &why)
}

func (b *tab) choose(sel chromedp.CSS, files ...string) {
	b.t.Helper()
	b.limit("choose files", func(ctx context.Context) error { return b.window.choose(ctx, string(sel), files) })
}

// evaluate returns the value of an expression in the page; a promise is waited for.
func evaluate[T any](b *tab, expression string) (value T, err error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	raw, err := b.window.evaluate(ctx, expression)
	if err != nil {
		return value, err
	}
	return value, json.Unmarshal(raw, &value)
}

// wait waits for a condition in the page, an expression in JavaScript or a promise of one; navigations in between do no
// harm.
func (b *tab) wait(condition string) {
	b.t.Helper()
	why := ""
	b.waitFor(condition, func() bool {
		ok, err := evaluate[bool](b, "Promise.resolve("+condition+").then(Boolean)")
		if err != nil {
			why = err.Error()
		}
		return err == nil && ok
	}, &why)
}

// waitFor waits until something is so. reasons say what stood in the way last.
func (b *tab) waitFor(what string, met func() bool, reasons ...*string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		if time.Now().After(deadline) {
			for _, why := range reasons {
				what += ": " + *why
			}
			b.fail("waited in vain for: %s", what)
		}
		<-tick.C
	}
}

// waitState waits until the upload of that name is in a state.
func (b *tab) waitState(name, state string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=upload][data-name=' + CSS.escape(%q) + ']')?.dataset.state === %q`, name, state))
}

func (b *tab) waitListed(name string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`!!document.querySelector('[data-testid=entry][data-name=' + CSS.escape(%q) + ']')`, name))
}

func (b *tab) waitNotListed(name string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`!document.querySelector('[data-testid=entry][data-name=' + CSS.escape(%q) + ']')`, name))
}

// waitNothingUnfinished waits until the drive holds no unfinished upload of this person.
func (b *tab) waitNothingUnfinished() {
	b.t.Helper()
	b.wait(`fetch('/file/mpupload/status').then((r) => r.json()).then((a) => a.code === 0 && a.data.length === 0)`)
}

func (b *tab) reload() {
	b.t.Helper()
	b.limit("reload", b.window.reload)
}

func (b *tab) back() {
	b.t.Helper()
	b.limit("back", b.window.back)
}

func (b *tab) forward() {
	b.t.Helper()
	b.limit("forward", b.window.forward)
}

func (b *tab) signUp(name string) {
	b.t.Helper()
	b.click(id("auth-switch"))
	b.wait(`document.querySelector('[data-testid=password]')?.autocomplete === 'new-password'`)
	b.fill(id("username"), name)
	b.fill(id("password"), password)
	b.click(id("auth-submit"))
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=who]')?.textContent === %q`, name))
}

// network sets what the DevTools protocol makes of the tab's network.
func (b *tab) network(c network.Conditions) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{&c},
	})
	b.must(err)
	_, err = chromedp.Call(b.ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{
		Offline: c.Offline, Latency: c.Latency, DownloadThroughput: c.DownloadThroughput, UploadThroughput: c.UploadThroughput,
	})
	b.must(err)
}

// download takes a file from the list and returns its bytes.
func (b *tab) download(name string) []byte {
	b.t.Helper()
	b.click(in("entry", name, "entry-download"))
	return b.savedFile(name)
}

// savedFile returns what the browser has saved for this tab since it was asked last.
func (b *tab) savedFile(name string) []byte {
	b.t.Helper()
	var data []byte
	b.waitFor("the download of "+name, func() bool {
		path, found := b.window.saved()
		if !found {
			return false
		}
		var err error
		data, err = os.ReadFile(path)
		b.must(err)
		return true
	})
	return data
}
