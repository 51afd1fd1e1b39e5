package service_test

import (
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
)

func TestCleanName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "..", "a/b", "/", "a\x00b", "a\rb", "a\nb", "a\x7fb", "a\u0085b", "\xff",
		strings.Repeat("x", 256), strings.Repeat("é", 128)} {
		if got, err := service.CleanName(name); service.KindOf(err) != service.Invalid {
			t.Errorf("%q became %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"a", "...", `"quoted"`, "<script>alert(1)", `a\b`, " ", "x ", "?*|:",
		strings.Repeat("x", 255), strings.Repeat("é", 127), "\u202eexe.txt", "עברית.txt", "秒传.bin", "👍"} {
		if got, err := service.CleanName(name); got != name || err != nil {
			t.Errorf("%q became %q, %v", name, got, err)
		}
	}
	if got, err := service.CleanName("e\u0301.txt"); got != "\u00e9.txt" || err != nil {
		t.Errorf("NFD became %q, %v", got, err)
	}
}

func TestCleanPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "/", "/": "/", "//a//b/": "/a/b", "a/e\u0301": "/a/\u00e9"} {
		if got, err := service.CleanPath(in); err != nil || got.String() != want {
			t.Errorf("%q became %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"/a/../b", "/./a", "/a\x00", strings.Repeat("/a", 65), "/a\u0080"} {
		if got, err := service.CleanPath(in); service.KindOf(err) != service.Invalid {
			t.Errorf("%q became %q, %v", in, got, err)
		}
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"", "/a/b", "../..", "e\u0301/\u202e", "a\x00", "\xff/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := service.CleanPath(s)
		if err != nil {
			return
		}
		again, err := service.CleanPath(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q became %q, then %q (%v)", s, p, again, err)
		}
		for _, name := range p {
			if got, err := service.CleanName(name); got != name || err != nil {
				t.Errorf("%q: name %q became %q, %v", s, name, got, err)
			}
		}
	})
}
