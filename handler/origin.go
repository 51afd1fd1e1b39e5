package handler

import (
	"net/http"
	"slices"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// checkOrigin refuses what a page of another origin makes a browser do in the user's name: whatever carries the cookie,
// and signing in, which would set it. A token that the page itself holds proves that it is no forgery.
func (rt *router) checkOrigin(r *http.Request, c *call) error {
	if c.creds.token != "" && !c.creds.cookie {
		return nil
	}
	if rt.sameOrigin(r) {
		return nil
	}
	if c.foreign && !c.creds.cookie {
		return nil
	}
	if c.creds.cookie || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &service.Error{Kind: service.Forbidden, Msg: "requests from pages of other origins are not allowed"}
	}
	return nil
}

// sameOrigin reports whether a request comes from our own pages, from no page at all, or by following a link.
func (rt *router) sameOrigin(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return rt.origin.Check(r) == nil
	}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Origin") == "" {
		return true
	}
	// The standard library's check lets reading pass; what another page could embed or time is refused here.
	probe := r.Clone(r.Context())
	probe.Method = http.MethodPost
	return rt.origin.Check(probe) == nil
}

// answerCORS lets pages of the named origins make token requests, and answers their preflights.
func (rt *router) answerCORS(w http.ResponseWriter, r *http.Request, c *call, rows []route) bool {
	if len(rt.CORSOrigins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(rt.CORSOrigins, origin) {
		return false
	}
	c.foreign = true
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Expose-Headers", api.HeaderRequestID+", "+api.HeaderNextCursor+", "+api.HeaderExpiresAt+
		", Content-Disposition, Content-Range, ETag, Repr-Digest, Retry-After")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", allowed(rows))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Range, If-Range, If-None-Match")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
