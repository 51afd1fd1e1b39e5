package static_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium gives everybody a profile of their own in one browser, by the DevTools protocol.
type chromium struct{ ctx context.Context }

func (c chromium) seat(b *tab, d *drive) {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	w := &chromiumWindow{ctx: ctx, downloads: b.t.TempDir()}
	b.ctx, b.window, b.line = ctx, w, newLine(b.t, d.url)
	b.must(chromedp.Listen(ctx, func(ev any) {
		b.chunks.event(ev)
		w.event(ev)
	}))
	b.must(chromedp.ListenBrowser(ctx, w.browserEvent))
	go w.answerDialogs(chromedp.Events(ctx, page.JavascriptDialogOpening))
	w.saveDownloads(b.t)
}

// twin opens another tab of the same person, in the same browser and on the same line.
func (b *tab) twin() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	w := &chromiumWindow{ctx: ctx, downloads: b.t.TempDir()}
	o := &tab{t: b.t, world: b.world, line: b.line, chunks: newTraffic(), ctx: ctx, window: w}
	b.must(chromedp.Listen(ctx, func(ev any) {
		o.chunks.event(ev)
		w.event(ev)
	}))
	go w.answerDialogs(chromedp.Events(ctx, page.JavascriptDialogOpening))
	b.t.Cleanup(o.reportProblems)
	o.limit("open the page", func(ctx context.Context) error { return o.window.open(ctx, o.line.url) })
	return o
}

// A chromiumWindow hears from the browser what goes wrong in its page.
type chromiumWindow struct {
	ctx       context.Context
	downloads string

	mu      sync.Mutex
	wrong   []string
	guids   []string // of downloads that nobody has asked for yet
	leavers int      // how often the page asked before leaving
}

func (w *chromiumWindow) open(ctx context.Context, url string) error {
	return chromedp.Do(ctx, chromedp.Navigate(url))
}
func (w *chromiumWindow) reload(ctx context.Context) error {
	return chromedp.Do(ctx, chromedp.Reload())
}
func (w *chromiumWindow) back(ctx context.Context) error {
	return chromedp.Do(ctx, chromedp.NavigateBack())
}
func (w *chromiumWindow) forward(ctx context.Context) error {
	return chromedp.Do(ctx, chromedp.NavigateForward())
}

func (w *chromiumWindow) resize(ctx context.Context, width int64) error {
	return chromedp.Do(ctx, chromedp.EmulateViewport(width, 800))
}

// scheme lets the system be light or dark.
func (w *chromiumWindow) scheme(ctx context.Context, name string) error {
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	return err
}

func (w *chromiumWindow) escape(ctx context.Context) error {
	return chromedp.Do(ctx, chromedp.KeyEvent("\x1b"))
}

func (w *chromiumWindow) mouse(ctx context.Context, down bool, x, y int) error {
	steps := []input.DispatchMouseEventType{input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed}
	if !down {
		steps[1] = input.DispatchMouseEventTypeMouseReleased
	}
	for _, step := range steps {
		event := input.DispatchMouseEventParams{Type: step, X: float64(x), Y: float64(y)}
		if step != input.DispatchMouseEventTypeMouseMoved {
			event.Button, event.ClickCount = input.MouseButtonLeft, 1
		}
		if _, err := chromedp.Call(ctx, input.DispatchMouseEvent, event); err != nil {
			return err
		}
	}
	return nil
}

func (w *chromiumWindow) choose(ctx context.Context, input string, files []string) error {
	return chromedp.Do(ctx, chromedp.SetUploadFiles(chromedp.CSS(input), files))
}

// evaluate runs a script as if a person had just done something.
func (w *chromiumWindow) evaluate(ctx context.Context, expression string) ([]byte, error) {
	gesture := func(p *runtime.EvaluateParams) { on := true; p.UserGesture = &on }
	return chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, gesture, chromedp.EvalAwaitPromise))
}

func (w *chromiumWindow) picture(ctx context.Context) ([]byte, error) {
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// saved goes by what the browser says, which tells every tab of every tab's downloads, and maybe before the file has its name.
func (w *chromiumWindow) saved() (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, guid := range w.guids {
		path := filepath.Join(w.downloads, guid)
		if _, err := os.Stat(path); err == nil {
			w.guids = slices.Delete(w.guids, i, i+1)
			return path, true
		}
	}
	return "", false
}

func (w *chromiumWindow) problems(context.Context) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.wrong), nil
}

func (w *chromiumWindow) leaving(context.Context) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leavers, nil
}

func (w *chromiumWindow) saveDownloads(t *testing.T) {
	t.Helper()
	on := true
	_, err := chromedp.CallBrowser(w.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior:         browser.SetDownloadBehaviorBehaviorAllowAndName,
		BrowserContextID: chromedp.FromContext(w.ctx).BrowserContextID,
		DownloadPath:     w.downloads,
		EventsEnabled:    &on,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *chromiumWindow) event(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		w.problem("exception in the page: " + ev.ExceptionDetails.Text + " " + exception(ev))
	case *log.EventEntryAdded:
		if ev.Entry.Source == log.EntrySourceSecurity {
			w.problem("security: " + ev.Entry.Text)
		}
	}
}

func (w *chromiumWindow) problem(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, text)
}

func exception(ev *runtime.EventExceptionThrown) string {
	if ev.ExceptionDetails.Exception == nil {
		return ""
	}
	return ev.ExceptionDetails.Exception.Description
}

func (w *chromiumWindow) browserEvent(ev any) {
	if ev, ok := ev.(*browser.EventDownloadProgress); ok && ev.State == browser.DownloadProgressStateCompleted {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.guids = append(w.guids, ev.GUID)
	}
}

func (w *chromiumWindow) answerDialogs(opening func(yield func(page.EventJavascriptDialogOpening, error) bool)) {
	for ev, err := range opening {
		if err != nil {
			return
		}
		if ev.Type == page.DialogTypeBeforeunload {
			w.mu.Lock()
			w.leavers++
			w.mu.Unlock()
		} else {
			w.problem("dialog: " + ev.Message)
		}
		_, _ = chromedp.Call(w.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
	}
}
