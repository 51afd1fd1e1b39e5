package setup

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// vouchedNodes are a registry whose records are signed with the drive's secret: who can write where they are kept, and does
// not know it, cannot have others ask for blobs at an address of his.
type vouchedNodes struct {
	store.Nodes
	secret []byte
}

// Announce implements store.Nodes.
func (v vouchedNodes) Announce(ctx context.Context, n store.Node, ttl time.Duration) (bool, error) {
	n.URL += " " + v.sign(n)
	return v.Nodes.Announce(ctx, n, ttl)
}

// Node implements store.Nodes. A record that is not ours is ErrUnavailable: nothing is known of the node.
func (v vouchedNodes) Node(ctx context.Context, id store.NodeID) (store.Node, error) {
	n, err := v.Nodes.Node(ctx, id)
	if err != nil {
		return n, err
	}
	url, signature, _ := strings.Cut(n.URL, " ")
	n.URL = url
	if n.ID != id || !hmac.Equal([]byte(signature), []byte(v.sign(n))) {
		return store.Node{}, fmt.Errorf("node %s: %w: the node's record is not signed with this drive's secret", id, store.ErrUnavailable)
	}
	return n, nil
}

func (v vouchedNodes) sign(n store.Node) string {
	mac := hmac.New(sha256.New, v.secret)
	fmt.Fprintf(mac, "blinkdrive node record\n%s\n%s", n.ID, n.URL)
	return hex.EncodeToString(mac.Sum(nil))
}
