package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// DefaultParallel is how many chunks or ranges are under way at once where the caller names no number.
const DefaultParallel = 4

// Options are the settings of a Client. The zero value means the documented defaults.
type Options struct {
	Token     string        // a token of an earlier Signin
	HTTP      *http.Client  // default: one with timeouts and Parallel connections kept open
	Parallel  int           // requests under way at once in one upload or download; default DefaultParallel
	Retry     Retry         // how trouble on the way is waited out
	Stall     time.Duration // a request on which no byte moves for so long is given up and repeated; default 1 minute
	UserAgent string        // default "blinkdrive-client"

	// HeadStart is how long, besides the way there and back, the drive may look at a proof before sending begins; default
	// 100 ms. A hit is told as soon as it is found; a miss takes half a second, whatever the cause, in which much can be sent.
	HeadStart time.Duration
}

// A Client talks to one drive as at most one user at a time. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	http  *http.Client
	opts  Options
	token atomic.Pointer[string]
}

// New makes a client of the drive at baseURL, such as "http://localhost:8080".
func New(baseURL string, o Options) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("client: %q must be an http or https URL", baseURL)
	}
	o = o.withDefaults()
	c := &Client{base: base, http: leaving(o.HTTP), opts: o}
	c.SetToken(o.Token)
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	if o.Stall <= 0 {
		o.Stall = time.Minute
	}
	if o.HeadStart <= 0 {
		o.HeadStart = 100 * time.Millisecond
	}
	if o.UserAgent == "" {
		o.UserAgent = "blinkdrive-client"
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: transport(o.Parallel)}
	}
	o.Retry = o.Retry.withDefaults()
	return o
}

// leaving returns a copy of h that shows the token to nobody but the drive: a download may be redirected to an object
// store on another port of the same host, where net/http would show it, and where it would stand in the way of the
// signature in the URL.
func leaving(h *http.Client) *http.Client {
	n := *h
	n.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
			req.Header.Del("Authorization")
		}
		switch {
		case h.CheckRedirect != nil:
			return h.CheckRedirect(req, via)
		case len(via) >= 10:
			return errors.New("too many redirects")
		}
		return nil
	}
	return &n
}

// transport keeps as many connections open as are used at once. It has no timeout for a whole answer, which may be an
// honest slow download; the watchdog of each request ends those on which nothing moves.
func transport(parallel int) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns:        2 * parallel,
		MaxIdleConnsPerHost: parallel,
		IdleConnTimeout:     90 * time.Second,
		WriteBufferSize:     64 << 10,
		ReadBufferSize:      64 << 10,
		DisableCompression:  true, // the bytes of a file are to come as they are

		ExpectContinueTimeout: time.Second,
	}
}

// Token returns the token in use, or "".
func (c *Client) Token() string { return *c.token.Load() }

// SetToken has later calls use this token; "" signs nobody in.
func (c *Client) SetToken(token string) { c.token.Store(&token) }

// As returns a client of the same drive, sharing connections, that acts with another token.
func (c *Client) As(token string) *Client {
	n := &Client{base: c.base, http: c.http, opts: c.opts}
	n.SetToken(token)
	return n
}

// CloseIdleConnections closes connections that nobody uses now.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }
