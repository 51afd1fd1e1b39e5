package store_test

import (
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

func TestSplitExtension(t *testing.T) {
	t.Parallel()
	long := ".abcdefghijklmnopqrstuvwxyz01234" // 32 bytes
	for name, want := range map[string][2]string{
		"a.txt":          {"a", ".txt"},
		"a.tar.gz":       {"a", ".tar.gz"},
		"v1.2.TAR.zst":   {"v1.2", ".TAR.zst"},
		"a.tar":          {"a", ".tar"},
		".tar.gz":        {".tar", ".gz"},
		"tar.gz":         {"tar", ".gz"},
		"star.gz":        {"star", ".gz"},
		"a.b.gz":         {"a.b", ".gz"},
		"a.tar.":         {"a", ".tar."},
		".bashrc":        {".bashrc", ""},
		"none":           {"none", ""},
		"":               {"", ""},
		"a" + long:       {"a", long},
		"a" + long + "5": {"a" + long + "5", ""},
		"名.tar.gz":       {"名", ".tar.gz"},
	} {
		if stem, ext := store.SplitExtension(name); stem != want[0] || ext != want[1] {
			t.Errorf("%q: %q and %q, want %q", name, stem, ext, want)
		}
	}
}
