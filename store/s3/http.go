package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	dialTimeout = 5 * time.Second
	idleTimeout = 60 * time.Second
	// patience is how many times Options.Stall a store may take to answer what asks for work: to make a blob of many parts,
	// or to receive a body of which the kernels on the way hold the last megabytes.
	patience = 4
)

// newHTTPClient makes a client without a limit on the whole of a request, since a blob may take hours; watched ends those
// that stall.
func newHTTPClient(cfg aws.Config, o Options) (*http.Client, error) {
	base, ok := cfg.HTTPClient.(*awshttp.BuildableClient) // it has the CA bundle that the environment names
	if !ok {
		base = awshttp.NewBuildableClient()
	}
	t := base.WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).GetTransport()
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = idleTimeout
	t.DisableCompression = true
	if o.CAFile != "" {
		if err := trust(t, o.CAFile); err != nil {
			return nil, err
		}
	}
	if o.Transport != nil {
		o.Transport(t)
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a signature is for one host
	}}, nil
}

func trust(t *http.Transport, file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	roots := t.TLSClientConfig.RootCAs
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
	}
	roots = roots.Clone()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("certificates: no PEM certificate in %s", file)
	}
	t.TLSClientConfig.RootCAs = roots
	return nil
}

// errStalled ends a request on which nothing moves.
var errStalled = errors.New("no data was transferred for too long")

type patientKey struct{}

// patient lets the store think for longer about the requests of ctx.
func patient(ctx context.Context) context.Context { return context.WithValue(ctx, patientKey{}, true) }

// watched is an HTTP client that gives a request up when nothing moves: no byte of its body goes, no answer begins, or
// no byte of the answer comes although somebody reads.
type watched struct {
	client *http.Client
	stall  time.Duration
}

// Do sends a request.
func (w *watched) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	watch := &watch{timer: time.AfterFunc(w.stall, func() { cancel(errStalled) })}
	if r.Context().Value(patientKey{}) != nil {
		watch.renew(patience * w.stall)
	}
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &sending{r.Body, watch, w.stall}
	}
	resp, err := w.client.Do(r)
	watch.end()
	if err != nil {
		if context.Cause(ctx) == errStalled {
			err = fmt.Errorf("%w: %w", errStalled, err)
		}
		cancel(nil)
		return nil, err
	}
	timer := time.AfterFunc(w.stall, func() { cancel(errStalled) })
	timer.Stop()
	resp.Body = limited(resp)
	resp.Body = &receiving{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, timer: timer, after: w.stall}
	return resp, nil
}

// What a store may say besides the bytes of blobs: an error, and a page of a listing.
const (
	maxError = 1 << 20
	maxPage  = 32 << 20
)

// limited ends a body that is to be read into memory and does not end by itself.
func limited(resp *http.Response) io.ReadCloser {
	most := int64(maxError)
	switch {
	case resp.StatusCode < http.StatusMultipleChoices && strings.Contains(resp.Header.Get("Content-Type"), "xml"):
		most = maxPage
	case resp.StatusCode < http.StatusMultipleChoices:
		return resp.Body // a blob: all of ours are octet streams
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, most), resp.Body}
}

// watch is a timer that nobody can start again once it has ended: the transport may still touch the body of a request
// whose answer has come.
type watch struct {
	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func (w *watch) renew(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.timer.Reset(d)
	}
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
}

// sending is the body of a request.
type sending struct {
	io.ReadCloser
	watch *watch
	stall time.Duration
}

func (s *sending) Read(p []byte) (int, error) {
	s.watch.renew(s.stall)
	n, err := s.ReadCloser.Read(p)
	if err != nil { // the end
		s.watch.renew(patience * s.stall)
	}
	return n, err
}

// receiving is the body of an answer. Its time runs only while somebody waits for bytes.
type receiving struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	after  time.Duration
}

func (r *receiving) Read(p []byte) (int, error) {
	r.timer.Reset(r.after)
	n, err := r.ReadCloser.Read(p)
	r.timer.Stop()
	if err != nil && err != io.EOF && context.Cause(r.ctx) == errStalled {
		err = fmt.Errorf("%w: %w", errStalled, err)
	}
	return n, err
}

func (r *receiving) Close() error {
	r.timer.Stop()
	err := r.ReadCloser.Close()
	r.cancel(nil)
	return err
}
