package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Downloads gives out the bytes of files.
type Downloads struct {
	Entries store.Entries
	Trees   store.EntryTrees
	Users   store.Users
	Places  Places
	Spares  *Spares // read if a file's own blob cannot be opened; may be nil
	Secret  []byte  // signs links
	Now     func() time.Time
	Log     *slog.Logger
	Metrics *Metrics

	LinkTTL     time.Duration // how long a link is good for where nobody says; an hour
	MaxLinkTTL  time.Duration // how long it can be good for at most; 7 days
	Redirect    bool          // an object store that can gives its blobs out itself
	RedirectTTL time.Duration // how long the link in a redirection is good for; 5 minutes
	MaxArchive  int           // entries of an archive at most; 0: DefaultMaxArchive

	thumbnails thumbnails
	crcs       crcCache // for archives
	summing    lines    // who reads contents for these
}

// A Download is a file that is open for reading. Close it.
type Download struct {
	Entry store.Entry
	Blob  store.Blob // as the store gave it, so that the kernel can copy a file to a socket
}

// Close closes the blob.
func (d *Download) Close() error { return d.Blob.Close() }

// Open opens a file of the user.
func (s *Downloads) Open(ctx context.Context, user store.UserID, ref Ref) (*Download, error) {
	e, err := s.Find(ctx, user, ref)
	if err != nil {
		return nil, err
	}
	return s.OpenEntry(ctx, e)
}

// Find returns a file of the user.
func (s *Downloads) Find(ctx context.Context, user store.UserID, ref Ref) (store.Entry, error) {
	e, err := (&Files{Entries: s.Entries}).entry(ctx, user, ref)
	if err == nil && e.Kind != store.File {
		return e, errorf(Invalid, "cannot download a folder as a file; download it as a zip")
	}
	return e, err
}

// FindLink returns the file that the raw query of a link names, if its user is still active and still has it.
func (s *Downloads) FindLink(ctx context.Context, query string) (store.Entry, error) {
	l, u, err := s.checkLink(ctx, query)
	if err != nil {
		return store.Entry{}, err
	}
	if len(l.Entries) != 1 {
		return store.Entry{}, errorf(Invalid, "the link is for an archive, not for a single file")
	}
	return s.Find(ctx, u.ID, Ref{ID: l.Entries[0]})
}

// checkLink returns what the raw query of a link says, and its user, if the link is good and the user active.
func (s *Downloads) checkLink(ctx context.Context, query string) (link, store.User, error) {
	l, err := parseLink(s.Secret, query)
	if err != nil {
		return l, store.User{}, err
	}
	if !s.Now().Before(l.Expires) {
		return l, store.User{}, errorf(Forbidden, "the link has expired")
	}
	u, err := s.Users.UserByName(ctx, l.User)
	if err != nil {
		return l, store.User{}, explain(err)
	}
	if u.Status != store.UserActive {
		return l, store.User{}, errorf(NotFound, "not found")
	}
	return l, u, nil
}

// OpenLink opens the file that FindLink returns.
func (s *Downloads) OpenLink(ctx context.Context, query string) (*Download, error) {
	e, err := s.FindLink(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.OpenEntry(ctx, e)
}

// Link returns the query of a URL with which anybody can download a file of the user until then.
func (s *Downloads) Link(user store.User, e store.Entry, until time.Time) string {
	return link{Entries: []store.EntryID{e.ID}, User: user.Name, Expires: until}.sign(s.Secret)
}

// LocalBlob opens a blob on this node's disk, for another process of the drive. store.ErrNotFound.
func (s *Downloads) LocalBlob(ctx context.Context, name store.BlobName) (store.Blob, error) {
	return s.Places.Open(ctx, store.LocalLocation(s.Places.Node, name))
}

// Node returns the node whose disk LocalBlob reads; empty where there is none.
func (s *Downloads) Node() store.NodeID {
	if s.Places.Local == nil {
		return ""
	}
	return s.Places.Node
}

// ServedNode counts bytes that went to another process of the drive.
func (s *Downloads) ServedNode(n int64) { s.Metrics.RemoteBytesServed.Add(float64(n)) }

// Served counts bytes that went to a client.
func (s *Downloads) Served(n int64) { s.Metrics.BytesServed.Add(float64(n)) }

// OpenEntry opens a file that Find or FindLink returned. A spare copy of the content stands in for a blob that cannot be
// opened.
func (s *Downloads) OpenEntry(ctx context.Context, e store.Entry) (*Download, error) {
	blob, err := s.blob(ctx, e)
	if errors.Is(err, store.ErrNotFound) { // it has moved since the row was read, so the row is read once more
		if e, err = s.Entries.Entry(ctx, e.User, e.ID); err != nil {
			return nil, explain(err)
		}
		blob, err = s.blob(ctx, e)
	}
	if err != nil && ctx.Err() == nil {
		if spare, serr := s.Spares.Open(ctx, e.Content); serr == nil {
			blob, err = spare, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		s.Log.Error("blob missing", "digest", e.Content.Sums.Digest, "location", e.Content.Location)
		return nil, &Error{Kind: Unavailable, Msg: "the file is temporarily unavailable; try again later", Cause: err}
	} else if err != nil {
		return nil, explain(err)
	}
	return &Download{Entry: e, Blob: blob}, nil
}

func (s *Downloads) blob(ctx context.Context, e store.Entry) (store.Blob, error) {
	c := e.Content
	if c.Status == store.ContentDamaged {
		return nil, store.ErrDamaged
	}
	blob, err := s.Places.Open(ctx, c.Location)
	if err != nil {
		return nil, err
	}
	if blob.Size() != c.Sums.Size {
		blob.Close()
		s.Log.Error("blob has the wrong size", "digest", c.Sums.Digest, "location", c.Location, "size", blob.Size(), "want", c.Sums.Size)
		return nil, store.ErrDamaged
	}
	return blob, nil
}
