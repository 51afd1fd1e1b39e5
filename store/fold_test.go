package store_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/blinkdrive/blinkdrive/store"
)

func TestFoldName(t *testing.T) {
	t.Parallel()
	for _, alike := range [][]string{
		{"Report 2024.PDF", "report 2024.pdf", "REPORT 2024.Pdf"},
		{"ÄÖÜ é", "äöü É"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος"}, // both small sigmas
		{"ПРИВЕТ", "привет"},
		{"K", "k", "\u212a"}, // the sign of Kelvin
		{"ſ", "s", "S"},
		{"秒传.txt", "秒传.TXT"},
	} {
		for _, name := range alike {
			if store.FoldName(name) != store.FoldName(alike[0]) {
				t.Errorf("%q is not like %q", name, alike[0])
			}
		}
	}
	for _, pair := range [][2]string{{"a", "b"}, {"a", "ä"}, {"ß", "ss"}, {"%", "_"}, {"", " "}, {"1", "l"}} {
		if store.FoldName(pair[0]) == store.FoldName(pair[1]) {
			t.Errorf("%q is like %q", pair[0], pair[1])
		}
	}
}

func FuzzFoldName(f *testing.F) {
	f.Add("Straße ΣΊΣΥΦΟΣ K")
	f.Fuzz(func(t *testing.T, s string) {
		folded := store.FoldName(s)
		if store.FoldName(folded) != folded {
			t.Errorf("%q folds to %q, and that to %q", s, folded, store.FoldName(folded))
		}
		if strings.ToValidUTF8(s, "") == s && len([]rune(folded)) != len([]rune(s)) {
			t.Errorf("%q has another length than %q", s, folded)
		}
		other := strings.Map(unicode.SimpleFold, s)
		if strings.ToValidUTF8(s, "") == s && store.FoldName(other) != folded {
			t.Errorf("%q and %q differ", s, other)
		}
	})
}
