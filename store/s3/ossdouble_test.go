package s3_test

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	ossHost   = "s3.oss-cn-test.aliyuncs.com"
	ossRegion = "cn-test"
	ossKey    = "LTAI-test"
	ossSecret = "oss-test-secret"
)

// ossDouble is an object store in memory that enforces what Alibaba publishes about OSS as an S3 store: the bucket is in
// the host name, bodies are not aws-chunked, signatures are of version 4 and right, a Content-MD5 is compared, parts are
// of 100 KB or more but for the last. The ETag of a blob in parts is one of its own making, of others an upper-case MD5.
type ossDouble struct {
	mu      sync.Mutex
	buckets map[string]bool
	objects map[string]ossObject
	uploads map[string]*ossUpload
	made    int
	refused []string // what was wrong with the requests of the driver
	hashes  []string // what the bodies that came were signed as
}

type ossObject struct {
	body   []byte
	header http.Header
	at     time.Time
}

type ossUpload struct {
	id, key string
	header  http.Header
	parts   map[int][]byte
	at      time.Time
}

func newOSS() *ossDouble {
	return &ossDouble{buckets: map[string]bool{}, objects: map[string]ossObject{}, uploads: map[string]*ossUpload{}}
}

// ossRequest is a request whose body has been read and whose signature is right.
type ossRequest struct {
	*http.Request
	w      http.ResponseWriter
	bucket string
	key    string // with the bucket before it
	body   []byte
}

func (o *ossDouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if code, status := ossRefuses(r, body); code != "" {
		o.refused = append(o.refused, r.Method+" "+r.Host+r.URL.String()+": "+code)
		ossError(w, r, status, code)
		return
	}
	if r.Method == http.MethodPut && len(body) > 0 {
		o.hashes = append(o.hashes, r.Header.Get("X-Amz-Content-Sha256"))
	}
	bucket := strings.TrimSuffix(r.Host, "."+ossHost)
	q := &ossRequest{r, w, bucket, bucket + r.URL.Path, body}
	switch {
	case r.URL.Path == "/":
		o.serveBucket(q)
	case !o.buckets[bucket]:
		q.fail(404, "NoSuchBucket")
	case r.URL.Query().Has("uploads") || r.URL.Query().Has("uploadId"):
		o.serveMultipart(q)
	default:
		o.serveObject(q)
	}
}

// ossRefuses says why OSS would refuse a request before looking at what it asks for.
func ossRefuses(r *http.Request, body []byte) (code string, status int) {
	hash := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case r.Host == ossHost || !strings.HasSuffix(r.Host, "."+ossHost):
		return "SecondLevelDomainForbidden", 403
	case strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") || strings.HasPrefix(hash, "STREAMING-") ||
		r.Header.Get("X-Amz-Trailer") != "" || len(r.TransferEncoding) > 0:
		return "InvalidArgument", 400
	case !signedV4(r, body):
		return "SignatureDoesNotMatch", 403
	}
	if want := r.Header.Get("Content-Md5"); want != "" {
		if sum := md5.Sum(body); base64.StdEncoding.EncodeToString(sum[:]) != want {
			return "InvalidDigest", 400
		}
	}
	return "", 0
}

func ossError(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message><HostId>%s</HostId></Error>", code, code, r.Host)
	}
}

func (q *ossRequest) fail(status int, code string) { ossError(q.w, q.Request, status, code) }

func (q *ossRequest) reply(v any) {
	q.w.Header().Set("Content-Type", "application/xml")
	if err := xml.NewEncoder(q.w).Encode(v); err != nil {
		panic(err)
	}
}

func upperMD5(p []byte) string { return fmt.Sprintf(`"%X"`, md5.Sum(p)) }

// kept are the headers of a request that come back with the object.
func kept(r *http.Request) http.Header {
	h := http.Header{}
	for k, v := range r.Header {
		if strings.HasPrefix(k, "X-Amz-Meta-") || k == "Content-Type" {
			h[k] = v
		}
	}
	return h
}

func (o *ossDouble) serveObject(q *ossRequest) {
	switch q.Method {
	case http.MethodPut:
		h := kept(q.Request)
		h.Set("Etag", upperMD5(q.body))
		o.objects[q.key] = ossObject{q.body, h, time.Now()}
		q.w.Header().Set("Etag", h.Get("Etag"))
	case http.MethodDelete:
		delete(o.objects, q.key)
		q.w.WriteHeader(http.StatusNoContent)
	default:
		obj, ok := o.objects[q.key]
		if !ok {
			q.fail(404, "NoSuchKey")
			return
		}
		maps.Copy(q.w.Header(), obj.header)
		for param, header := range map[string]string{
			"response-content-type": "Content-Type", "response-content-disposition": "Content-Disposition",
		} {
			if v := q.URL.Query().Get(param); v != "" {
				q.w.Header().Set(header, v)
			}
		}
		http.ServeContent(q.w, q.Request, "", obj.at, bytes.NewReader(obj.body))
	}
}

func (o *ossDouble) serveBucket(q *ossRequest) {
	switch {
	case q.Method == http.MethodPut:
		o.buckets[q.bucket] = true
	case !o.buckets[q.bucket]:
		q.fail(404, "NoSuchBucket")
	case q.URL.Query().Has("uploads"):
		o.listUploads(q)
	default:
		o.list(q)
	}
}

// ossPage is one page of a listing, in the words of each kind of listing.
type ossPage struct {
	XMLName               xml.Name
	IsTruncated           bool
	NextContinuationToken string     `xml:",omitempty"`
	NextPartNumberMarker  string     `xml:",omitempty"`
	NextKeyMarker         string     `xml:",omitempty"`
	NextUploadIdMarker    string     `xml:",omitempty"`
	Contents              []ossEntry `xml:",omitempty"`
	Upload                []ossEntry `xml:",omitempty"`
	Part                  []ossEntry `xml:",omitempty"`
}

type ossEntry struct {
	Key          string `xml:",omitempty"`
	UploadId     string `xml:",omitempty"`
	PartNumber   int    `xml:",omitempty"`
	ETag         string `xml:",omitempty"`
	Size         int
	LastModified string `xml:",omitempty"`
	Initiated    string `xml:",omitempty"`
}

// cutPage leaves of all what comes after the marker and is asked for.
func cutPage(all []ossEntry, max string, after func(ossEntry) bool) (page []ossEntry, more bool) {
	n, err := strconv.Atoi(max)
	if err != nil {
		n = 1000
	}
	page = slices.DeleteFunc(all, func(e ossEntry) bool { return !after(e) })
	return page[:min(n, len(page))], len(page) > n
}

func (o *ossDouble) list(q *ossRequest) {
	params := q.URL.Query()
	var all []ossEntry
	for _, key := range slices.Sorted(maps.Keys(o.objects)) {
		name, ok := strings.CutPrefix(key, q.bucket+"/")
		if ok && strings.HasPrefix(name, params.Get("prefix")) {
			obj := o.objects[key]
			all = append(all, ossEntry{Key: name, Size: len(obj.body), LastModified: obj.at.UTC().Format(time.RFC3339)})
		}
	}
	p := ossPage{XMLName: xml.Name{Local: "ListBucketResult"}}
	p.Contents, p.IsTruncated = cutPage(all, params.Get("max-keys"), func(e ossEntry) bool {
		return e.Key > params.Get("continuation-token")
	})
	if p.IsTruncated {
		p.NextContinuationToken = p.Contents[len(p.Contents)-1].Key
	}
	q.reply(p)
}

func (o *ossDouble) listUploads(q *ossRequest) {
	params := q.URL.Query()
	var all []ossEntry
	for _, u := range o.uploads {
		name, ok := strings.CutPrefix(u.key, q.bucket+"/")
		if ok && strings.HasPrefix(name, params.Get("prefix")) {
			all = append(all, ossEntry{Key: name, UploadId: u.id, Initiated: u.at.UTC().Format(time.RFC3339)})
		}
	}
	order := func(a, b ossEntry) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.UploadId, b.UploadId)) }
	slices.SortFunc(all, order)
	p := ossPage{XMLName: xml.Name{Local: "ListMultipartUploadsResult"}}
	p.Upload, p.IsTruncated = cutPage(all, params.Get("max-uploads"), func(e ossEntry) bool {
		return order(e, ossEntry{Key: params.Get("key-marker"), UploadId: params.Get("upload-id-marker")}) > 0
	})
	if p.IsTruncated {
		last := p.Upload[len(p.Upload)-1]
		p.NextKeyMarker, p.NextUploadIdMarker = last.Key, last.UploadId
	}
	q.reply(p)
}
