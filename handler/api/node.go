package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

const (
	// NodeBlobPath is where a node serves the blobs on its disk to other processes of the drive, by the parameter name.
	NodeBlobPath = "/internal/blob"
	// HeaderNodeAnswer proves that an answer is the node's own: see NodeKey.Answer.
	HeaderNodeAnswer = "Blinkdrive-Node-Answer"
	// NodeWindow is how far the clocks of two processes may be apart, and how long a signed request is good for.
	NodeWindow = 5 * time.Minute

	nodeScheme = "Blinkdrive-Node "
)

// A NodeKey signs the requests that processes of one drive make to its nodes, and the answers. It is derived from the
// drive's secret for this purpose alone: nothing else that is signed with the secret can be taken for such a request.
type NodeKey struct{ key []byte }

// NewNodeKey derives the key.
func NewNodeKey(secret []byte) NodeKey {
	return NodeKey{digest(secret, "blinkdrive requests between nodes 1")}
}

// A NodeRequest is what a signature is made over, besides the time.
type NodeRequest struct {
	Method string
	Path   string
	Query  string // as it stands in the URL
	Node   string // the ID of the node that is to answer
}

// Sign returns the Authorization header of a request: the time, and the HMAC-SHA-256 in hexadecimal.
func (k NodeKey) Sign(r NodeRequest, now time.Time) string {
	return k.sign(r, strconv.FormatInt(now.Unix(), 10))
}

func (k NodeKey) sign(r NodeRequest, at string) string {
	return nodeScheme + at + ":" + hex.EncodeToString(digest(k.key, "request", r.Method, r.Path, r.Query, at, r.Node))
}

// Verify reports whether an Authorization header is that of the request, made with the same key at about this time.
func (k NodeKey) Verify(authorization string, r NodeRequest, now time.Time) bool {
	rest, ok := strings.CutPrefix(authorization, nodeScheme)
	at, _, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || !hmac.Equal([]byte(k.sign(r, at)), []byte(authorization)) {
		return false
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	return err == nil && now.Sub(time.Unix(seconds, 0)).Abs() <= NodeWindow
}

// Answer returns the header with which a node proves that it has, or has not, what a signed request asked for. Anybody
// can answer 404: a wrong address, a proxy, a node with another secret. Only the node itself can say that a blob is gone.
func (k NodeKey) Answer(authorization string, found bool, size int64) string {
	return hex.EncodeToString(digest(k.key, "answer", authorization, strconv.FormatBool(found), strconv.FormatInt(size, 10)))
}

// VerifyAnswer reports whether a header is what Answer returns for the same.
func (k NodeKey) VerifyAnswer(header, authorization string, found bool, size int64) bool {
	return hmac.Equal([]byte(header), []byte(k.Answer(authorization, found, size)))
}

// digest is the HMAC-SHA-256 over lines. None of them holds a line's end: they come from a request line or a header.
func digest(key []byte, lines ...string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(strings.Join(lines, "\n")))
	return mac.Sum(nil)
}
