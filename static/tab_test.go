package static_test

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// patience is how long a condition is waited for. No test assumes that anything happens sooner.
const patience = 90 * time.Second

// A world is what all tests of the page share: a drive, and a browser in which everybody has cookies and storage of their own.
type world struct {
	browser browserProgram
	drive   *drive
	large   int // bytes of a large upload
}

// A browserProgram gives a tab its window, its line to the drive, and the context of both.
type browserProgram interface {
	seat(b *tab, d *drive)
}

// A window is what a browser does for a tab besides what the page in it can be asked.
type window interface {
	open(ctx context.Context, url string) error
	reload(ctx context.Context) error
	back(ctx context.Context) error
	forward(ctx context.Context) error
	resize(ctx context.Context, width int64) error
	// scheme makes the page light or dark.
	scheme(ctx context.Context, name string) error
	// escape presses the key as the browser itself hears it, which closes its dialogs.
	escape(ctx context.Context) error
	// mouse moves the mouse to a point of the page and presses its button there, or lets it go.
	mouse(ctx context.Context, down bool, x, y int) error
	choose(ctx context.Context, input string, files []string) error
	// evaluate returns the value of an expression, or of the promise that it is, as JSON.
	evaluate(ctx context.Context, expression string) ([]byte, error)
	picture(ctx context.Context) ([]byte, error)
	// saved returns the path of a download that is done and that nobody has asked for yet.
	saved() (path string, found bool)
	// problems returns what went wrong in the page, and leaving how often the page asked before leaving.
	problems(ctx context.Context) ([]string, error)
	leaving(ctx context.Context) (int, error)
}

// A tab is one person's browser, with cookies, storage and a line to the drive of its own. It fails the test on any
// exception in the page, any breach of the Content-Security-Policy, and any dialog but the one that asks before leaving.
type tab struct {
	t      *testing.T
	ctx    context.Context
	window window
	world  *world
	line   *line
	chunks *traffic
}

// newTab opens the drive's page for a new person.
func newTab(t *testing.T, w *world) *tab { return newTabAt(t, w, w.drive) }

func newTabAt(t *testing.T, w *world, d *drive) *tab {
	t.Helper()
	b := &tab{t: t, world: w, chunks: newTraffic()}
	w.browser.seat(b, d)
	t.Cleanup(b.reportProblems)
	b.limit("open the page", func(ctx context.Context) error { return b.window.open(ctx, b.line.url) })
	return b
}

// hands are what a window has where the browser lets a test press its mouse and keys as a person does. how is what the
// event is to have, as in {shiftKey: true}; why says what stands in the way.
type hands interface {
	click(ctx context.Context, selector, how string) (why string, err error)
	key(ctx context.Context, key, how string) error
}

func (b *tab) reportProblems() {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	problems, err := b.window.problems(ctx)
	if err != nil {
		b.t.Errorf("what went wrong in the page is not known: %v", err)
	}
	for _, p := range problems {
		b.t.Error(p)
	}
}

// askedBeforeLeaving returns how often the page asked whether its work may be left behind.
func (b *tab) askedBeforeLeaving() int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	n, err := b.window.leaving(ctx)
	b.must(err)
	return n
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
