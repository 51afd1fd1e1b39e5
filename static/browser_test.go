package static_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a condition is waited for.
const patience = 90 * time.Second

// startBrowser starts a headless Chromium with an empty profile. Its absence is a failure, not a reason to skip.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	program := findChromium(t)
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.WindowSize(1280, 800),
	}
	ctx, cancelAllocator := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return ctx
}

func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Fatal("no Chromium is installed; the page is tested in one (Debian and Ubuntu: apt-get install chromium)")
	return ""
}

// A tab is one person's browser, with cookies and storage of its own. It fails the test on any exception in the page,
// any breach of the Content-Security-Policy, and any dialog but the one that asks before leaving.
type tab struct {
	t         *testing.T
	ctx       context.Context
	url       string
	downloads string

	mu       sync.Mutex
	chunks   map[network.RequestID]int // on the way
	acked    map[int]int               // how often a chunk was acknowledged
	again    []int                     // chunks that were sent although they had been acknowledged
	problems []string
	leaving  int // how often the page asked before leaving
	saved    chan string
}

// newTab opens the drive's page for a new person.
func newTab(t *testing.T, browserCtx context.Context, driveURL string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browserCtx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, url: driveURL, downloads: t.TempDir(), saved: make(chan string, 10)}
	b.forgetChunks()
	b.must(chromedp.Listen(ctx, b.event))
	b.must(chromedp.ListenBrowser(ctx, b.browserEvent))
	go b.answerDialogs(chromedp.Events(ctx, page.JavascriptDialogOpening))
	b.saveDownloads()
	b.must(chromedp.Do(ctx, chromedp.Navigate(driveURL)))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Error(p)
		}
	})
	return b
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
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if index := chunkOf(ev.Request.URL); index > 0 {
			b.chunks[ev.RequestID] = index
			if b.acked[index] > 0 {
				b.again = append(b.again, index)
			}
		}
	case *network.EventResponseReceived:
		if index := b.chunks[ev.RequestID]; index > 0 && ev.Response.Status == 200 {
			b.acked[index]++
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception in the page: "+ev.ExceptionDetails.Text+" "+exception(ev))
	case *log.EventEntryAdded:
		if ev.Entry.Source == log.EntrySourceSecurity {
			b.problems = append(b.problems, "security: "+ev.Entry.Text)
		}
	}
}

func exception(ev *runtime.EventExceptionThrown) string {
	if ev.ExceptionDetails.Exception == nil {
		return ""
	}
	return ev.ExceptionDetails.Exception.Description
}

func (b *tab) browserEvent(ev any) {
	if ev, ok := ev.(*browser.EventDownloadProgress); ok && ev.State == browser.DownloadProgressStateCompleted {
		select {
		case b.saved <- ev.GUID:
		default:
		}
	}
}

func (b *tab) answerDialogs(opening func(yield func(page.EventJavascriptDialogOpening, error) bool)) {
	for ev, err := range opening {
		if err != nil {
			return
		}
		b.mu.Lock()
		if ev.Type == page.DialogTypeBeforeunload {
			b.leaving++
		} else {
			b.problems = append(b.problems, "dialog: "+ev.Message)
		}
		b.mu.Unlock()
		_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
	}
}

// chunkOf returns the number of the chunk that a request carries, or 0.
func chunkOf(rawURL string) int {
	u, err := url.Parse(rawURL)
	if err != nil || u.Path != "/file/mpupload/uppart" {
		return 0
	}
	index, _ := strconv.Atoi(u.Query().Get("index"))
	return index
}

func (b *tab) forgetChunks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chunks, b.acked, b.again = map[network.RequestID]int{}, map[int]int{}, nil
}

func (b *tab) ackedChunks() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.acked)
}

// wantNothingAgain checks that no chunk that had been acknowledged was sent again, and none was acknowledged twice.
func (b *tab) wantNothingAgain() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.again) > 0 {
		b.t.Errorf("acknowledged chunks %v were sent again", b.again)
	}
	for index, times := range b.acked {
		if times > 1 {
			b.t.Errorf("chunk %d was acknowledged %d times", index, times)
		}
	}
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// limit runs an action for no longer than our patience.
func (b *tab) limit(what string, action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, action); err != nil {
		b.shoot("failure")
		b.t.Fatalf("%s: %v", what, err)
	}
}

// id selects the element with a data-testid.
func id(name string) chromedp.CSS { return chromedp.CSS(fmt.Sprintf(`[data-testid=%q]`, name)) }

// in selects a part of the row of the entry or upload of that name.
func in(kind, name, part string) chromedp.CSS {
	return chromedp.CSS(fmt.Sprintf(`[data-testid=%q][data-name=%q] [data-testid=%q]`, kind, name, part))
}

func (b *tab) click(sel chromedp.CSS) {
	b.t.Helper()
	b.limit("click "+string(sel), chromedp.Click(sel))
}

func (b *tab) fill(sel chromedp.CSS, text string) {
	b.t.Helper()
	b.limit("fill "+string(sel), chromedp.SetValue(sel, text))
}

func (b *tab) choose(sel chromedp.CSS, files ...string) {
	b.t.Helper()
	b.limit("choose files", chromedp.SetUploadFiles(sel, files))
}

// wait waits for a condition in the page, an expression in JavaScript; navigations in between do no harm.
func (b *tab) wait(condition string) {
	b.t.Helper()
	b.waitFor(condition, func() bool {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](condition))
		return err == nil && ok
	})
}

func (b *tab) waitFor(what string, met func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(50 * time.Millisecond); !met(); <-tick.C {
		if time.Now().After(deadline) {
			b.shoot("failure")
			b.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// waitState waits until the upload of that name is in a state.
func (b *tab) waitState(name, state string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelector('[data-testid=upload][data-name=%q]')?.dataset.state === %q`, name, state))
}

func (b *tab) waitListed(name string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`!!document.querySelector('[data-testid=entry][data-name=' + CSS.escape(%q) + ']')`, name))
}

func (b *tab) waitNotListed(name string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`!document.querySelector('[data-testid=entry][data-name=' + CSS.escape(%q) + ']')`, name))
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

// slow limits the line in both directions, in bytes a second; 0 takes the limit away.
func (b *tab) slow(rate float64) {
	b.t.Helper()
	if rate == 0 {
		rate = -1
	}
	b.line(network.Conditions{DownloadThroughput: rate, UploadThroughput: rate})
}

func (b *tab) line(c network.Conditions) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{&c},
	})
	b.must(err)
}

// download takes a file from the list and returns its bytes.
func (b *tab) download(name string) []byte {
	b.t.Helper()
	b.click(in("entry", name, "entry-download"))
	select {
	case guid := <-b.saved:
		data, err := os.ReadFile(filepath.Join(b.downloads, guid))
		b.must(err)
		return data
	case <-time.After(patience):
		b.t.Fatalf("%s was not downloaded", name)
		return nil
	}
}

// shoot keeps a picture of the page among the test's artifacts (go test -artifacts).
func (b *tab) shoot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("no picture %s: %v", name, err)
		return
	}
	b.must(os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o644))
}
