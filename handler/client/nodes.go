package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

var (
	// ErrNoBlob: the node itself says that it has no such blob.
	ErrNoBlob = errors.New("blob not found on the node")
	// ErrNodeUnavailable: the node was not reached, or what answered could not prove to be it. Nothing is known of the blob.
	ErrNodeUnavailable = errors.New("node unreachable")
)

// NodeBlobs reads blobs on the disks of other nodes, for the processes of a drive, which share its secret. Unlike a
// Client it acts for no user. It is safe for concurrent use.
type NodeBlobs struct {
	Secret []byte           // of the drive
	HTTP   *http.Client     // nil: one with timeouts that keeps connections open
	Now    func() time.Time // nil: time.Now

	Stall time.Duration // a request on which no byte moves for so long is given up; 0: 15 s
	Tries int           // in a row without a byte, before the node is taken for unavailable; 0: 4
	Pause time.Duration // between the first two of these; each further pause is twice as long; 0: 100 ms
}

// NewNodeBlobs returns the reader with the documented defaults.
func NewNodeBlobs(secret []byte) *NodeBlobs {
	t := transport(32)
	t.Proxy = nil // nodes are reached directly; nothing of theirs is for a proxy to see
	return &NodeBlobs{Secret: secret, HTTP: &http.Client{Transport: t, CheckRedirect: noRedirect}}
}

// noRedirect keeps a signed request with the node that it was signed for.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// CloseIdleConnections closes connections that nobody uses now.
func (n *NodeBlobs) CloseIdleConnections() { n.http().CloseIdleConnections() }

// Open opens a blob on the disk of the node with an ID, which answers at a base URL. The blob may be read until ctx ends.
// ErrNoBlob, ErrNodeUnavailable.
func (n *NodeBlobs) Open(ctx context.Context, nodeURL, node, name string) (*NodeBlob, error) {
	base, err := url.Parse(nodeURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("node %s: %w: invalid address", node, ErrNodeUnavailable)
	}
	base = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: api.NodeBlobPath,
		RawQuery: url.Values{"name": {name}}.Encode()}
	b := &NodeBlob{nodes: n, ctx: ctx, url: base.String(), query: base.RawQuery, node: node}
	err = b.persist(func() error {
		b.size, err = b.head()
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (n *NodeBlobs) http() *http.Client {
	if n.HTTP == nil {
		return http.DefaultClient
	}
	return n.HTTP
}

func (n *NodeBlobs) now() time.Time {
	if n.Now == nil {
		return time.Now()
	}
	return n.Now()
}

func (n *NodeBlobs) stall() time.Duration { return positive(n.Stall, 15*time.Second) }

func positive[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// persist repeats fn while it may help. What is not ErrNoBlob or the end of the context comes out as ErrNodeUnavailable.
func (b *NodeBlob) persist(fn func() error) error {
	pause := positive(b.nodes.Pause, 100*time.Millisecond)
	for try := 1; ; try++ {
		err := fn()
		switch {
		case err == nil:
			return nil
		case b.ctx.Err() != nil:
			return fmt.Errorf("node %s: %w", b.node, context.Cause(b.ctx))
		case errors.Is(err, ErrNoBlob):
			return fmt.Errorf("node %s: %w", b.node, err)
		case errors.Is(err, ErrNodeUnavailable), try >= positive(b.nodes.Tries, 4):
			return unavailable(b.node, err)
		}
		if err := sleep(b.ctx, pause); err != nil {
			return fmt.Errorf("node %s: %w", b.node, err)
		}
		pause *= 2
	}
}

func unavailable(node string, err error) error {
	if errors.Is(err, ErrNodeUnavailable) {
		return fmt.Errorf("node %s: %w", node, err)
	}
	return fmt.Errorf("node %s: %w: %w", node, ErrNodeUnavailable, err)
}

// head asks for the size.
func (b *NodeBlob) head() (int64, error) {
	dog := watch(b.ctx, b.nodes.stall())
	defer dog.stop()
	resp, err := b.do(dog.ctx, http.MethodHead, "")
	if err != nil {
		return 0, dog.explain(err)
	}
	defer resp.Body.Close()
	return resp.ContentLength, b.proven(resp, http.StatusOK, resp.ContentLength)
}

// do sends a signed request.
func (b *NodeBlob) do(ctx context.Context, method, span string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, b.url, nil)
	if err != nil {
		return nil, err
	}
	signed := api.NodeRequest{Method: method, Path: api.NodeBlobPath, Query: b.query, Node: b.node}
	req.Header.Set("Authorization", b.key().Sign(signed, b.nodes.now()))
	req.Header.Set("User-Agent", "blinkdrive-node")
	if span != "" {
		req.Header.Set("Range", span)
	}
	resp, err := b.nodes.http().Do(req)
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return resp, err
}

func (b *NodeBlob) key() api.NodeKey { return api.NewNodeKey(b.nodes.Secret) }

// proven checks that an answer has the status that is wanted, and is the node's own. One that is not may be anybody's,
// and says nothing of the blob.
func (b *NodeBlob) proven(resp *http.Response, want int, size int64) error {
	proof, asked := resp.Header.Get(api.HeaderNodeAnswer), resp.Request.Header.Get("Authorization")
	switch {
	case resp.StatusCode == want && b.key().VerifyAnswer(proof, asked, true, size):
		return nil
	case resp.StatusCode == http.StatusNotFound && b.key().VerifyAnswer(proof, asked, false, 0):
		return ErrNoBlob
	case resp.StatusCode >= http.StatusInternalServerError:
		return errors.New("unexpected status " + strconv.Itoa(resp.StatusCode)) // tried again
	}
	return fmt.Errorf("%w: the response (status %d) is not signed by this node; check its address, secret and clock", ErrNodeUnavailable, resp.StatusCode)
}

// get opens a range of the blob.
func (b *NodeBlob) get(dog *watchdog, off, end int64) (io.ReadCloser, error) {
	resp, err := b.do(dog.ctx, http.MethodGet, fmt.Sprintf("bytes=%d-%d", off, end-1))
	if err != nil {
		return nil, err
	}
	err = b.proven(resp, http.StatusPartialContent, b.size)
	if err == nil {
		from, size, rerr := parseContentRange(resp.Header.Get("Content-Range"))
		if rerr != nil || from != off || size != b.size || resp.ContentLength != end-off {
			err = fmt.Errorf("%w: requested bytes %d to %d, got %q", ErrNodeUnavailable, off, end-1, resp.Header.Get("Content-Range"))
		}
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp.Body, nil
}
