package static_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pageState is what somebody would want to know who was not there.
const pageState = `(() => {
	const all = (selector) => [...document.querySelectorAll(selector)];
	const text = (e) => e.textContent.trim().replace(/\s+/g, ' ').slice(0, 200);
	const entries = all('[data-testid=entry]');
	return [
		'at ' + location.hash + ' online ' + navigator.onLine + ' ' + document.visibilityState,
		...all('[data-testid=upload]').map((e) => 'upload ' + e.dataset.name + ' [' + e.dataset.state + '] ' + text(e)),
		entries.length + ' entries: ' + entries.slice(0, 20).map((e) => e.dataset.name).join(' | '),
		...all('dialog[open]').map((e) => 'dialog: ' + text(e)),
		...all('[data-testid=toast]').map((e) => 'toast: ' + text(e)),
		...(window.probeMouse ?? []).map((did) => 'mouse: ' + did),
		'now ' + Math.round(performance.now()),
		'focus on ' + (document.activeElement?.outerHTML ?? '').slice(0, 150),
	].join('\n');
})()`

// describe says how things stand in the page and on the line, and where a picture of it is.
func (b *tab) describe() string {
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	state, err := evaluate[string](b, pageState)
	if err != nil {
		state = fmt.Sprintf("the page does not answer: %v", err)
	}
	b.chunks.mu.Lock()
	chunks := fmt.Sprintf("acknowledged %v, on the way were %d", b.chunks.acked, len(b.chunks.onTheWay))
	b.chunks.mu.Unlock()
	parts := []string{state, "chunks: " + chunks, "line: " + b.line.String(), "picture: " + b.keepPicture(ctx)}
	return "\t" + strings.ReplaceAll(strings.Join(parts, "\n"), "\n", "\n\t")
}

// keepPicture takes a picture of a failure and returns its path, which outlives the test.
func (b *tab) keepPicture(ctx context.Context) string {
	picture, err := b.window.picture(ctx)
	if err != nil {
		return err.Error()
	}
	dir, err := os.MkdirTemp("", "blinkdrive-page-")
	if err != nil {
		return err.Error()
	}
	path := filepath.Join(dir, "failure.png")
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		return err.Error()
	}
	return path
}

// shoot keeps a picture of the page among the test's artifacts (go test -artifacts).
func (b *tab) shoot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := b.window.picture(ctx)
	if err != nil {
		b.t.Logf("no picture %s: %v", name, err)
		return
	}
	b.must(os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o644))
}
