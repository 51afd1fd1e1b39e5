package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// maxChallenges bounds how many challenges in a row are answered: each may have expired meanwhile.
const maxChallenges = 3

// An InstantRequest asks for an entry of content that the drive may hold.
type InstantRequest struct {
	Target
	Digest string
	Size   int64
}

// Instant asks for an entry without sending the content, and proves from src that the caller has it where the drive
// wants proof. ok is false if the content must be uploaded.
func (c *Client) Instant(ctx context.Context, r InstantRequest, src io.ReaderAt) (m api.Meta, ok bool, err error) {
	return c.instant(ctx, r, src, func(time.Duration) {})
}

// instant tells proving, before it sends a proof, how long the answer to the question took.
func (c *Client) instant(
	ctx context.Context, r InstantRequest, src io.ReaderAt, proving func(took time.Duration),
) (m api.Meta, ok bool, err error) {
	v := r.values()
	v.Set("filehash", r.Digest)
	v.Set("filesize", strconv.FormatInt(r.Size, 10))
	for range maxChallenges {
		start := time.Now()
		env, err := c.fastUpload(ctx, v, &m)
		if err != nil || env.Code == api.OK || env.Code == api.InvalidUpload {
			return m, err == nil && env.Code == api.OK, err
		}
		ch, err := parseChallenge(env, r.Size)
		if err != nil {
			return m, false, err
		}
		proof, err := prove(ch, src)
		if err != nil {
			return m, false, err
		}
		proving(time.Since(start))
		v.Set("challenge", ch.Challenge)
		v.Set("proof", proof)
	}
	return m, false, nil
}

// fastUpload asks once. A drive that has seen too many failed proofs is not waited for: that is a miss.
func (c *Client) fastUpload(ctx context.Context, v url.Values, m *api.Meta) (api.Envelope, error) {
	k := call{method: http.MethodPost, path: "/file/fastupload", form: v}
	var env api.Envelope
	err := c.retry(ctx, func() error {
		a, err := c.once(ctx, k)
		if IsCode(err, api.TooMany) {
			env = api.Envelope{Code: api.InvalidUpload}
			return nil
		}
		if err != nil {
			return err
		}
		env, err = a.enveloped(m)
		if err == nil && env.Code != api.OK && env.Code != api.InvalidUpload && env.Code != api.ProofNeeded {
			err = a.refused(env)
		}
		return err
	})
	return env, err
}

// parseChallenge reads a challenge for a file of size bytes.
func parseChallenge(env api.Envelope, size int64) (api.Challenge, error) {
	var ch api.Challenge
	if err := json.Unmarshal(env.Data, &ch); err != nil {
		return ch, fmt.Errorf("challenge: %w", err)
	}
	if ch.Challenge == "" {
		return ch, errors.New("challenge: no ranges")
	}
	for _, r := range ch.Ranges {
		if r.Offset < 0 || r.Length < 0 || r.Length > size || r.Offset > size-r.Length {
			return ch, fmt.Errorf("challenge: %d bytes at offset %d are outside a file of %d bytes", r.Length, r.Offset, size)
		}
	}
	return ch, nil
}

// prove computes the answer to a challenge: the HMAC-SHA-256 over the bytes of the ranges in order, whose key is the
// challenge's string itself.
func prove(ch api.Challenge, src io.ReaderAt) (string, error) {
	mac := hmac.New(sha256.New, []byte(ch.Challenge))
	for _, r := range ch.Ranges {
		n, err := io.Copy(mac, io.NewSectionReader(src, r.Offset, r.Length))
		if err != nil {
			return "", &sourceError{err}
		}
		if n < r.Length {
			return "", &sourceError{ErrChanged}
		}
	}
	return hex.EncodeToString(mac.Sum(nil)), nil
}
