package setup

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/blinkdrive/blinkdrive/handler"
)

// Handler returns the drive's HTTP side. stopping is closed when the server begins to shut down.
func (d *Drive) Handler(stopping <-chan struct{}) (http.Handler, error) {
	var public *url.URL
	if d.Config.PublicURL != "" {
		var err error
		if public, err = url.Parse(d.Config.PublicURL); err != nil {
			return nil, err
		}
	}
	edited, err := d.editedPage()
	if err != nil {
		return nil, err
	}
	s := &handler.Server{
		Accounts: d.Accounts, Files: d.Files, Uploads: d.Uploads, Instant: d.Instant, Downloads: d.Downloads,
		Log: d.Log, Checks: d.checks, Watched: d.watched, Secret: d.rooms.secret, Metrics: d.figures(), Registry: d.Registry,
		PublicURL: public, TrustedProxies: d.Config.TrustedProxies, CORSOrigins: d.Config.CORSOrigins,
		ReadTimeout: d.Config.ChunkDeadline, Edited: edited, Stopping: stopping,
	}
	return s.Handler(), nil
}

// editedPage opens the folder that the page is served from while somebody edits it; nil where there is none.
func (d *Drive) editedPage() (*os.Root, error) {
	if d.Config.Static == "" {
		return nil, nil
	}
	root, err := os.OpenRoot(d.Config.Static)
	if err != nil {
		return nil, fmt.Errorf("static: %w", err)
	}
	d.onClose(root.Close)
	if _, err := root.Stat("index.html"); err != nil {
		return nil, fmt.Errorf("static: %s does not contain the web page: %w", d.Config.Static, err)
	}
	return root, nil
}

func (e *engines) figures() http.Handler {
	return promhttp.HandlerFor(e.Registry, promhttp.HandlerOpts{Registry: e.Registry})
}

// adminHandler shows what only an operator should see.
func (e *engines) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", e.figures())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
