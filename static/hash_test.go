package static_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// testHashing hashes a large file of holes in the page's worker, and looks at what that costs the tab meanwhile.
// BLINKDRIVE_TEST_HASH_MIB makes it larger.
func testHashing(t *testing.T, b *tab) {
	mib := int64(350)
	if n, err := strconv.ParseInt(os.Getenv("BLINKDRIVE_TEST_HASH_MIB"), 10, 64); err == nil {
		mib = n
	}
	path, want := holes(t, mib<<20)
	b.wait(`(() => {
		const input = document.createElement('input');
		Object.assign(input, { type: 'file', id: 'probe' });
		document.body.append(input);
		return true;
	})()`)
	b.choose("#probe", path)
	stop := make(chan struct{})
	peak := watchMemory(stop)
	begun := time.Now()
	got, err := evaluate[struct {
		Digest  string
		Longest float64
	}](b, `(async () => {
		const { Hasher } = await import('/static/app/hasher.js');
		let Longest = 0;
		new PerformanceObserver((list) => {
			for (const { duration } of list.getEntries()) Longest = Math.max(Longest, duration);
		}).observe({ type: 'longtask' });
		const Digest = await new Hasher().digest(document.querySelector('#probe').files[0]).result;
		return { Digest, Longest };
	})()`)
	close(stop)
	b.must(err)
	if got.Digest != want {
		t.Errorf("the digest is %s, not %s", got.Digest, want)
	}
	most := <-peak
	t.Logf("%d MiB in %v; the longest task of the page took %.0f ms, memory at most %d MB", mib, time.Since(begun), got.Longest, most>>20)
	if most > 300<<20 {
		t.Errorf("a tab took %d MB", most>>20)
	}
	// A busy machine makes any task longer; one that hashed on the main thread would take seconds on any.
	if got.Longest > 1000 {
		t.Errorf("a task held the page up for %.0f ms", got.Longest)
	}
}

// holes makes a file of zeros that takes no room, and returns its SHA-1.
func holes(t *testing.T, size int64) (path, digest string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "holes.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	sum := sha1.New()
	if _, err := io.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	return path, hex.EncodeToString(sum.Sum(nil))
}

// watchMemory returns the most memory of its own that any tab of a browser had until stop is closed. Where there is no
// /proc it is 0.
func watchMemory(stop chan struct{}) chan int64 {
	peak := make(chan int64, 1)
	go func() {
		most := int64(0)
		for tick := time.NewTicker(200 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				peak <- most
				return
			case <-tick.C:
				most = max(most, largestTab())
			}
		}
	}()
	return peak
}

func largestTab() (most int64) {
	if runtime.GOOS != "linux" {
		return 0
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		cmdline, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(cmdline), "--type=renderer") {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(name), "status"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kb int64
			if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kb); n == 1 {
				most = max(most, kb<<10)
			}
		}
	}
	return most
}
