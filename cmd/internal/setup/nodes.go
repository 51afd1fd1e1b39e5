package setup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// openNodes lets this process read blobs on the disks of other nodes. Without Redis nobody knows where they are.
func (e *engines) openNodes(context.Context) error {
	if e.rooms.nodes == nil {
		return nil
	}
	reader := client.NewNodeBlobs(e.rooms.secret)
	e.onClose(func() error { reader.CloseIdleConnections(); return nil })
	nodes := e.rooms.nodes
	e.rooms.places.Remote = func(ctx context.Context, id store.NodeID, name store.BlobName) (store.Blob, error) {
		node, err := nodes.Node(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("node %s: %w: the node is not running", id, store.ErrUnavailable)
		} else if err != nil {
			return nil, err
		}
		return openOnNode(ctx, reader, node, name)
	}
	return nil
}

// openOnNode says in the words of store what the client of another node says in its own.
func openOnNode(ctx context.Context, reader *client.NodeBlobs, node store.Node, name store.BlobName) (store.Blob, error) {
	blob, err := reader.Open(ctx, node.URL, string(node.ID), string(name))
	switch {
	case errors.Is(err, client.ErrNoBlob):
		return nil, fmt.Errorf("%w: %w", store.ErrNotFound, err)
	case errors.Is(err, client.ErrNodeUnavailable):
		return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case err != nil:
		return nil, err
	}
	return nodeBlob{blob}, nil
}

// A nodeBlob is a blob on another node, whose reads fail in the words of store.
type nodeBlob struct{ *client.NodeBlob }

func (b nodeBlob) Read(p []byte) (int, error) {
	n, err := b.NodeBlob.Read(p)
	return n, storeError(err)
}

func (b nodeBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.NodeBlob.ReadAt(p, off)
	return n, storeError(err)
}

func storeError(err error) error {
	switch {
	case errors.Is(err, client.ErrNoBlob):
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	case errors.Is(err, client.ErrNodeUnavailable):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// heartbeat tells the others where this node is reached. Nil: there is no registry, so there are no others, or nothing
// here that they could ask.
func (d *Drive) heartbeat(servers []*server) (*service.Heartbeat, error) {
	i := slices.IndexFunc(servers, func(s *server) bool { return s.api })
	if d.rooms.nodes == nil || i < 0 {
		return nil, nil
	}
	url := d.Config.NodeURL
	if url == "" {
		var err error
		if url, err = machineURL(servers[i].listener.Addr()); err != nil {
			return nil, err
		}
	}
	return &service.Heartbeat{
		Nodes: d.rooms.nodes, Node: store.Node{ID: d.Node, URL: url}, Log: d.Log, Metrics: d.rooms.metrics,
	}, nil
}

// machineURL is how another machine reaches an address: by this machine's name, unless it is an address of its own.
func machineURL(a net.Addr) (string, error) {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return "", fmt.Errorf("node_url must be set: %w", err)
		}
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
