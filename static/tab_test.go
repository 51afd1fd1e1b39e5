package static_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a condition is waited for. No test assumes that anything happens sooner.
const patience = 90 * time.Second

// A world is what all tests of the page share: a drive, and a browser in which everybody has a profile of their own.
type world struct {
	browser context.Context
	drive   *drive
}

// A tab is one person's browser, with cookies, storage and a line to the drive of its own. It fails the test on any
// exception in the page, any breach of the Content-Security-Policy, and any dialog but the one that asks before leaving.
type tab struct {
	t         *testing.T
	ctx       context.Context
	world     *world
	line      *line
	url       string
	downloads string
	chunks    *traffic

	mu       sync.Mutex
	problems []string
	saved    []string // GUIDs of downloads that nobody has asked for yet
	leaving  int      // how often the page asked before leaving
}

// newTab opens the drive's page for a new person.
func newTab(t *testing.T, w *world) *tab { return newTabAt(t, w, w.drive) }

func newTabAt(t *testing.T, w *world, d *drive) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(w.browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, world: w, line: newLine(t, d.url), downloads: t.TempDir()}
	b.url = b.line.url
	b.forgetChunks()
	b.must(chromedp.Listen(ctx, b.event))
	b.must(chromedp.ListenBrowser(ctx, b.browserEvent))
	go b.answerDialogs(chromedp.Events(ctx, page.JavascriptDialogOpening))
	b.saveDownloads()
	b.limit("open the page", chromedp.Navigate(b.url))
	t.Cleanup(b.reportProblems)
	return b
}

func (b *tab) reportProblems() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Error(p)
	}
}

func (b *tab) saveDownloads() {
	on := true
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior:         browser.SetDownloadBehaviorBehaviorAllowAndName,
		BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
		DownloadPath:     b.downloads,
		EventsEnabled:    &on,
	})
	b.must(err)
}

func (b *tab) event(ev any) {
	b.chunks.event(ev)
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		b.problem("exception in the page: " + ev.ExceptionDetails.Text + " " + exception(ev))
	case *log.EventEntryAdded:
		if ev.Entry.Source == log.EntrySourceSecurity {
			b.problem("security: " + ev.Entry.Text)
		}
	}
}

func (b *tab) problem(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, text)
}

func exception(ev *runtime.EventExceptionThrown) string {
	if ev.ExceptionDetails.Exception == nil {
		return ""
	}
	return ev.ExceptionDetails.Exception.Description
}

func (b *tab) browserEvent(ev any) {
	if ev, ok := ev.(*browser.EventDownloadProgress); ok && ev.State == browser.DownloadProgressStateCompleted {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.saved = append(b.saved, ev.GUID)
	}
}

func (b *tab) answerDialogs(opening func(yield func(page.EventJavascriptDialogOpening, error) bool)) {
	for ev, err := range opening {
		if err != nil {
			return
		}
		if ev.Type == page.DialogTypeBeforeunload {
			b.mu.Lock()
			b.leaving++
			b.mu.Unlock()
		} else {
			b.problem("dialog: " + ev.Message)
		}
		_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
	}
}

// askedBeforeLeaving returns how often the page asked whether its work may be left behind.
func (b *tab) askedBeforeLeaving() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leaving
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// fail ends the test, telling what was wanted and what the page looks like instead.
func (b *tab) fail(format string, args ...any) {
	b.t.Helper()
	b.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), b.describe())
}
