package static_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A wire carries the commands of WebDriver (https://www.w3.org/TR/webdriver2/), by its names, to a browser.
type wire interface {
	do(ctx context.Context, command string, params map[string]any) (json.RawMessage, error)
}

// A driven browser is one that WebDriver drives: all its tabs by one wire, which has one current window.
type driven struct {
	wire      wire
	downloads string
	popups    bool     // where a window of the browser is wider than a phone
	logs      []string // what the browser writes down, where it does

	mu      sync.Mutex
	current string // window
	first   string // from which the others are opened
}

// begin begins a session, in which scripts have the time that a test has for anything.
func (s *driven) begin(t *testing.T, capabilities map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	wanted := map[string]any{"timeouts": map[string]any{"script": patience.Milliseconds(), "pageLoad": patience.Milliseconds()}}
	maps.Copy(wanted, capabilities)
	if _, err := s.wire.do(ctx, "NewSession", map[string]any{"capabilities": map[string]any{"alwaysMatch": wanted}}); err != nil {
		t.Fatal(err)
	}
	answer, err := s.wire.do(ctx, "GetWindowHandle", nil)
	if err == nil {
		err = json.Unmarshal(answer, &s.first)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// complaints returns what the browser has written down since it was last asked about faults of pages, and not of the network.
func (s *driven) complaints(t *testing.T) (complaints []string) {
	t.Helper()
	bad := regexp.MustCompile(`(?m)^(JavaScript error: http|.*Content[- ]Security[- ]Policy).*`)
	for _, log := range s.logs {
		text, err := os.ReadFile(log)
		if err == nil {
			err = os.Truncate(log, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		complaints = append(complaints, bad.FindAllString(string(text), 20)...)
	}
	return complaints
}

func (s *driven) seat(b *tab, d *drive) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.t.Cleanup(cancel)
	soon, stop := context.WithTimeout(ctx, patience)
	defer stop()
	handle, err := s.newWindow(soon)
	b.must(err)
	w := &drivenWindow{browser: s, handle: handle}
	b.t.Cleanup(func() { _, _ = w.do(ctx, "CloseWindow", nil) }) // it goes with the browser too
	b.must(w.resize(ctx, 1280))
	b.ctx, b.window, b.line = ctx, w, probedLine(b.t, d.url, b.chunks)
}

// newWindow opens a window. Firefox is only ready for an address in one that was asked for by WebDriver.
func (s *driven) newWindow(ctx context.Context) (handle string, err error) {
	first := &drivenWindow{browser: s, handle: s.first}
	if s.popups {
		return first.popup(ctx)
	}
	var opened struct{ Handle string }
	err = first.ask(ctx, "NewWindow", map[string]any{"type": "window"}, &opened)
	return opened.Handle, err
}

// popup opens a window that has nothing but the page: a phone is narrower than the tools of some browsers.
func (w *drivenWindow) popup(ctx context.Context) (handle string, err error) {
	before, err := w.handles(ctx)
	if err != nil {
		return "", err
	}
	if _, err := w.evaluate(ctx, `void open('about:blank', '_blank', 'popup,noopener,width=1280,height=800')`); err != nil {
		return "", err
	}
	for {
		after, err := w.handles(ctx)
		if err != nil {
			return "", err
		}
		for _, handle := range after {
			if !slices.Contains(before, handle) {
				return handle, nil
			}
		}
	}
}

type drivenWindow struct {
	browser *driven
	handle  string
}

// do runs a command in this window.
func (w *drivenWindow) do(ctx context.Context, command string, params map[string]any) (json.RawMessage, error) {
	s := w.browser
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != w.handle {
		if _, err := s.wire.do(ctx, "SwitchToWindow", map[string]any{"handle": w.handle}); err != nil {
			return nil, err
		}
		s.current = w.handle
	}
	return s.wire.do(ctx, command, params)
}

// ask runs a command and reads its answer into value.
func (w *drivenWindow) ask(ctx context.Context, command string, params map[string]any, value any) error {
	answer, err := w.do(ctx, command, params)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, value)
}

func (w *drivenWindow) handles(ctx context.Context) (handles []string, err error) {
	return handles, w.ask(ctx, "GetWindowHandles", nil, &handles)
}

func (w *drivenWindow) run(ctx context.Context, command string) error {
	_, err := w.do(ctx, command, nil)
	return err
}

func (w *drivenWindow) open(ctx context.Context, url string) error {
	_, err := w.do(ctx, "Navigate", map[string]any{"url": url})
	return err
}
func (w *drivenWindow) reload(ctx context.Context) error  { return w.run(ctx, "Refresh") }
func (w *drivenWindow) back(ctx context.Context) error    { return w.run(ctx, "Back") }
func (w *drivenWindow) forward(ctx context.Context) error { return w.run(ctx, "Forward") }
func (w *drivenWindow) escape(ctx context.Context) error  { return w.key(ctx, "Escape", "{}") }

// resize makes the page as wide as that, and 800 high whatever is above it.
func (w *drivenWindow) resize(ctx context.Context, width int64) error {
	raw, err := w.evaluate(ctx, `outerHeight - innerHeight`)
	if err != nil {
		return err
	}
	var above int
	if err := json.Unmarshal(raw, &above); err != nil {
		return err
	}
	_, err = w.do(ctx, "SetWindowRect", map[string]any{"width": width, "height": 800 + above})
	return err
}

// scheme has the page told, as the system cannot be.
func (w *drivenWindow) scheme(ctx context.Context, name string) error {
	_, err := w.evaluate(ctx, fmt.Sprintf(`(localStorage['blinkdrive.theme'] = document.documentElement.dataset.theme = %q, true)`, name))
	return err
}

func (w *drivenWindow) choose(ctx context.Context, input string, files []string) error {
	var element map[string]string
	if err := w.ask(ctx, "FindElement", map[string]any{"using": "css selector", "value": input}, &element); err != nil {
		return err
	}
	for _, id := range element {
		_, err := w.do(ctx, "ElementSendKeys", map[string]any{"id": id, "text": strings.Join(files, "\n")})
		return err
	}
	return fmt.Errorf("there is no %s", input)
}

// evaluate runs an expression within the time that a test has for anything.
func (w *drivenWindow) evaluate(ctx context.Context, expression string) ([]byte, error) {
	var answer struct {
		Value json.RawMessage
		Error string
	}
	script := fmt.Sprintf(`const done = arguments[arguments.length - 1];
		(async () => (%s))().then((Value) => done({ Value: Value ?? null }), (err) => done({ Error: err + ' ' + err?.stack }));`, expression)
	if err := w.ask(ctx, "ExecuteAsyncScript", map[string]any{"script": script, "args": []any{}}, &answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("exception: %s", answer.Error)
	}
	return answer.Value, nil
}

// picture keeps the page drawing meanwhile: WebKit takes its picture with the next frame in which something changes, and in
// a page at rest nothing does.
func (w *drivenWindow) picture(ctx context.Context) ([]byte, error) {
	const draw = `(() => {
		const { style } = document.body;
		let n = 0;
		const frame = () => {
			style.opacity = window.pictured ? '' : 1 - ++n % 2 / 1000;
			if (!window.pictured) requestAnimationFrame(frame);
		};
		delete window.pictured;
		frame();
	})()`
	if _, err := w.evaluate(ctx, draw); err != nil {
		return nil, err
	}
	defer func() { _, _ = w.evaluate(ctx, `void (window.pictured = true)`) }() // else it draws on
	var text string
	if err := w.ask(ctx, "TakeScreenshot", map[string]any{"full": false}, &text); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// saved takes a file from the browser's folder of downloads, in which files that are not done have other names beside them.
func (w *drivenWindow) saved() (string, bool) {
	dir := w.browser.downloads
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		return "", false
	}
	// Firefox first makes an empty file that keeps the name. Nobody here takes an empty one.
	if about, err := files[0].Info(); err != nil || about.Size() == 0 {
		return "", false
	}
	for _, f := range files {
		if ext := filepath.Ext(f.Name()); ext == ".part" || ext == ".wkdownload" {
			return "", false
		}
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), "saved-")
	if err != nil {
		return "", false
	}
	path := filepath.Join(aside, files[0].Name())
	return path, os.Rename(filepath.Join(dir, files[0].Name()), path) == nil
}

func (w *drivenWindow) problems(ctx context.Context) (problems []string, err error) {
	raw, err := w.evaluate(ctx, `JSON.parse(sessionStorage.getItem('probe.problems') ?? '[]')`)
	if err != nil {
		return nil, err
	}
	return problems, json.Unmarshal(raw, &problems)
}

func (w *drivenWindow) leaving(ctx context.Context) (n int, err error) {
	raw, err := w.evaluate(ctx, `Number(sessionStorage.getItem('probe.leaving'))`)
	if err != nil {
		return 0, err
	}
	return n, json.Unmarshal(raw, &n)
}
