package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/blinkdrive/blinkdrive/store"
)

var (
	// errNoBucket is told apart from a blob that is not there: its content is not lost, the configuration is wrong.
	errNoBucket = fmt.Errorf("bucket not found: %w", store.ErrUnavailable)
	errNotMade  = fmt.Errorf("bucket not found, and not created because files are already stored in this object store; "+
		"check the bucket name: %w", store.ErrUnavailable)
	// errNoUpload: the multipart upload has been completed or aborted by somebody.
	errNoUpload = fmt.Errorf("multipart upload not found: %w", store.ErrUnavailable)
	// errNoCredentials: nothing was sent.
	errNoCredentials = errors.New("no credentials configured, and none found in the AWS credential chain")
)

// meaning says what an error of the store means for us; code is the store's name of it.
func meaning(code string, status int) error {
	switch code {
	case "NoSuchKey":
		return store.ErrNotFound
	case "NoSuchBucket":
		return errNoBucket
	case "NoSuchUpload":
		return errNoUpload
	case "InvalidPart", "InvalidPartOrder": // the parts are looked at afresh by the next try
		return store.ErrUnavailable
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity":
		return store.ErrNoSpace
	}
	switch {
	case status == http.StatusNotFound && code == "NotFound": // what the SDK calls a HEAD without a body
		return store.ErrNotFound
	case status == http.StatusInsufficientStorage:
		return store.ErrNoSpace
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, code == "RequestTimeout":
		return store.ErrUnavailable
	}
	return nil
}

// advice explains those errors that a person has to see to. The texts of some stores are empty.
func (b *Blobs) advice(code string, status int, answer http.Header) string {
	switch code {
	case "InvalidAccessKeyId", "NoSuchAccessKey":
		return "credentials refused: unknown access key"
	case "SignatureDoesNotMatch":
		return "credentials refused: the secret key is wrong, or a proxy changes the requests"
	case "ExpiredToken", "InvalidToken", "InvalidSecurity":
		return "credentials refused: expired or not valid for this store"
	case "RequestTimeTooSkewed":
		return "the clocks of this machine and the store differ too much"
	case "SecondLevelDomainForbidden", "InvalidBucketName":
		return "bucket name or address style refused; check the store profile"
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return "wrong region: " + b.regions(answer)
	}
	if status == http.StatusMovedPermanently {
		return "wrong region: " + b.regions(answer)
	}
	if status == http.StatusForbidden {
		return "permission denied"
	}
	return ""
}

func (b *Blobs) regions(answer http.Header) string {
	if in := answer.Get("X-Amz-Bucket-Region"); in != "" {
		return fmt.Sprintf("the bucket is in %s, not in %s", in, b.opts.Region)
	}
	return "the bucket is not in " + b.opts.Region
}

// fail wraps an error of the SDK with what was being done and what it means.
func (b *Blobs) fail(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %s: %w", b.Kind(), b.opts.Bucket, what, ctx.Err())
	}
	hint, why := b.explain(err)
	if hint != "" {
		what += ": " + hint
	}
	if why == nil {
		return fmt.Errorf("%s %s: %s: %w", b.Kind(), b.opts.Bucket, what, err)
	}
	return fmt.Errorf("%s %s: %s: %w: %w", b.Kind(), b.opts.Bucket, what, why, err)
}

func (b *Blobs) explain(err error) (hint string, why error) {
	var answered *smithyhttp.ResponseError
	switch {
	case errors.Is(err, errNoCredentials):
		return "", nil // it says so itself
	case !errors.As(err, &answered), answered.HTTPStatusCode() == 0:
		return "", store.ErrUnavailable // no answer at all
	}
	status, answer := answered.HTTPStatusCode(), http.Header(nil)
	if answered.Response != nil {
		answer = answered.Response.Header
	}
	code := codeOf(err)
	return b.advice(code, status, answer), meaning(code, status)
}

// tagged are credentials whose absence can be told from a store that is down.
type tagged struct{ aws.CredentialsProvider }

func (t tagged) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := t.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, fmt.Errorf("%w: %w", errNoCredentials, err)
	}
	return c, nil
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
