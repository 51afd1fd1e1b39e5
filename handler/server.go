package handler

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/static"
)

// A Server answers the drive's requests with the services that it is given. Fields must not change once Handler was called.
type Server struct {
	Accounts  *service.Accounts
	Files     *service.Files
	Uploads   *service.Uploads
	Instant   *service.Instant
	Downloads *service.Downloads

	Secret []byte // of the drive: what other processes of it sign their requests with; empty: there are none

	Log      *slog.Logger                               // nil: slog.Default
	Now      func() time.Time                           // nil: time.Now
	Checks   map[string]func(ctx context.Context) error // what /readyz asks, by the name of the dependency
	Watched  map[string]func(ctx context.Context) error // likewise, but the drive does useful work without these
	Metrics  http.Handler                               // what /metrics shows; nil: nothing
	Registry prometheus.Registerer                      // of those: requests are counted there; nil: nobody sees them
	Pages    fs.FS                                      // the web page and its files; nil: those of package static
	Edited   *os.Root                                   // the same, read anew at each request, for whoever edits them; nil: Pages

	PublicURL      *url.URL       // what links show; nil: the request's Host
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto count
	CORSOrigins    []string       // origins whose pages may make token requests, as in https://a.example

	ReadTimeout  time.Duration // for each 64 KiB of a body to arrive, and for a whole form; 0: 30 s
	WriteTimeout time.Duration // for each 256 KiB of an answer to leave; 0: 60 s
	StallTimeout time.Duration // likewise of a file or zip, whose reader may pause; 0: 10 min

	Stopping <-chan struct{} // closed when the process stops: refused bodies are not drained any longer; may be nil
}

// Handler returns the whole of the drive's HTTP side.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(s.router().observe)
}

func (s *Server) router() *router {
	rt := &router{
		Server: s,
		routes: map[string][]route{},
		pages:  s.pageSource(),
		origin: http.NewCrossOriginProtection(),
		counts: newRequestMetrics(s.Registry),
		drains: newDrains(defaultDrainLimits, s.Stopping),

		document: sync.OnceValues(openAPIDocument),
	}
	for _, r := range rt.table() {
		rt.routes[r.path] = append(rt.routes[r.path], r)
	}
	if s.PublicURL != nil {
		// A public URL that is no origin is refused here and simply not trusted; the configuration checks it.
		_ = rt.origin.AddTrustedOrigin(s.PublicURL.Scheme + "://" + s.PublicURL.Host)
	}
	return rt
}

func (s *Server) pageSource() pageSource {
	switch {
	case s.Edited != nil:
		return editedPages{s.Edited}
	case s.Pages != nil:
		return loadPages(s.Pages)
	}
	return loadPages(static.FS)
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Server) readTimeout() time.Duration {
	if s.ReadTimeout <= 0 {
		return 30 * time.Second
	}
	return s.ReadTimeout
}

func (s *Server) writeTimeout() time.Duration {
	if s.WriteTimeout <= 0 {
		return time.Minute
	}
	return s.WriteTimeout
}

func (s *Server) stallTimeout() time.Duration {
	if s.StallTimeout <= 0 {
		return 10 * time.Minute
	}
	return s.StallTimeout
}
