package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func (o *ossDouble) serveMultipart(q *ossRequest) {
	params := q.URL.Query()
	if params.Has("uploads") {
		o.made++
		u := &ossUpload{fmt.Sprintf("%032X", o.made), q.key, kept(q.Request), map[int][]byte{}, time.Now()}
		o.uploads[u.id] = u
		q.reply(struct {
			XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
			UploadId string
		}{UploadId: u.id})
		return
	}
	u := o.uploads[params.Get("uploadId")]
	if u == nil || u.key != q.key {
		q.fail(404, "NoSuchUpload")
		return
	}
	switch q.Method {
	case http.MethodPut:
		n, err := strconv.Atoi(params.Get("partNumber"))
		if err != nil || n < 1 || n > 10_000 {
			q.fail(400, "InvalidArgument")
			return
		}
		u.parts[n] = q.body
		q.w.Header().Set("Etag", upperMD5(q.body))
	case http.MethodGet:
		u.list(q)
	case http.MethodDelete:
		delete(o.uploads, u.id)
		q.w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		o.complete(q, u)
	}
}

func (u *ossUpload) list(q *ossRequest) {
	params := q.URL.Query()
	var all []ossEntry
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		all = append(all, ossEntry{
			PartNumber: n, Size: len(u.parts[n]), ETag: upperMD5(u.parts[n]), LastModified: u.at.UTC().Format(time.RFC3339),
		})
	}
	marker, _ := strconv.Atoi(params.Get("part-number-marker"))
	p := ossPage{XMLName: xml.Name{Local: "ListPartsResult"}}
	p.Part, p.IsTruncated = cutPage(all, params.Get("max-parts"), func(e ossEntry) bool { return e.PartNumber > marker })
	if p.IsTruncated {
		p.NextPartNumberMarker = strconv.Itoa(p.Part[len(p.Part)-1].PartNumber)
	}
	q.reply(p)
}

func (o *ossDouble) complete(q *ossRequest, u *ossUpload) {
	var order struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(q.body, &order); err != nil || len(order.Part) == 0 {
		q.fail(400, "MalformedXML")
		return
	}
	var whole []byte
	for i, p := range order.Part {
		body, ok := u.parts[p.PartNumber]
		switch {
		case !ok || strings.Trim(p.ETag, `"`) != strings.Trim(upperMD5(body), `"`):
			q.fail(400, "InvalidPart")
			return
		case i > 0 && p.PartNumber <= order.Part[i-1].PartNumber:
			q.fail(400, "InvalidPartOrder")
			return
		case len(body) < 100<<10 && i < len(order.Part)-1:
			q.fail(400, "EntityTooSmall")
			return
		}
		whole = append(whole, body...)
	}
	h := u.header
	h.Set("Etag", fmt.Sprintf(`"%032X-%d"`, o.made*0x9e3779b9, len(order.Part))) // the MD5 of nothing
	o.objects[u.key] = ossObject{whole, h, time.Now()}
	delete(o.uploads, u.id)
	q.reply(struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		ETag    string
	}{ETag: h.Get("Etag")})
}

// signedV4 signs the request once more, with the headers that it says are signed, and compares.
func signedV4(r *http.Request, body []byte) bool {
	again := r.Clone(r.Context())
	again.Body, again.Header = nil, http.Header{}
	again.URL.Host, again.URL.Scheme = r.Host, "http"
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: ossKey, SecretAccessKey: ossSecret}
	if r.URL.Query().Has("X-Amz-Signature") {
		return presignedV4(again, signer, keys)
	}
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	names, _, _ := strings.Cut(rest, ",")
	for _, name := range strings.Split(names, ";") {
		again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if sum := sha256.Sum256(body); hash != "UNSIGNED-PAYLOAD" && hash != hex.EncodeToString(sum[:]) {
		return false
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > 15*time.Minute {
		return false
	}
	again.Header.Del("Host")
	again.Header.Del("Content-Length")
	if err := signer.SignHTTP(r.Context(), keys, again, hash, "s3", ossRegion, at); err != nil {
		return false
	}
	return again.Header.Get("Authorization") == r.Header.Get("Authorization")
}

func presignedV4(r *http.Request, signer *v4.Signer, keys aws.Credentials) bool {
	q := r.URL.Query()
	want := q.Get("X-Amz-Signature")
	at, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	ttl, terr := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || terr != nil || time.Since(at) > time.Duration(ttl)*time.Second {
		return false
	}
	for _, key := range []string{"X-Amz-Signature", "X-Amz-Date", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders"} {
		q.Del(key)
	}
	r.URL.RawQuery = q.Encode()
	signed, _, err := signer.PresignHTTP(r.Context(), keys, r, "UNSIGNED-PAYLOAD", "s3", ossRegion, at)
	return err == nil && bytes.Contains([]byte(signed), []byte("X-Amz-Signature="+want))
}
