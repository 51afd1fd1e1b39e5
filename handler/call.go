package handler

import (
	"net/netip"

	"github.com/blinkdrive/blinkdrive/store"
)

// A call is what is known of a request before its handler runs.
type call struct {
	ID     string     // the request ID, also in the answer's header and the log
	Client netip.Addr // who asks, behind trusted proxies
	HTTPS  bool       // the client speaks HTTPS, to us or to a trusted proxy
	Route  route      // the zero route while none was found
	Params params
	User   store.User // with an ID where the caller is known

	form    *uploadForm // on a route whose body is streamed
	creds   credentials
	authErr error // why User is not set, on a route with optional access
	foreign bool  // from a page of another origin that CORS allows
}

func (c *call) close() {
	if c.form != nil {
		c.form.close()
	}
}
