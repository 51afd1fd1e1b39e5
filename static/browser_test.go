package static_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestMain lets more tests run at once than there are cores: most of their time they wait for a browser or a disk.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err) // there is no such flag any more
	}
	var err error
	if programs, err = os.MkdirTemp("", "blinkdrive-page-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(programs) // what is left of a temporary folder harms nobody
	os.Exit(code)
}

// needsPrograms skips what takes a browser or Node, and more than a minute, unless make test or the command with runs it,
// which installs both. There their absence is a failure.
func needsPrograms(t *testing.T) {
	t.Helper()
	if os.Getenv("BLINKDRIVE_TEST_SERVERS") != "required" {
		t.Skip("needs programs that make test installs")
	}
}

// startBrowser starts a headless Chromium with an empty profile of its own.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	program := findChromium(t)
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		// Several people's tabs are open at once, and none may be put to sleep.
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-hang-monitor", true),
		// A process in reserve for each of them costs as much as the one that is used.
		chromedp.Flag("disable-features", "SpareRendererForSitePerProcess"),
		chromedp.Flag("host-resolver-rules", "MAP "+lanHost+" 127.0.0.1"),
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
