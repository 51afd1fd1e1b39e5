package handler

import (
	"net/http"
	"strings"
)

// knows reports whether a request's If-None-Match lists an entity tag, by the weak comparison that is meant for it (RFC 9110,
// sections 8.8.3 and 13.1.2). What stands behind something that is no tag is not looked at. An asterisk names no tag.
func knows(r *http.Request, tag string) bool {
	list := strings.Join(r.Header.Values("If-None-Match"), ",")
	want := strings.TrimPrefix(tag, "W/")
	for {
		list = strings.TrimPrefix(strings.TrimLeft(list, " \t,"), "W/")
		end := endOfTag(list)
		if end == 0 {
			return false
		}
		if list[:end] == want {
			return true
		}
		list = strings.TrimLeft(list[end:], " \t")
		if list != "" && list[0] != ',' {
			return false
		}
	}
}

// knowsAny reports whether a request has whatever there is.
func knowsAny(r *http.Request) bool {
	return strings.TrimSpace(r.Header.Get("If-None-Match")) == "*"
}

// endOfTag returns how long the quoted tag is with which a text begins; 0: it begins with none.
func endOfTag(text string) int {
	if text == "" || text[0] != '"' {
		return 0
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c <= ' ' || c == 0x7f: // all others may be in a tag
			return 0
		}
	}
	return 0
}
