package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/blinkdrive/blinkdrive/store"
)

// A Profile names a kind of object store by what it asks of its clients.
type Profile string

// The profiles. AWS serves for any other store that keeps to its rules.
const (
	Ceph  Profile = "ceph"
	OSS   Profile = "oss"
	MinIO Profile = "minio"
	AWS   Profile = "aws"
)

// Options say which bucket of which store it is, and who we are there.
type Options struct {
	Profile  Profile
	Endpoint string // as in https://ceph.example:7480; aws and oss find theirs by the region
	Region   string // aws: else from the usual places; oss: else from the endpoint; elsewhere only part of the signature
	Bucket   string
	Prefix   string // of all keys, as in "drive/blobs"; may be empty

	// AccessKey and SecretKey are who we are. Without them the usual AWS places are asked: environment, shared files, web
	// identity, instance metadata.
	AccessKey, SecretKey, SessionToken string

	CAFile         string // PEM certificates that are trusted besides the system's
	PublicEndpoint string // what links name as the store's address; Endpoint, where empty

	Concurrency int           // parts of one blob that are under way at a time; 4
	Stall       time.Duration // a request on which nothing moves for so long is given up; 30 s

	// MayMake is asked before a missing bucket is made: where it held blobs that are still counted on, its name is wrong or it
	// was deleted, and a new one would hide that. May be nil: a missing bucket is made.
	MayMake func(context.Context) (bool, error)

	Resumed   func(bytes int64)     // is told of each part that an earlier try had sent; may be nil
	Transport func(*http.Transport) // changes the HTTP transport; may be nil
	Log       *slog.Logger          // may be nil
}

const (
	defaultConcurrency = 4
	defaultStall       = 30 * time.Second
)

// rules are what a profile sets.
type rules struct {
	kind        store.Kind
	pathStyle   bool   // the bucket is in the path, not in the host
	private     bool   // ask for a private ACL: elsewhere private is what one gets, and asking may be refused
	opaque      bool   // an ETag other than the MD5s' says nothing
	region      string // to sign with where none is named
	unsigned    bool   // bodies need not be in the signature over plain HTTP either
	constraint  bool   // name the region where a bucket is made
	needsServer bool   // there is no endpoint to guess
}

func (p Profile) rules() (rules, error) {
	switch p {
	case Ceph:
		return rules{kind: store.Ceph, pathStyle: true, private: true, unsigned: true, region: "us-east-1", needsServer: true}, nil
	case MinIO:
		return rules{kind: store.S3, pathStyle: true, region: "us-east-1", needsServer: true}, nil
	case OSS:
		return rules{kind: store.OSS, private: true, opaque: true}, nil
	case AWS:
		return rules{kind: store.S3, constraint: true}, nil
	}
	return rules{}, fmt.Errorf("profile %q: %w: must be ceph, oss, minio or aws", p, store.ErrInvalid)
}

// resolved checks the options, fills in the defaults and finds the credentials. It asks nobody over the network.
func (o Options) resolved(ctx context.Context) (Options, rules, aws.Config, error) {
	r, err := o.Profile.rules()
	if err != nil {
		return o, r, aws.Config{}, err
	}
	cfg, err := o.credentials(ctx)
	if err != nil {
		return o, r, cfg, err
	}
	if o.Profile == OSS {
		o.Region, o.Endpoint = ossPlace(o.Region, o.Endpoint)
	}
	for _, region := range []string{cfg.Region, r.region} {
		if o.Region == "" {
			o.Region = region
		}
	}
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	if o.Resumed == nil {
		o.Resumed = func(int64) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Prefix = strings.Trim(o.Prefix, "/")
	return o, r, cfg, o.check(r)
}

func (o Options) credentials(ctx context.Context) (aws.Config, error) {
	if (o.AccessKey == "") != (o.SecretKey == "") {
		return aws.Config{}, fmt.Errorf("credentials: %w: access key and secret key must be set together", store.ErrInvalid)
	}
	if o.AccessKey != "" { // nothing in the environment changes what is said here
		keys := credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, o.SessionToken)
		return aws.Config{Credentials: aws.NewCredentialsCache(keys)}, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if cfg.Credentials != nil {
		cfg.Credentials = tagged{cfg.Credentials}
	}
	return cfg, err
}

func (o Options) check(r rules) error {
	var all []error
	bad := func(format string, a ...any) {
		all = append(all, fmt.Errorf("%w: "+format, append([]any{store.ErrInvalid}, a...)...))
	}
	if len(o.Bucket) < 3 || strings.ContainsAny(o.Bucket, "/?# \\:@") {
		bad("bucket name %q is not valid", o.Bucket)
	}
	if strings.ContainsAny(o.Prefix, "?#%\\") || strings.Contains("/"+o.Prefix+"/", "/./") ||
		strings.Contains("/"+o.Prefix+"/", "/../") || strings.Contains(o.Prefix, "//") {
		bad("prefix %q is not valid", o.Prefix)
	}
	if r.needsServer && o.Endpoint == "" {
		bad("profile %s needs an endpoint", o.Profile)
	}
	if o.Region == "" {
		bad("profile %s needs a region", o.Profile)
	}
	for what, endpoint := range map[string]string{"endpoint": o.Endpoint, "public endpoint": o.PublicEndpoint} {
		if err := checkEndpoint(endpoint, !r.pathStyle && o.Profile == OSS); err != nil {
			bad("%s: %w", what, err)
		}
	}
	if o.Profile == OSS && strings.Contains(o.Bucket, ".") {
		bad("bucket name %q must not contain a dot", o.Bucket)
	}
	return errors.Join(all...)
}

// checkEndpoint does not repeat the endpoint: somebody may have put a secret into it.
func checkEndpoint(endpoint string, named bool) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("must be http://HOST or https://HOST")
	case u.User != nil:
		return errors.New("must not contain credentials")
	case u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return errors.New("must not have a path or query after the host")
	case named && net.ParseIP(u.Hostname()) != nil:
		return errors.New("must be a host name, not an IP address, because the bucket name becomes part of it")
	}
	return nil
}

// ossPlace finds the region in an endpoint of OSS, or the endpoint of a region.
func ossPlace(region, endpoint string) (string, string) {
	region = strings.TrimPrefix(region, "oss-")
	if endpoint == "" && region != "" {
		return region, "https://s3.oss-" + region + ".aliyuncs.com"
	}
	if u, err := url.Parse(endpoint); err == nil && region == "" {
		_, in, _ := strings.Cut(u.Hostname(), "oss-")
		in, _, _ = strings.Cut(in, ".")
		region = strings.TrimSuffix(in, "-internal")
	}
	return region, endpoint
}
