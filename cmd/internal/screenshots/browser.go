package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	scale    = 1.25    // sharp enough for fine screens, and small enough
	line     = 6 << 20 // bytes a second that the film is sent with
	part     = 0.42    // of the film is sent when the picture is taken
	patience = 2 * time.Minute
)

// setFont uses Inter if it is installed (Debian and Ubuntu: apt-get install fonts-inter fonts-noto-cjk): the page takes the
// system's font, and that of a bare Linux is nothing that readers see on their machines.
const setFont = `(document.body.style.fontFamily = 'Inter, "Noto Sans CJK SC", system-ui, sans-serif', true)`

// shoot signs in through the page, uploads, and takes the picture in the middle of the film.
func (s scene) shoot(ctx context.Context, url, dir string) ([]byte, error) {
	film, known, small, err := s.toUpload(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ctx, end, err := startChromium(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := s.enter(ctx, url); err != nil {
		return nil, err
	}
	input := chromedp.CSS(`[data-testid="upload-input"]`)
	state := func(name, state string) string {
		return fmt.Sprintf(`document.querySelector('[data-testid=upload][data-name=' + CSS.escape(%q) + ']')?.dataset.state === %q`,
			filepath.Base(name), state)
	}
	err = chromedp.Do(ctx,
		chromedp.SetUploadFiles(input, []string{small, known}), wait(state(small, "done")), wait(state(known, "instant")))
	if err != nil {
		return nil, err
	}
	slow := network.Conditions{DownloadThroughput: -1, UploadThroughput: line}
	_, err = chromedp.Call(ctx, network.EmulateNetworkConditionsByRule,
		network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{&slow}})
	if err != nil {
		return nil, err
	}
	return chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		for _, step := range []chromedp.Action[chromedp.Void]{
			chromedp.SetUploadFiles(input, []string{film}), wait(state(film, "uploading")),
			wait(fmt.Sprintf(`document.querySelector('[data-testid=upload] progress').value >= %v`, 100*part)),
			wait(`[...document.querySelectorAll('img.thumbnail')].length >= 4 && document.querySelectorAll('[data-testid=toast]').length === 0`),
		} {
			if _, err := step(ctx, t); err != nil {
				return nil, err
			}
		}
		return chromedp.CaptureScreenshot()(ctx, t)
	})
}

// enter opens the drive of the scene's user in the scene's language.
func (s scene) enter(ctx context.Context, url string) error {
	_, err := chromedp.Call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
	if err != nil {
		return err
	}
	signin := fmt.Sprintf(`(async () => {
		const { setLanguage } = await import('/static/app/words.js');
		setLanguage(%q);
		const answer = await fetch('/user/signin', { method: 'POST', body: new URLSearchParams({ username: %q, password: %q }) });
		return answer.ok;
	})()`, s.language, s.user, password)
	err = chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800, chromedp.EmulateScale(scale)), chromedp.Navigate(url))
	if err != nil {
		return err
	}
	ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](signin, chromedp.EvalAwaitPromise))
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("could not sign in")
	}
	return chromedp.Do(ctx, chromedp.Reload(), wait(`document.querySelector('[data-testid=entry]')`), wait(setFont))
}

// wait waits until an expression is true.
func wait(expression string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Poll[bool]("Boolean("+expression+")")(ctx, t)
		if err != nil {
			err = fmt.Errorf("waiting for %s: %w", expression, err)
		}
		return chromedp.Void{}, err
	}
}

func startChromium(ctx context.Context) (context.Context, context.CancelFunc, error) {
	program, err := findChromium()
	if err != nil {
		return nil, nil, err
	}
	ctx, end := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.WindowSize(1280, 800))
	ctx, endTab := chromedp.NewContext(ctx)
	return ctx, func() {
		endTab()
		end()
	}, nil
}

func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", errors.New("no Chromium is installed (Debian and Ubuntu: apt-get install chromium)")
}
