package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxName is the longest name of an entry, and MaxDepth the deepest folder.
const (
	MaxName  = 255 // bytes of UTF-8
	MaxDepth = 64  // folders above an entry
)

// CheckName says whether an entry may have this name: 1 to 255 bytes of UTF-8 without a slash or a control character,
// and neither "." nor "..". Names are compared byte by byte; nothing is normalised.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("name: %w: must not be empty", ErrInvalid)
	case len(name) > MaxName:
		return fmt.Errorf("name: %w: must not be longer than %d bytes", ErrInvalid, MaxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("name: %w: must be valid UTF-8", ErrInvalid)
	case name == "." || name == "..":
		return fmt.Errorf("name: %w: . and .. are reserved", ErrInvalid)
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r < ' ' || r == 0x7f }):
		return fmt.Errorf("name: %w: must not contain a slash or a control character", ErrInvalid)
	}
	return nil
}

// A Path is the names from the root down to an entry; the empty path is the root itself.
type Path []string

// ParsePath reads "/a/b". A slash at either end, and doubled ones, do not count.
func ParsePath(s string) (Path, error) {
	var p Path
	for name := range strings.SplitSeq(s, "/") {
		if name == "" {
			continue
		}
		if err := CheckName(name); err != nil {
			return nil, fmt.Errorf("path: %w", err)
		}
		p = append(p, name)
	}
	if len(p) > MaxDepth {
		return nil, fmt.Errorf("path: %w: must not be deeper than %d folders", ErrInvalid, MaxDepth)
	}
	return p, nil
}

// String writes "/a/b", and "/" for the root.
func (p Path) String() string { return "/" + strings.Join(p, "/") }

// maxExtension is the longest tail after a dot that counts as an extension, the dot included.
const maxExtension = 32

// SplitExtension splits a file's name before its extension, where a number goes that makes the name another one. The
// extension of a compressed tar is both parts, as in ".tar.gz". A name that begins with its only dot has none.
func SplitExtension(name string) (stem, ext string) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || len(name)-dot > maxExtension {
		return name, ""
	}
	const tar = ".tar"
	if at := dot - len(tar); at > 0 && strings.EqualFold(name[at:dot], tar) {
		dot = at
	}
	return name[:dot], name[dot:]
}
