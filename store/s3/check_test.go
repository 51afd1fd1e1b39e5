package s3_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// says checks what an error tells, and that it tells no secret.
func says(t *testing.T, err error, secret string, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if secret != "" && strings.Contains(err.Error(), secret) {
		t.Errorf("error %q tells the secret", err)
	}
}

func TestCheckMakesTheBucket(t *testing.T) {
	t.Parallel()
	o := ceph(t, plainURL)
	o.Bucket = "test-s3-" + unique()
	b := open(t, o)
	t.Cleanup(func() {
		if err := removeBucket(b.Client(), o.Bucket); err != nil {
			t.Error(err)
		}
	})
	p := storetest.Bytes(1, 10)
	name := store.NewBlobName(storetest.SumsOf(p).Digest, store.NewUploadID("n1"))
	if _, err := b.Open(t.Context(), name); errors.Is(err, store.ErrNotFound) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("open without a bucket: %v, want ErrUnavailable", err)
	}
	if err := b.Delete(t.Context(), name); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("delete without a bucket: %v, want ErrUnavailable", err)
	}
	if err := b.Put(t.Context(), name, storetest.Source(p), storetest.SumsOf(p)); err != nil {
		t.Fatal("a put makes the bucket: ", err)
	}
	for range 2 {
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBucketThatIsCountedOn(t *testing.T) {
	t.Parallel()
	o := ceph(t, plainURL)
	o.Bucket = "test-s3-" + unique()
	broken := errors.New("no answer from the database")
	for _, c := range []struct {
		may  func(context.Context) (bool, error)
		want string
	}{
		{func(context.Context) (bool, error) { return false, nil }, "check the bucket name"},
		{func(context.Context) (bool, error) { return false, broken }, broken.Error()},
	} {
		o.MayMake = c.may
		b := open(t, o)
		says(t, b.Check(t.Context()), o.SecretKey, o.Bucket, c.want)
		data := storetest.Bytes(1, 10)
		name := store.NewBlobName(storetest.SumsOf(data).Digest, store.NewUploadID("n1"))
		err := b.Put(t.Context(), name, storetest.Source(data), storetest.SumsOf(data))
		says(t, err, o.SecretKey, o.Bucket, c.want)
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	}
}

func TestBucketThatMayNotBeMade(t *testing.T) {
	t.Parallel()
	p, o := behind(t, ceph(t, plainURL))
	o.Bucket = "test-s3-" + unique()
	p.all(opBucket, answer(403, "AccessDenied"))
	b := open(t, o)
	says(t, b.Check(t.Context()), o.SecretKey, o.Bucket, "missing", "permission denied")
	data := storetest.Bytes(1, 10)
	name := store.NewBlobName(storetest.SumsOf(data).Digest, store.NewUploadID("n1"))
	err := b.Put(t.Context(), name, storetest.Source(data), storetest.SumsOf(data))
	says(t, err, o.SecretKey, o.Bucket, "missing", "permission denied")
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	o := ceph(t, plainURL)
	o.SecretKey = "another-secret"
	err := open(t, o).Check(t.Context())
	says(t, err, o.SecretKey, "credentials refused", "secret key")
	if errors.Is(err, store.ErrUnavailable) {
		t.Error("waiting will not help against a wrong key: ", err)
	}
	o.AccessKey = "nobody"
	says(t, open(t, o).Check(t.Context()), o.SecretKey, "credentials refused", "access key")
}

// What a store that is not at hand answers, as published by its maker.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		answer fault
		want   string
		is     error
	}{
		"clock":        {answer(403, "RequestTimeTooSkewed"), "clocks", nil},
		"region":       {answer(301, "PermanentRedirect", "X-Amz-Bucket-Region", "eu-west-1"), "the bucket is in eu-west-1, not in", nil},
		"malformed":    {answer(400, "AuthorizationHeaderMalformed"), "wrong region", nil},
		"permission":   {answer(403, "AccessDenied"), "permission denied", nil},
		"expired":      {answer(400, "ExpiredToken"), "expired", nil},
		"style":        {answer(403, "SecondLevelDomainForbidden"), "profile", nil},
		"quota":        {answer(403, "QuotaExceeded"), "QuotaExceeded", store.ErrNoSpace},
		"full":         {answer(507, "XMinioStorageFull"), "XMinioStorageFull", store.ErrNoSpace},
		"slow down":    {answer(503, "SlowDown"), "SlowDown", store.ErrUnavailable},
		"rate limited": {answer(429, "TooManyRequests"), "TooManyRequests", store.ErrUnavailable},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.answer(nil, w, r) }))
			t.Cleanup(server.Close)
			o := s3.Options{Profile: s3.MinIO, Endpoint: server.URL, Bucket: "bucket", AccessKey: "a", SecretKey: "a-secret"}
			err := open(t, o).Check(t.Context())
			says(t, err, o.SecretKey, c.want)
			for _, is := range []error{store.ErrNoSpace, store.ErrUnavailable, store.ErrNotFound} {
				if errors.Is(err, is) != (is == c.is) {
					t.Errorf("%v: is %v: %t", err, is, is != c.is)
				}
			}
		})
	}
}

// The tests below set the environment, and so cannot run beside others.

func noEnvironment(t *testing.T) {
	for _, v := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_CA_BUNDLE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	} {
		t.Setenv(v, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestNoCredentials(t *testing.T) {
	noEnvironment(t)
	o := s3.Options{Profile: s3.Ceph, Endpoint: "http://127.0.0.1:1", Bucket: "bucket"}
	err := open(t, o).Check(t.Context())
	says(t, err, "", "no credentials")
	if errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v is no fault of the store", err)
	}
}

func TestCredentialsFromTheUsualPlaces(t *testing.T) {
	noEnvironment(t)
	o := ceph(t, plainURL)
	access, secret := o.AccessKey, o.SecretKey
	o.AccessKey, o.SecretKey = "", ""
	t.Run("environment", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", access)
		t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
		t.Setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported") // which the driver does not listen to
		t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
		if err := open(t, o).Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("shared file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "credentials")
		text := "[drive]\naws_access_key_id = " + access + "\naws_secret_access_key = " + secret + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
		t.Setenv("AWS_PROFILE", "drive")
		if err := open(t, o).Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenSendsNothing(t *testing.T) {
	t.Parallel()
	p, o := behind(t, ceph(t, plainURL))
	if _, err := s3.Open(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if len(p.seen) > 0 {
		t.Errorf("%d requests", len(p.seen))
	}
}
