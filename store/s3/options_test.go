package s3_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
)

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	good := s3.Options{Profile: s3.Ceph, Endpoint: "http://ceph.example", Bucket: "bucket", AccessKey: "a", SecretKey: "top-secret"}
	noFile, empty := filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*s3.Options){
		"profile":         func(o *s3.Options) { o.Profile = "gcs" },
		"no profile":      func(o *s3.Options) { o.Profile = "" },
		"no bucket":       func(o *s3.Options) { o.Bucket = "" },
		"bucket":          func(o *s3.Options) { o.Bucket = "a/b" },
		"no endpoint":     func(o *s3.Options) { o.Endpoint = "" },
		"scheme":          func(o *s3.Options) { o.Endpoint = "ceph.example:7480" },
		"secret in it":    func(o *s3.Options) { o.Endpoint = "http://a:top-secret@ceph.example" },
		"path":            func(o *s3.Options) { o.Endpoint = "http://ceph.example/bucket" },
		"public endpoint": func(o *s3.Options) { o.PublicEndpoint = "cdn" },
		"prefix":          func(o *s3.Options) { o.Prefix = "a/../b" },
		"half a key":      func(o *s3.Options) { o.AccessKey = "" },
		"no region":       func(o *s3.Options) { o.Profile = s3.AWS },
		"OSS, no region":  func(o *s3.Options) { o.Profile = s3.OSS; o.Endpoint = "" },
		"OSS, address":    func(o *s3.Options) { o.Profile = s3.OSS; o.Region = "cn-x"; o.Endpoint = "http://127.0.0.1" },
		"OSS, dots":       func(o *s3.Options) { o.Profile = s3.OSS; o.Region = "cn-x"; o.Bucket = "a.b.c" },
		"no CA file":      func(o *s3.Options) { o.CAFile = noFile },
		"no CA in it":     func(o *s3.Options) { o.CAFile = empty },
	} {
		o := good
		change(&o)
		if _, err := s3.Open(t.Context(), o); err == nil {
			t.Errorf("%s: opened", what)
		} else if strings.Contains(err.Error(), good.SecretKey) {
			t.Errorf("%s: %v tells the secret", what, err)
		}
	}
	if _, err := s3.Open(t.Context(), good); err != nil {
		t.Error(err)
	}
}

func TestLocations(t *testing.T) {
	t.Parallel()
	name := store.NewBlobName(store.EmptyDigest, "n1-00000000000000000000000000000000")
	for _, c := range []struct {
		o    s3.Options
		want string
	}{
		{s3.Options{Profile: s3.Ceph, Endpoint: "http://c"}, "ceph://bucket/"},
		{s3.Options{Profile: s3.Ceph, Endpoint: "http://c", Prefix: "/drive/blobs/"}, "ceph://bucket/drive/blobs/"},
		{s3.Options{Profile: s3.OSS, Region: "cn-hangzhou"}, "oss://bucket/"},
		{s3.Options{Profile: s3.MinIO, Endpoint: "https://m:9000", Prefix: "p"}, "s3://bucket/p/"},
		{s3.Options{Profile: s3.AWS, Region: "eu-west-1"}, "s3://bucket/"},
	} {
		c.o.Bucket, c.o.AccessKey, c.o.SecretKey = "bucket", "a", "s"
		b := open(t, c.o)
		l := b.Locate(name)
		if want := c.want + name.Key(); l.String() != want || l.Kind != b.Kind() {
			t.Errorf("%s, want %s", l, want)
		}
		if back, err := store.ParseLocation(l.String()); err != nil || back != l || l.Name() != name {
			t.Errorf("%s came back as %s: %v", l, back, err)
		}
	}
}

// Where each profile's requests go, told by its links.
func TestAddresses(t *testing.T) {
	t.Parallel()
	name := store.NewBlobName(store.EmptyDigest, "n1-00000000000000000000000000000000")
	for _, c := range []struct {
		o    s3.Options
		want string
	}{
		{s3.Options{Profile: s3.Ceph, Endpoint: "http://c.example:7480"}, "http://c.example:7480/bucket/"},
		{s3.Options{Profile: s3.MinIO, Endpoint: "https://10.0.0.1:9000"}, "https://10.0.0.1:9000/bucket/"},
		{s3.Options{Profile: s3.AWS, Region: "eu-west-1"}, "https://bucket.s3.eu-west-1.amazonaws.com/"},
		{s3.Options{Profile: s3.OSS, Region: "cn-hangzhou"}, "https://bucket.s3.oss-cn-hangzhou.aliyuncs.com/"},
		{s3.Options{Profile: s3.OSS, Region: "oss-cn-hangzhou"}, "https://bucket.s3.oss-cn-hangzhou.aliyuncs.com/"},
		{s3.Options{Profile: s3.OSS, Endpoint: "https://s3.oss-cn-beijing-internal.aliyuncs.com"}, "https://bucket.s3.oss-cn-beijing-internal.aliyuncs.com/"},
		{s3.Options{Profile: s3.Ceph, Endpoint: "http://c", PublicEndpoint: "https://public.example"}, "https://public.example/bucket/"},
	} {
		c.o.Bucket, c.o.AccessKey, c.o.SecretKey = "bucket", "a", "s"
		link, err := open(t, c.o).Link(t.Context(), name, "", "", time.Hour)
		if err != nil || !strings.HasPrefix(link, c.want+name.Key()+"?") {
			t.Errorf("%s: %s, %v; want %s…", c.o.Profile, link, err, c.want)
		}
		if c.o.Profile == s3.OSS && !strings.Contains(link, "%2Fcn-") {
			t.Errorf("%s is not signed for the region's ID", link)
		}
	}
}

func TestPartSize(t *testing.T) {
	t.Parallel()
	const mib, tib = 1 << 20, 1 << 40
	for size, want := range map[int64]int64{
		1: 5 * mib, 50_000 * mib: 5 * mib, 50_000*mib + 1: 6 * mib, 5 * tib: 525 * mib, 48 * tib: 5034 * mib,
	} {
		if got := s3.PartSize(size); got != want || (size+got-1)/got > 10_000 {
			t.Errorf("a blob of %d has parts of %d, want %d", size, got, want)
		}
	}
}

func TestLinksThatCannotBe(t *testing.T) {
	t.Parallel()
	b := open(t, s3.Options{Profile: s3.AWS, Region: "eu-west-1", Bucket: "bucket", AccessKey: "a", SecretKey: "s"})
	name := store.NewBlobName(store.EmptyDigest, "n1-00000000000000000000000000000000")
	for _, ttl := range []time.Duration{0, -time.Second, 7*24*time.Hour + 1} {
		if _, err := b.Link(t.Context(), name, "", "", ttl); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%v: %v, want ErrInvalid", ttl, err)
		}
	}
}
