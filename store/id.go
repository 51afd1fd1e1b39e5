package store

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
)

// A UserID is a user's row number. It never leaves the server.
type UserID int64

// A NodeID names one running upload service with a staging disk of its own: 1 to 32 of a–z and 0–9.
type NodeID string

// ParseNodeID checks that s can name a node.
func ParseNodeID(s string) (NodeID, error) {
	if len(s) < 1 || len(s) > 32 || !only(s, "abcdefghijklmnopqrstuvwxyz0123456789") {
		return "", fmt.Errorf("node name: %w: must be 1 to 32 characters of a-z and 0-9", ErrInvalid)
	}
	return NodeID(s), nil
}

// NewNodeID makes a random node ID.
func NewNodeID() NodeID { return NodeID("n" + hex.EncodeToString(random(4))) }

// An UploadID names an upload for ever: its node, a dash and 128 random bits in lower-case hexadecimal.
// It is safe as a file name.
type UploadID string

// NewUploadID makes an ID that was never used before.
func NewUploadID(node NodeID) UploadID {
	return UploadID(string(node) + "-" + hex.EncodeToString(random(16)))
}

// ParseUploadID checks the form of an upload ID.
func ParseUploadID(s string) (UploadID, error) {
	node, bits, ok := strings.Cut(s, "-")
	if _, err := ParseNodeID(node); !ok || err != nil || len(bits) != 32 || !only(bits, "0123456789abcdef") {
		return "", fmt.Errorf("upload ID: %w", ErrInvalid)
	}
	return UploadID(s), nil
}

// Node returns the node whose staging holds the upload.
func (u UploadID) Node() NodeID {
	node, _, _ := strings.Cut(string(u), "-")
	return NodeID(node)
}

// An EntryID is the opaque public name of an entry: 26 characters of a–z and 2–7. The empty ID is the root folder.
type EntryID string

// NewEntryID makes a random entry ID.
func NewEntryID() EntryID {
	return EntryID(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random(16))))
}

// ParseEntryID checks the form of an entry ID. The root's empty ID is refused.
func ParseEntryID(s string) (EntryID, error) {
	if len(s) != 26 || !only(s, "abcdefghijklmnopqrstuvwxyz234567") {
		return "", fmt.Errorf("id: %w", ErrInvalid)
	}
	return EntryID(s), nil
}

func only(s, alphabet string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(alphabet, r) })
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program where the system has no randomness
	return b
}
