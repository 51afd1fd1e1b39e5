package service

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A link is what a signed download URL says: who lets whoever has it read which entries, until when.
type link struct {
	Entries []store.EntryID // at least one
	User    string          // by name: row numbers never leave the server
	Expires time.Time
}

// The parameters of a link. sigParam is the signature of the others.
const (
	idParam      = "id"
	userParam    = "user"
	expiresParam = "expires"
	sigParam     = "sig"
)

// unsignedParams are parameters of the routes that a signature does not cover. A link with one of them is refused, so
// that the holder of a link cannot change what it does.
var unsignedParams = map[string]bool{"filehash": true, "filename": true, "inline": true, "ifrevision": true,
	"username": true, "token": true}

// sign returns the query of a signed URL.
func (l link) sign(secret []byte) string {
	ids := make([]string, len(l.Entries))
	for i, id := range l.Entries {
		ids[i] = string(id)
	}
	text := linkText(strings.Join(ids, ","), l.User, strconv.FormatInt(l.Expires.Unix(), 10))
	return text + "&" + sigParam + "=" + signature(secret, text)
}

// linkText returns the text that is signed: the name and the decoded value of each parameter, encoded in one way and in
// one order. Different values have different texts.
func linkText(id, user, expires string) string {
	return idParam + "=" + url.QueryEscape(id) + "&" + userParam + "=" + url.QueryEscape(user) + "&" +
		expiresParam + "=" + url.QueryEscape(expires)
}

// IsLink reports whether a raw query is that of a link, valid or not: it has a signature.
func IsLink(query string) bool {
	for name, value := range queryParams(query) {
		if name == sigParam && value != "" {
			return true
		}
	}
	return false
}

// parseLink reads the query of a link that was signed with the same secret. Programs on a link's way to its reader may
// write the same values in another encoding or order, and add parameters of their own, which are ignored. The
// signature is compared before any value is interpreted.
func parseLink(secret []byte, query string) (link, error) {
	invalid := errorf(Forbidden, "the link is not valid")
	values := map[string]string{}
	for name, text := range queryParams(query) {
		switch name {
		case idParam, userParam, expiresParam, sigParam:
			value, err := url.QueryUnescape(text)
			if _, repeated := values[name]; repeated || err != nil {
				return link{}, invalid
			}
			values[name] = value
		default:
			if unsignedParams[name] {
				return link{}, invalid
			}
		}
	}
	text := linkText(values[idParam], values[userParam], values[expiresParam])
	if !hmac.Equal([]byte(signature(secret, text)), []byte(values[sigParam])) {
		return link{}, invalid
	}
	var ids []store.EntryID
	for id := range strings.SplitSeq(values[idParam], ",") {
		if _, err := store.ParseEntryID(id); err != nil {
			return link{}, invalid
		}
		ids = append(ids, store.EntryID(id))
	}
	expires, err := strconv.ParseInt(values[expiresParam], 10, 64)
	if err != nil {
		return link{}, invalid
	}
	return link{Entries: ids, User: values[userParam], Expires: time.Unix(expires, 0)}, nil
}

// queryParams yields the parameters of a raw query: each name decoded, each value as it is. Names that cannot be
// decoded are left out. Unlike url.ParseQuery it does not fail for what others have added.
func queryParams(query string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for param := range strings.SplitSeq(query, "&") {
			text, value, _ := strings.Cut(param, "=")
			if name, err := url.QueryUnescape(text); err == nil && !yield(name, value) {
				return
			}
		}
	}
}

// signature returns the HMAC-SHA-256 in hexadecimal. The purpose goes in first, so that nothing else that is signed
// with the drive's secret can be taken for a link. Links that were given out when the raw query was compared have the
// same signature, since sign has always written exactly this text.
func signature(secret []byte, text string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("blinkdrive download link 1\n"))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
