package s3_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// ossOptions are those of a driver whose requests to OSS's host names all come to the double.
func ossOptions(t *testing.T, o *ossDouble, secure bool) s3.Options {
	t.Helper()
	server := httptest.NewUnstartedServer(o)
	opts := s3.Options{Profile: s3.OSS, Bucket: "bucket-" + unique(), Prefix: "drive", AccessKey: ossKey, SecretKey: ossSecret}
	if secure {
		server.StartTLS()
		opts.Endpoint = "https://" + ossHost
	} else {
		server.Start()
		opts.Endpoint = "http://" + ossHost
	}
	t.Cleanup(func() {
		server.Close()
		for _, why := range o.refused {
			t.Error("OSS would refuse ", why)
		}
	})
	opts.Transport = func(tr *http.Transport) {
		tr.Proxy = nil
		tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
		if secure {
			tr.TLSClientConfig.RootCAs = x509.NewCertPool()
			tr.TLSClientConfig.RootCAs.AddCert(server.Certificate())
			tr.TLSClientConfig.ServerName = "example.com" // what the test's certificate is for
		}
	}
	return opts
}

func openOSS(t *testing.T, secure bool) *s3.Blobs {
	t.Helper()
	b := open(t, ossOptions(t, newOSS(), secure))
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.SetSizes(256<<10, 256<<10, 2)
	return b
}

func TestOSS(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"HTTP": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Blobs(t, func(t *testing.T) store.Blobs { return openOSS(t, secure) }, storetest.ReaderLosesBlob)
			storetest.ResumableBlobs(t, 1<<20+1, func(t *testing.T) store.ResumableBlobs { return openOSS(t, secure) })
		})
	}
}

func TestOSSLink(t *testing.T) {
	t.Parallel()
	double := newOSS()
	o := ossOptions(t, double, false)
	b := open(t, o)
	p := storetest.Bytes(1, 1000)
	name := store.NewBlobName(storetest.SumsOf(p).Digest, store.NewUploadID("n1"))
	if err := b.Put(t.Context(), name, storetest.Source(p), storetest.SumsOf(p)); err != nil {
		t.Fatal(err)
	}
	link, err := b.Link(t.Context(), name, `attachment; filename="a.pdf"`, "application/pdf", time.Hour)
	if err != nil || !strings.HasPrefix(link, "http://"+o.Bucket+"."+ossHost+"/drive/") {
		t.Fatal(link, err)
	}
	transport := &http.Transport{}
	o.Transport(transport)
	t.Cleanup(transport.CloseIdleConnections)
	status, header, got := fetch(t, &http.Client{Transport: transport}, link)
	if status != 200 || len(got) != len(p) || header.Get("Content-Disposition") != `attachment; filename="a.pdf"` {
		t.Errorf("%d, %d bytes, %v", status, len(got), header)
	}
}

// TLS protects a body; without it the signature covers it.
func TestBodiesAreSignedOnlyWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		double := newOSS()
		b := open(t, ossOptions(t, double, secure))
		if err := b.Check(t.Context()); err != nil { // else a body goes twice, before there is a bucket and after
			t.Fatal(err)
		}
		for _, size := range []int{1000, testPart + 1} {
			p := storetest.Bytes(1, size)
			name := store.NewBlobName(storetest.SumsOf(p).Digest, store.NewUploadID("n1"))
			if err := b.Put(t.Context(), name, storetest.Source(p), storetest.SumsOf(p)); err != nil {
				t.Fatal(err)
			}
		}
		for _, hash := range double.hashes {
			if (hash == "UNSIGNED-PAYLOAD") != secure {
				t.Errorf("TLS %t: a body is signed as %s", secure, hash)
			}
		}
		if len(double.hashes) != 3 {
			t.Errorf("%d bodies, want 3", len(double.hashes))
		}
	}
}

// The double refuses what OSS refuses; else its consent would mean nothing.
func TestTheDoubleRefuses(t *testing.T) {
	t.Parallel()
	double := newOSS()
	o := ossOptions(t, double, false)
	defer func() { double.refused = nil }()
	wrong := o
	wrong.SecretKey = "another"
	says(t, open(t, wrong).Check(t.Context()), wrong.SecretKey, "credentials refused")
	byPath := o
	byPath.Profile = s3.Ceph // with the bucket in the path, which goes to the bare host
	byPath.Region = ossRegion
	says(t, open(t, byPath).Check(t.Context()), o.SecretKey, "SecondLevelDomainForbidden")
	abroad := o
	abroad.Region = "cn-elsewhere"
	says(t, open(t, abroad).Check(t.Context()), o.SecretKey, "credentials refused")

	for what, change := range map[string]func(*http.Request){
		"chunked":   func(r *http.Request) { r.Header.Set("Content-Encoding", "aws-chunked") },
		"trailer":   func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER") },
		"signature": func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") },
	} {
		r := httptest.NewRequest(http.MethodPut, "http://bucket."+ossHost+"/key", strings.NewReader("x"))
		change(r)
		w := httptest.NewRecorder()
		double.ServeHTTP(w, r)
		if w.Code < 400 {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
}
