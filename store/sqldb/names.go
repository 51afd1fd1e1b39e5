package sqldb

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/blinkdrive/blinkdrive/store"
)

// nameTaken reports whether a visible entry has the name in a folder.
func (t tx) nameTaken(ctx context.Context, user store.UserID, parent int64, name string) (bool, error) {
	return t.has(ctx, `SELECT 1 FROM tbl_user_file
		WHERE user_id = ? AND parent_id = ? AND file_name = ? AND alive = 1`, user, parent, name)
}

// freeName returns name, or where that is taken name with a number that is not: "a (2).txt". Among the first numbers it is the
// smallest free one. After them the distance grows until a free one is found, and is halved back to one whose
// predecessor is taken: the next number again where they have no gaps, after few steps however many there are.
func (t tx) freeName(ctx context.Context, user store.UserID, parent int64, name string, kind store.EntryKind) (string, error) {
	taken, err := t.nameTaken(ctx, user, parent, name)
	if err != nil || !taken {
		return name, err
	}
	const near = 5
	low, high := 1, 2 // low is taken, high is asked next
	step := func(n int) (bool, error) {
		taken, err := t.nameTaken(ctx, user, parent, numbered(name, n, kind))
		if taken {
			low = n
		} else {
			high = n
		}
		return taken, err
	}
	for taken && err == nil {
		if taken, err = step(high); taken {
			high = max(high+1, (high-near)*2+near)
		}
	}
	for high-low > 1 && err == nil {
		_, err = step(low + (high-low)/2)
	}
	return numbered(name, high, kind), err
}

// numbered puts a number before a file's extension, or behind a folder's name. What is left of the name is shortened, by
// whole characters, where the result would be longer than a name may be.
func numbered(name string, n int, kind store.EntryKind) string {
	stem, ext := name, ""
	if kind == store.File {
		stem, ext = store.SplitExtension(name)
	}
	tail := fmt.Sprintf(" (%d)%s", n, ext)
	return cut(stem, store.MaxName-len(tail)) + tail
}

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
