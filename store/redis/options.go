package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Options say which Redis, and how patient to be with it.
type Options struct {
	// URL is redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], or rediss:// for TLS. Several hosts, comma-separated, are some of
	// the nodes of a cluster. A single host that turns out to belong to a cluster is one of its nodes, too.
	URL string
	// Prefix stands before every key, so that several drives can share a server.
	Prefix string
	// TLS is how rediss:// is spoken; nil asks for a certificate that the system trusts.
	TLS *tls.Config
	// Timeout bounds each call; 0 is two seconds.
	Timeout time.Duration
	// Conns bounds the connections to each server; 0 is 64. Whoever needs one more waits.
	Conns int
	// Log gets what a caller does not see: lines of Watch that are lost and found again. Nil: nowhere.
	Log *slog.Logger
}

// The defaults of Options.
const (
	defaultTimeout = 2 * time.Second
	defaultConns   = 64
	defaultPort    = "6379"
)

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Conns <= 0 {
		o.Conns = defaultConns
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// An address is what a URL says.
type address struct {
	tls            bool
	user, password string
	hosts          []string // HOST:PORT
	db             int
}

// parseAddress reads a URL. It is no task for net/url, which knows one host. Errors never quote: there may be a password
// in any part of a URL that is wrong.
func parseAddress(text string) (address, error) {
	var a address
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "redis" && scheme != "rediss" {
		return a, wrongURL(errors.New("must begin with redis:// or rediss://"))
	}
	a.tls = scheme == "rediss"
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		var err error
		if a.user, a.password, err = parseUser(rest[:at]); err != nil {
			return a, wrongURL(err)
		}
		rest = rest[at+1:]
	}
	hosts, db, _ := strings.Cut(rest, "/")
	if err := a.parseHosts(hosts); err != nil {
		return a, wrongURL(err)
	}
	if db != "" {
		n, err := strconv.ParseUint(db, 10, 31)
		if err != nil {
			return a, wrongURL(errors.New("the path must be a database number"))
		}
		a.db = int(n)
	}
	if a.db != 0 && len(a.hosts) > 1 {
		return a, wrongURL(errors.New("a cluster has only database 0"))
	}
	return a, nil
}

func wrongURL(err error) error { return fmt.Errorf("redis: URL: %w: %w", store.ErrInvalid, err) }

// parseUser reads USER:PASSWORD, :PASSWORD, or the PASSWORD alone that redis-cli takes.
func parseUser(text string) (user, password string, err error) {
	user, password, ok := strings.Cut(text, ":")
	if !ok {
		user, password = "", user
	}
	u, err1 := url.PathUnescape(user)
	p, err2 := url.PathUnescape(password)
	if err1 != nil || err2 != nil {
		return "", "", errors.New("a % in the user name or password must be followed by two hexadecimal digits")
	}
	return u, p, nil
}

func (a *address) parseHosts(text string) error {
	for h := range strings.SplitSeq(text, ",") {
		host, port, err := net.SplitHostPort(h)
		if err != nil { // there is no port
			host, port = strings.Trim(h, "[]"), defaultPort
			if strings.Contains(host, ":") && !strings.HasPrefix(h, "[") {
				return errors.New("each host must be HOST:PORT")
			}
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || host == "" {
			return errors.New("each host must be HOST:PORT")
		}
		a.hosts = append(a.hosts, net.JoinHostPort(host, port))
	}
	return nil
}
