package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Limits of the HTTP server. There is no limit on a whole request or answer: an honest upload may be slow, and the
// handlers renew a deadline with each piece that arrives or leaves.
const (
	headerTime  = 10 * time.Second
	headerBytes = 64 << 10
	idleTime    = 2 * time.Minute
)

// Run does the background work of the configured roles until ctx ends, and returns nil then. A worker that fails
// stops the others.
func (d *Drive) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if d.Config.HasRole("transfer") {
		g.Go(func() error { return d.Transfers.Run(ctx) })
	}
	if d.Config.HasRole("sweeper") {
		g.Go(func() error { return d.Sweeper.Run(ctx, d.sweepEvery()) })
	}
	g.Go(func() error { return d.Spares.Run(ctx) }) // in every role: only this process has the disk
	g.Go(func() error { d.checkBucket(ctx); return nil })
	g.Go(func() error { <-ctx.Done(); return nil })
	return g.Wait()
}

// Serve serves the drive until ctx ends: it opens the listeners, calls ready with the URL of the API (if that is among
// the roles), and does the background work. At the end it takes no more requests, lets those that run finish for the
// configured time, and only then stops the work.
func (d *Drive) Serve(ctx context.Context, ready func(url string)) error {
	servers, err := d.listen(ready)
	if err != nil {
		return err
	}
	beat, err := d.heartbeat(servers)
	if err != nil {
		closeAll(servers)
		return err
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	g.Go(func() error { return d.Run(work) })
	if beat != nil {
		g.Go(func() error { return beat.Run(work) })
	}
	for _, s := range servers {
		g.Go(s.serve)
	}
	select {
	case <-ctx.Done():
		d.Log.Info("stopping; waiting for running requests", "timeout", d.Config.ShutdownTimeout)
	case <-failed.Done():
	}
	var closing sync.WaitGroup
	for _, s := range servers {
		closing.Go(func() { s.shutdown(d.Config.ShutdownTimeout, d.Log) })
	}
	closing.Wait()
	stopWork()
	return g.Wait()
}

// A server is an HTTP server and its listener.
type server struct {
	http.Server
	listener net.Listener
	api      bool // it serves the drive itself, not the operator's pages
}

func closeAll(servers []*server) {
	for _, s := range servers {
		_ = s.listener.Close()
	}
}

func (d *Drive) listen(ready func(url string)) ([]*server, error) {
	var servers []*server
	if d.Config.AdminListen != "" {
		s, err := newServer(adminSetting, d.Config.AdminListen, d.adminHandler(), d.Log)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
		d.Log.Info("serving pprof and metrics", "address", s.listener.Addr())
	}
	if d.Config.HasRole("api") {
		stopping := make(chan struct{})
		h, err := d.Handler(stopping)
		if err != nil {
			closeAll(servers)
			return nil, err
		}
		s, err := newServer(listenSetting, d.Config.Listen, h, d.Log)
		if err != nil {
			closeAll(servers)
			return nil, err
		}
		s.api = true
		s.RegisterOnShutdown(sync.OnceFunc(func() { close(stopping) }))
		servers = append(servers, s)
		ready(localURL(s.listener.Addr()))
	}
	return servers, nil
}

// What names the addresses, for whoever has to choose another.
const (
	listenSetting = "BLINKDRIVE_LISTEN"
	adminSetting  = "BLINKDRIVE_ADMIN_LISTEN"
)

func newServer(setting, address string, h http.Handler, log *slog.Logger) (*server, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w; set %s to another address", err, setting)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return &server{listener: l, Server: http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		MaxHeaderBytes:    headerBytes,
		IdleTimeout:       idleTime,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // peers that go away, mostly
	}}, nil
}

func (s *server) serve() error {
	if err := s.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shutdown cuts off what has not finished in time.
func (s *server) shutdown(within time.Duration, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("running requests aborted", "after", within)
		_ = s.Close()
	}
}

// localURL is how to reach an address from this machine.
func localURL(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "http://" + a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
