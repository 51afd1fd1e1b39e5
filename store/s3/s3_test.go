package s3_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

const (
	plainURL = "BLINKDRIVE_TEST_S3_URL"
	tlsURL   = "BLINKDRIVE_TEST_S3_TLS_URL"
	tlsCA    = "BLINKDRIVE_TEST_S3_CA"

	testPart  = 5 << 20            // what stores take at least
	testLarge = 2*testPart + 12345 // three parts
)

// shared is the bucket of this run: making one takes long on a fresh Ceph. Each test has a prefix of its own there.
var shared struct {
	sync.Mutex
	name    string
	options s3.Options
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if shared.name != "" {
		if err := removeBucket(rawClient(shared.options), shared.name); err != nil {
			fmt.Fprintln(os.Stderr, "the tests' bucket was left:", err)
		}
	}
	os.Exit(code)
}

// ceph are the options for the real Ceph at the address in the variable, in a bucket that is there.
func ceph(t testing.TB, variable string) s3.Options {
	t.Helper()
	u, err := url.Parse(storetest.Server(t, variable))
	if err != nil || u.User == nil {
		t.Fatalf("%s is no URL with credentials", variable)
	}
	o := s3.Options{Profile: s3.Ceph, Endpoint: u.Scheme + "://" + u.Host, AccessKey: u.User.Username(), Prefix: "t/" + unique()}
	o.SecretKey, _ = u.User.Password()
	if variable == tlsURL {
		o.CAFile = storetest.Server(t, tlsCA)
	}
	o.Bucket = sharedBucket(t, o)
	return o
}

func sharedBucket(t testing.TB, o s3.Options) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.name == "" {
		o.Bucket = "test-s3-" + unique()
		if err := open(t, o).Check(context.Background()); err != nil {
			t.Fatal(err)
		}
		shared.name, shared.options = o.Bucket, o
	}
	return shared.name
}

func unique() string {
	p := make([]byte, 6)
	rand.Read(p) // never fails
	return hex.EncodeToString(p)
}

// open opens a driver with small parts and pages.
func open(t testing.TB, o s3.Options) *s3.Blobs {
	t.Helper()
	b, err := s3.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	b.SetSizes(1<<20, testPart, 2)
	return b
}

// rawClient speaks to the store past the driver.
func rawClient(o s3.Options) *awss3.Client {
	b, err := s3.Open(context.Background(), o)
	if err != nil {
		panic(err)
	}
	return b.Client()
}

func removeBucket(c *awss3.Client, bucket string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	uploads := awss3.NewListMultipartUploadsPaginator(c, &awss3.ListMultipartUploadsInput{Bucket: &bucket})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			_, err := c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil {
				return err
			}
		}
	}
	objects := awss3.NewListObjectsV2Paginator(c, &awss3.ListObjectsV2Input{Bucket: &bucket})
	for objects.HasMorePages() {
		page, err := objects.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if _, err := c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &bucket, Key: o.Key}); err != nil {
				return err
			}
		}
	}
	_, err := c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: &bucket})
	var none *types.NoSuchBucket
	if errors.As(err, &none) {
		return nil
	}
	return err
}

// each runs a test against Ceph over HTTP and over TLS.
func each(t *testing.T, test func(t *testing.T, variable string)) {
	for name, variable := range map[string]string{"HTTP": plainURL, "TLS": tlsURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, variable)
		})
	}
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, variable string) {
		storetest.Blobs(t, func(t *testing.T) store.Blobs { return open(t, ceph(t, variable)) }, storetest.ReaderLosesBlob)
	})
}

func TestResumableBlobs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, variable string) {
		storetest.ResumableBlobs(t, testLarge, func(t *testing.T) store.ResumableBlobs { return open(t, ceph(t, variable)) })
	})
}
