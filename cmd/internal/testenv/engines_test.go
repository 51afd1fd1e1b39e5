package testenv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbitFixture keeps a text as a message that is looked at and put back.
func rabbitFixture(t *testing.T) fixture {
	r, err := StartRabbit(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closed(t, r.Servers)
	return fixture{
		servers: r.Servers, killed: r, addrs: []string{r.Process.Addr},
		put: func(ctx context.Context, text string) error {
			return onChannel(ctx, r, func(ch *amqp.Channel) error {
				if _, err := ch.QueueDeclare("q", true, false, false, false, nil); err != nil {
					return err
				}
				if err := ch.Confirm(false); err != nil {
					return err
				}
				message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(text)}
				c, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", "q", true, false, message)
				if err != nil {
					return err
				}
				if _, err = c.WaitContext(ctx); err != nil {
					return err
				}
				// The message is on the disk, but the queue may not be yet: Mnesia writes its log later (ERL-831).
				_, err = r.Ctl(ctx, "eval", "mnesia:sync_log().")
				return err
			})
		},
		get: func(ctx context.Context) (text string, err error) {
			err = onChannel(ctx, r, func(ch *amqp.Channel) error {
				d, ok, err := ch.Get("q", false)
				if err != nil || !ok {
					return errors.Join(err, errors.New("no message"))
				}
				text = string(d.Body)
				return d.Nack(false, true)
			})
			return text, err
		},
	}
}

func onChannel(ctx context.Context, r *Rabbit, f func(ch *amqp.Channel) error) error {
	conn, err := amqp.DialConfig(r.URL(), amqp.Config{Dial: func(network, addr string) (net.Conn, error) {
		return dial(ctx, addr)
	}})
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	return f(ch)
}

// cephFixture writes over HTTP, reads over TLS, and kills the gateway alone.
func cephFixture(t *testing.T) fixture {
	c, err := StartCeph(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := s3Fixture(t, c)
	f.killed = c.Gateway
	return f
}

// cephOnDiskFixture does the same and kills everything.
func cephOnDiskFixture(t *testing.T) fixture {
	c, err := StartCephOnDisk(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s3Fixture(t, c)
}

func s3Fixture(t *testing.T, c *Ceph) fixture {
	closed(t, c.Servers)
	ca, err := os.ReadFile(c.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	options := s3.Options{
		Region: "default", UsePathStyle: true, BaseEndpoint: aws.String("http://" + c.Gateway.Addr),
		Credentials:                credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	plain := s3.New(options)
	options.BaseEndpoint = aws.String("https://" + c.TLSAddr)
	options.HTTPClient = trusting(ca)
	secure := s3.New(options)
	bucket, key := aws.String("bucket"), aws.String("key")
	return fixture{
		servers: c.Servers, killed: c, addrs: []string{c.Gateway.Addr, c.TLSAddr},
		put: func(ctx context.Context, text string) error {
			if _, err := plain.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
				return err
			}
			_, err := plain.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(text)})
			return err
		},
		get: func(ctx context.Context) (string, error) {
			out, err := secure.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
			if err != nil {
				return "", err
			}
			defer out.Body.Close()
			b, err := io.ReadAll(out.Body)
			return string(b), err
		},
	}
}

// TestCertificate asks for a certificate that holds for the names of this machine and no others, by a server without Ceph.
func TestCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, cert, key := dir+"/ca", dir+"/cert", dir+"/key"
	if err := certify(ca, cert, key); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.NotFoundHandler()}
	go srv.ServeTLS(l, cert, key)
	defer srv.Close()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(pem, []byte("-----BEGIN CERTIFICATE-----")) {
		t.Errorf("the authority's file is %q", pem)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for host, want := range map[string]bool{"127.0.0.1": true, "localhost": true, "127.0.0.2": false} {
		client := trusting(pem)
		client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, "127.0.0.1:"+port)
		}
		client.Timeout = 30 * time.Second
		resp, err := client.Get("https://" + host + ":" + port)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", host, err)
		}
	}
}
