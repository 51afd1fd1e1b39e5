package service

import (
	"context"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A Presentation is how an answer shows a file to a browser.
type Presentation struct {
	Disposition string // of Content-Disposition
	MediaType   string
}

// StoreLink returns a URL with which anybody can download a file from the object store itself, for as long as a link is
// good; empty where the file is not there, the store gives nothing out, or the policy does not let it.
func (s *Downloads) StoreLink(ctx context.Context, e store.Entry, p Presentation) (string, error) {
	return s.storeLink(ctx, e, p, s.linkTTL())
}

// Redirection returns the same for a client that will follow it at once.
func (s *Downloads) Redirection(ctx context.Context, e store.Entry, p Presentation) (string, error) {
	return s.storeLink(ctx, e, p, orDefault(s.RedirectTTL, 5*time.Minute))
}

func (s *Downloads) linkTTL() time.Duration { return orDefault(s.LinkTTL, time.Hour) }

// maxStoreLink is how long the object stores let a signature live.
const maxStoreLink = 7 * 24 * time.Hour

func (s *Downloads) storeLink(ctx context.Context, e store.Entry, p Presentation, ttl time.Duration) (string, error) {
	c := e.Content
	if !s.Redirect || c.Location.Kind == store.Local {
		return "", nil
	}
	if c.Status == store.ContentDamaged {
		return "", explain(store.ErrDamaged)
	}
	b, err := s.Places.Of(c.Location)
	if err != nil {
		return "", explain(err)
	}
	out, ok := b.(store.LinkingBlobs)
	if !ok {
		return "", nil
	}
	url, err := out.Link(ctx, c.Location.Name(), p.Disposition, p.MediaType, min(ttl, maxStoreLink))
	if err != nil {
		return "", explain(fmt.Errorf("link %s: %w", c.Location, err))
	}
	return url, nil
}
