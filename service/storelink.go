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

// DefaultLinkEnd returns until when a link is good that is made now and of which nobody says how long it shall be.
func (s *Downloads) DefaultLinkEnd() time.Time { return s.Now().Add(orDefault(s.LinkTTL, time.Hour)) }

const minLinkTTL = time.Minute // with less, a link may have expired before anybody has got it

// LinkEnd returns until when a link is good that is made now for so long. Invalid: it cannot be so short, or so long.
func (s *Downloads) LinkEnd(life time.Duration) (time.Time, error) {
	most := orDefault(s.MaxLinkTTL, maxStoreLink)
	if life < minLinkTTL || life > most {
		return time.Time{}, errorf(Invalid, "parameter lifetime must be between %d and %d seconds", minLinkTTL/time.Second, most/time.Second)
	}
	return s.Now().Add(life), nil
}

// StoreLink returns a URL with which anybody can download a file from the object store itself until then; empty where the
// file is not there, the store gives nothing out, not for so long, or the policy does not let it.
func (s *Downloads) StoreLink(ctx context.Context, e store.Entry, p Presentation, until time.Time) (string, error) {
	return s.storeLink(ctx, e, p, until.Sub(s.Now()).Round(time.Second))
}

// Redirection returns the same for a client that will follow it at once.
func (s *Downloads) Redirection(ctx context.Context, e store.Entry, p Presentation) (string, error) {
	return s.storeLink(ctx, e, p, orDefault(s.RedirectTTL, 5*time.Minute))
}

// maxStoreLink is how long the object stores let a signature live.
const maxStoreLink = 7 * 24 * time.Hour

func (s *Downloads) storeLink(ctx context.Context, e store.Entry, p Presentation, ttl time.Duration) (string, error) {
	c := e.Content
	if !s.Redirect || c.Location.Kind == store.Local || ttl > maxStoreLink {
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
	url, err := out.Link(ctx, c.Location.Name(), p.Disposition, p.MediaType, ttl)
	if err != nil {
		return "", explain(fmt.Errorf("presign %s: %w", c.Location, err))
	}
	return url, nil
}
