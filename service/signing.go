package service

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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

// sigParam stands between the query and its signature, which is always last.
const sigParam = "&sig="

// sign writes the query of a signed URL. The signature is made over the text before it.
func (l link) sign(secret []byte) string {
	ids := make([]string, len(l.Entries))
	for i, id := range l.Entries {
		ids[i] = string(id)
	}
	query := "id=" + url.QueryEscape(strings.Join(ids, ",")) + "&user=" + url.QueryEscape(l.User) +
		"&expires=" + strconv.FormatInt(l.Expires.Unix(), 10)
	return query + sigParam + signature(secret, query)
}

// parseLink reads a query that sign wrote with the same secret. The text is compared before any of it is decoded.
func parseLink(secret []byte, query string) (link, error) {
	i := strings.LastIndex(query, sigParam)
	if i < 0 || !hmac.Equal([]byte(signature(secret, query[:i])), []byte(query[i+len(sigParam):])) {
		return link{}, errorf(Forbidden, "the link is not valid")
	}
	values, err := url.ParseQuery(query[:i])
	if err != nil {
		return link{}, errorf(Forbidden, "the link is not valid")
	}
	var ids []store.EntryID
	for id := range strings.SplitSeq(values.Get("id"), ",") {
		if _, err := store.ParseEntryID(id); err != nil {
			return link{}, errorf(Forbidden, "the link is not valid")
		}
		ids = append(ids, store.EntryID(id))
	}
	expires, err := strconv.ParseInt(values.Get("expires"), 10, 64)
	if err != nil {
		return link{}, errorf(Forbidden, "the link is not valid")
	}
	return link{Entries: ids, User: values.Get("user"), Expires: time.Unix(expires, 0)}, nil
}

// signature returns the HMAC-SHA-256 in hexadecimal. The purpose goes in first, so that nothing else that is signed
// with the drive's secret can be taken for a link.
func signature(secret []byte, query string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("blinkdrive download link 1\n"))
	mac.Write([]byte(query))
	return hex.EncodeToString(mac.Sum(nil))
}
