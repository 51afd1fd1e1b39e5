package s3_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func TestLink(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, variable string) {
		o := ceph(t, variable)
		b := open(t, o)
		p := storetest.Bytes(1, 1000)
		name := store.NewBlobName(storetest.SumsOf(p).Digest, store.NewUploadID("n1"))
		if err := b.Put(t.Context(), name, storetest.Source(p), storetest.SumsOf(p)); err != nil {
			t.Fatal(err)
		}
		const disposition = `attachment; filename="a \"b\".pdf"; filename*=UTF-8''%E4%B8%AD%20a.pdf`
		link, err := b.Link(t.Context(), name, disposition, "application/pdf", time.Hour)
		if err != nil || strings.Contains(link, o.SecretKey) {
			t.Fatal(link, err)
		}
		client := trusting(t, o)
		status, header, got := fetch(t, client, link)
		if status != 200 || !bytes.Equal(got, p) || header.Get("Content-Disposition") != disposition ||
			header.Get("Content-Type") != "application/pdf" {
			t.Errorf("%d, %d bytes, %v", status, len(got), header)
		}
		if status, _, _ := fetch(t, client, strings.Replace(link, "pdf", "html", 1)); status != 403 {
			t.Errorf("a changed link: %d, want 403", status)
		}
		if status, _, _ := fetch(t, client, link[:strings.Index(link, "?")]); status != 403 {
			t.Errorf("no signature: %d, want 403", status)
		}
		link, err = b.Link(t.Context(), name, "", "", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		if status, _, _ := fetch(t, client, link); status != 403 {
			t.Errorf("an expired link: %d, want 403", status)
		}
	})
}

func trusting(t *testing.T, o s3.Options) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func fetch(t *testing.T, c *http.Client, link string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

// What bodies are sent with: the MD5 that the store compares, and no checksum in a trailer, which some refuse.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1000, testPart + 1} {
		r := newRig(t, size)
		r.ok(r.put())
		for _, s := range append(r.of(opPut), r.of(opPart)...) {
			if s.header.Get("Content-MD5") == "" {
				t.Errorf("%s has no Content-MD5", s.op)
			}
			for key, values := range s.header {
				if strings.HasPrefix(key, "X-Amz-Checksum") || strings.HasPrefix(key, "X-Amz-Sdk-Checksum") || key == "X-Amz-Trailer" ||
					strings.Contains(strings.Join(values, ","), "aws-chunked") || strings.Contains(strings.Join(values, ","), "STREAMING") {
					t.Errorf("%s is sent with %s: %s", s.op, key, values)
				}
			}
		}
		for _, s := range append(r.of(opPut), r.of(opBegin)...) {
			if s.header.Get("X-Amz-Acl") != "private" || s.header.Get("X-Amz-Meta-Sha1") != r.sums.Digest.String() ||
				s.header.Get("X-Amz-Meta-Sha256") != r.sums.SHA256.String() {
				t.Errorf("%s is sent with %v", s.op, s.header)
			}
		}
		r.ok(r.read())
	}
}

// Blobs with wrong bytes, or that nobody vouches for, are replaced. A large one that is right is left as it is.
func TestBlobThatIsNotRightIsReplaced(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, testPart + 1} {
		r := newRig(t, size)
		key := strings.TrimPrefix(r.b.Locate(r.name).String(), "ceph://"+r.b.Locate(r.name).In+"/")
		in := r.b.Locate(r.name).In
		for _, other := range []*awss3.PutObjectInput{
			{Body: bytes.NewReader(r.p[1:]), Metadata: map[string]string{"sha1": r.sums.Digest.String(), "sha256": r.sums.SHA256.String()}},
			{Body: bytes.NewReader(r.p)},
		} {
			other.Bucket, other.Key = &in, &key
			if _, err := r.b.Client().PutObject(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			r.forget()
			r.ok(r.put())
			if len(r.of(opPut))+len(r.of(opComplete)) != 1 {
				t.Error("nothing was sent")
			}
			r.ok(r.read())
		}
		r.forget()
		r.ok(r.put())
		if len(r.of(opBegin)) != 0 {
			t.Error("a blob that is right was sent again")
		}
	}
}

func TestForeignKeysAreLeftOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000)
	r.ok(r.put())
	l := r.b.Locate(r.name)
	for _, key := range []string{"readme", string(r.name), "x/" + r.name.Key(), "00/00/" + string(r.name)} {
		key = strings.TrimSuffix(l.Key, r.name.Key()) + key
		_, err := r.b.Client().PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &l.In, Key: &key, Body: strings.NewReader("x")})
		r.ok(err)
		_, err = r.b.Client().CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &l.In, Key: &key})
		r.ok(err)
	}
	n := 0
	r.ok(r.b.List(t.Context(), func(i store.BlobInfo) error {
		if n++; i.Name != r.name || i.Size != 1000 || time.Since(i.Modified).Abs() > time.Hour {
			t.Errorf("listed %+v", i)
		}
		return nil
	}))
	r.ok(r.b.ListMultiparts(t.Context(), func(m store.Multipart) error {
		t.Errorf("listed %+v", m)
		return nil
	}))
	if n != 1 {
		t.Errorf("%d blobs are listed, want 1", n)
	}
}
