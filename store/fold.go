package store

import (
	"strings"
	"unicode"
)

// FoldName returns a name in which letters that differ only in case are alike, by Unicode's simple folding, which is
// one character for one. It is the same whatever the language and whatever database keeps the name.
func FoldName(name string) string { return strings.Map(foldRune, name) }

// foldRune returns one character of those that fold to the same: the least, but for the ASCII letters the small one.
func foldRune(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	case r < 0x80:
		return r
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}
