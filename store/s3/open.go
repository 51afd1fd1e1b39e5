package s3

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blinkdrive/blinkdrive/store"
)

// Blobs are the blobs in one bucket. It implements store.ResumableBlobs and store.LinkingBlobs.
type Blobs struct {
	opts   Options
	rules  rules
	log    *slog.Logger
	http   *http.Client
	client *s3.Client
	links  *s3.PresignClient
	pool   *buffers
	sizes  sizes
}

// Open makes a driver for a bucket. It reads the environment's AWS settings where no keys are given, but sends nothing: an
// object store that is down does not keep the drive from starting. Check says whether the bucket can be used, and makes
// it; a put that finds no bucket does the same.
func Open(ctx context.Context, o Options) (*Blobs, error) {
	o, r, cfg, err := o.resolved(ctx)
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	client, err := newHTTPClient(cfg, o)
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	b := &Blobs{opts: o, rules: r, log: o.Log, http: client, sizes: defaultSizes, pool: &buffers{size: int(defaultSizes.part)}}
	b.client = s3.NewFromConfig(cfg, b.settings)
	b.links = s3.NewPresignClient(s3.NewFromConfig(cfg, b.settings, func(so *s3.Options) {
		if o.PublicEndpoint != "" {
			so.BaseEndpoint = aws.String(o.PublicEndpoint)
		}
	}))
	return b, nil
}

// settings are said explicitly, whatever the environment or a next release of the SDK thinks of them: its default
// checksums come in a trailer that Ceph over TLS and OSS refuse.
func (b *Blobs) settings(so *s3.Options) {
	so.Region = b.opts.Region
	so.UsePathStyle = b.rules.pathStyle
	if b.opts.Endpoint != "" {
		so.BaseEndpoint = aws.String(b.opts.Endpoint)
	}
	so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	so.DisableLogOutputChecksumValidationSkipped = true
	so.HTTPClient = &watched{client: b.http, stall: b.opts.Stall}
	so.RetryMaxAttempts = 0 // the retryer's own count
	so.Retryer = retry.NewStandard(func(ro *retry.StandardOptions) {
		ro.MaxAttempts = 3
		ro.MaxBackoff = 2 * time.Second
		ro.RateLimiter = ratelimit.None // an outage must not use up the tries of what comes after it
	})
}

// Close drops the idle connections.
func (b *Blobs) Close() error {
	b.http.CloseIdleConnections()
	return nil
}

// Kind says what sort of place it is.
func (b *Blobs) Kind() store.Kind { return b.rules.kind }

// Locate gives the location that a blob with this name has here.
func (b *Blobs) Locate(name store.BlobName) store.Location {
	return store.Location{Kind: b.Kind(), In: b.opts.Bucket, Key: b.key(name)}
}

func (b *Blobs) key(name store.BlobName) string { return b.prefix() + name.Key() }

func (b *Blobs) prefix() string {
	if b.opts.Prefix == "" {
		return ""
	}
	return b.opts.Prefix + "/"
}

// named returns the blob that a key is for; a key that is no blob of ours is for none.
func (b *Blobs) named(key string) (store.BlobName, bool) {
	name, err := store.ParseBlobName(key[strings.LastIndexByte(key, '/')+1:])
	return name, err == nil && key == b.key(name)
}

func (b *Blobs) bucket() *string { return &b.opts.Bucket }
