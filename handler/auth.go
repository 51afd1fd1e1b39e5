package handler

import (
	"net/http"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// credentials are what a request shows of its caller.
type credentials struct {
	token    string
	username string // with a token in the parameters: whose it must be
	cookie   bool   // the token came in the cookie
}

// findCredentials looks for a token: a bearer token counts before parameters, and these before the cookie. One that is
// there but no good is never made up for by another.
func findCredentials(r *http.Request, p params) (credentials, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return credentials{}, unauthenticated("the Authorization header must be a bearer token")
		}
		return credentials{token: strings.TrimSpace(token)}, nil
	}
	if token := p.get("token"); token != "" {
		if p.get("username") == "" {
			return credentials{}, unauthenticated("parameter token requires parameter username")
		}
		return credentials{token: token, username: p.get("username")}, nil
	}
	if cookie, err := r.Cookie(api.CookieName); err == nil && cookie.Value != "" {
		return credentials{token: cookie.Value, cookie: true}, nil
	}
	return credentials{}, unauthenticated("sign in first")
}

// authenticate finds out who asks, as far as the route wants to know.
func (rt *router) authenticate(r *http.Request, c *call) error {
	if c.Route.access == public || c.Route.access == nodes {
		return nil
	}
	if c.authErr == nil {
		c.User, c.authErr = rt.Accounts.Authenticate(r.Context(), c.creds.token, c.creds.username)
	}
	if c.Route.access == optional {
		return nil
	}
	return c.authErr
}

func unauthenticated(msg string) error {
	return &service.Error{Kind: service.Unauthenticated, Msg: msg}
}

// setCookie gives the browser its token. An empty token takes it back.
func setCookie(w http.ResponseWriter, c *call, token string, life time.Duration) {
	cookie := &http.Cookie{Name: api.CookieName, Value: token, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: c.HTTPS, SameSite: http.SameSiteLaxMode}
	if token == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}
