package handler

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func (s *Server) healthz(w http.ResponseWriter, r *http.Request, c *call) error {
	return writeOK(w, nil)
}

// readyz asks all dependencies at once and names those that fail. Why they fail is in the log only. Without the watched ones
// it is ready all the same: a balancer that took it away would take the downloads away, too.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request, c *call) error {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		state = map[string]string{}
		ready = true
	)
	ask := func(checks map[string]func(context.Context) error, needed bool) {
		for name, check := range checks {
			wg.Go(func() {
				err := within(ctx, check)
				mu.Lock()
				defer mu.Unlock()
				state[name] = "ok"
				if err != nil {
					state[name], ready = "failing", ready && !needed
					s.log().WarnContext(ctx, "could not reach dependency", "dependency", name, "err", err)
				}
			})
		}
	}
	ask(s.Checks, true)
	ask(s.Watched, false)
	wg.Wait()
	if !ready {
		w.Header().Set("Retry-After", "5")
		return writeCode(w, api.Unavailable, api.Unavailable.Status(), "not ready", state)
	}
	return writeOK(w, state)
}

// within calls a check and does not wait for one that hangs.
func within(ctx context.Context, check func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- check(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// metrics shows figures to this machine alone: from how much memory a failed proof of possession takes, others could learn
// whether the drive holds a content. The operator's own address (admin.listen) shows them to whoever reaches it.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request, c *call) error {
	if s.Metrics == nil || !direct(r) {
		return errNoPage()
	}
	s.Metrics.ServeHTTP(w, r)
	return nil
}

// viaProxy are headers by which proxies say that they are there.
var viaProxy = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// direct reports whether a request comes from this machine, and not by way of a proxy on it that says so.
func direct(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	proxied := slices.ContainsFunc(viaProxy, func(name string) bool { return r.Header.Get(name) != "" })
	return err == nil && ap.Addr().Unmap().IsLoopback() && !proxied
}
