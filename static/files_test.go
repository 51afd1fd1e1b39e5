package static_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/static"
)

// pageFiles returns what the page loads, by name.
func pageFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(static.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(static.FS, name)
		files[name] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestWeight holds the page, all of it, to what a slow line brings in a few seconds.
func TestWeight(t *testing.T) {
	t.Parallel()
	const most = 150_000
	sum := 0
	for _, body := range pageFiles(t) {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = w.Write([]byte(body)) // to memory
		_ = w.Close()
		sum += out.Len()
	}
	if sum > most {
		t.Errorf("the page weighs %d bytes compressed, more than %d", sum, most)
	}
	t.Logf("%d bytes compressed", sum)
}

// TestNoOtherHost finds no address of anybody else in what the page loads.
func TestNoOtherHost(t *testing.T) {
	t.Parallel()
	address := regexp.MustCompile(`https?://[\w.-]+`)
	for name, body := range pageFiles(t) {
		if strings.HasPrefix(name, "lib/") {
			continue // comments name their authors
		}
		for _, found := range address.FindAllString(body, -1) {
			if found != "http://www.w3.org" { // the name of SVG
				t.Errorf("%s names %s", name, found)
			}
		}
	}
}

// TestPreload finds every module that main.js needs in index.html, so that the browser fetches them all at once rather
// than one behind the other.
func TestPreload(t *testing.T) {
	t.Parallel()
	files := pageFiles(t)
	imports := regexp.MustCompile(`(?m)^(?:import|export)\s[^;]*?from '(\.[^']+)'`)
	needed := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if needed[name] {
			return
		}
		needed[name] = true
		for _, m := range imports.FindAllStringSubmatch(files[name], -1) {
			visit(path.Join(path.Dir(name), m[1]))
		}
	}
	visit("app/main.js")
	delete(needed, "app/main.js") // has its own tag
	preload := regexp.MustCompile(`<link rel="modulepreload" href="/static/([^"]+)">`)
	for _, m := range preload.FindAllStringSubmatch(files["index.html"], -1) {
		if !needed[m[1]] {
			t.Errorf("index.html preloads %s, which nobody needs", m[1])
		}
		delete(needed, m[1])
	}
	for name := range needed {
		t.Errorf("index.html does not preload %s", name)
	}
}

// TestWords finds every word that the modules name in the page's languages.
func TestWords(t *testing.T) {
	t.Parallel()
	files := pageFiles(t)
	key := regexp.MustCompile(`\bt\('([\w.]+)'`)
	for name, body := range files {
		if !strings.HasPrefix(name, "app/") || !strings.HasSuffix(name, ".js") {
			continue
		}
		for _, m := range key.FindAllStringSubmatch(body, -1) {
			if !strings.Contains(files["app/words-en.js"], "'"+m[1]+"':") {
				t.Errorf("%s: there is no word %s", name, m[1])
			}
		}
	}
}

// TestIcons finds every icon that is drawn by a fixed name.
func TestIcons(t *testing.T) {
	t.Parallel()
	files := pageFiles(t)
	drawn := regexp.MustCompile(`\bicon(?:: |\()'([\w-]+)'`)
	for name, body := range files {
		for _, m := range drawn.FindAllStringSubmatch(body, -1) {
			if !strings.Contains(files["app/icons.svg"], `id="`+m[1]+`"`) {
				t.Errorf("%s: there is no icon %s", name, m[1])
			}
		}
	}
}
