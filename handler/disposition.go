package handler

import (
	"path"
	"strings"
)

// contentDisposition makes browsers save a file under its name. The plain form comes first, in exactly this shape,
// because old pages take the name out of it with a regular expression; RFC 6266 lets the exact form follow.
func contentDisposition(name string) string { return disposition("attachment", name) }

func disposition(how, name string) string {
	return how + `; filename="` + asciiName(name) + `"; filename*=UTF-8''` + extValue(name)
}

// asciiName replaces what cannot stand between quotes: other than ASCII, quotes, backslashes and control characters.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
}

// extValue writes a name as an ext-value of RFC 8187: all bytes but attr-chars are percent-encoded.
func extValue(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isAttrChar(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func isAttrChar(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}

// contentType returns a type that no browser runs as a program of ours. What is not on the short list is just bytes.
// The table is our own: the machine's would let whoever installs a package decide.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".mp4", ".m4v":
		return "video/mp4"
	case ".webm":
		return "video/webm"
	case ".mp3":
		return "audio/mpeg"
	case ".m4a":
		return "audio/mp4"
	case ".ogg", ".oga", ".opus":
		return "audio/ogg"
	case ".wav":
		return "audio/wav"
	case ".flac":
		return "audio/flac"
	case ".pdf":
		return "application/pdf"
	case ".txt", ".log", ".md", ".csv", ".json", ".yaml", ".yml", ".toml", ".ini", ".conf", ".go", ".py", ".c", ".h", ".rs", ".sql":
		return "text/plain; charset=utf-8"
	}
	return octetStream
}
