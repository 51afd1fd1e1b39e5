//go:build linux

package main_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The programs here behave as those written for the original filestore-server do, as seen on the wire. They know only
// net/http.

// An oldClient is such a program, signed in.
type oldClient struct {
	t           *testing.T
	base        string
	user, token string
}

// An oldAnswer is what such a program reads of an answer, whatever its status.
type oldAnswer struct {
	Code int             `json:"code"`
	Msg  string          `json:"msg"`
	Data json.RawMessage `json:"data"`
}

type oldInit struct {
	FileHash              string
	FileSize              int
	UploadID              string
	ChunkSize, ChunkCount int
	ChunkExists           []int
}

func oldSignin(t *testing.T, w *world, name string) *oldClient {
	t.Helper()
	w.user(name) // the old sign-up page is replaced by ours
	o := &oldClient{t: t, base: w.drive.URL}
	a := o.form("/user/signin", url.Values{"username": {name}, "password": {password}})
	var data struct{ Username, Token, UploadEntry, DownloadEntry, Location string }
	if err := json.Unmarshal(a.Data, &data); err != nil || a.Code != 0 || len(data.Token) != 40 {
		t.Fatalf("sign in: %+v", a)
	}
	for _, entry := range []string{data.UploadEntry, data.DownloadEntry} {
		if entry != w.setting.Addr || strings.Contains(entry, "/") {
			t.Errorf("entry %q, want %s", entry, w.setting.Addr)
		}
	}
	o.user, o.token = data.Username, data.Token
	return o
}

func (o *oldClient) read(resp *http.Response, err error) oldAnswer {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	var a oldAnswer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		o.t.Fatalf("%s: %v", resp.Request.URL.Path, err)
	}
	return a
}

// form posts a form as http.PostForm does.
func (o *oldClient) form(path string, v url.Values) oldAnswer {
	o.t.Helper()
	return o.read(http.PostForm(o.base+path, v))
}

// signed adds who calls.
func (o *oldClient) signed(pairs ...string) url.Values {
	v := url.Values{"username": {o.user}, "token": {o.token}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func (o *oldClient) init(data []byte) (oldAnswer, oldInit) {
	o.t.Helper()
	a := o.form("/file/mpupload/init", o.signed("filehash", hexSHA1(data), "filesize", strconv.Itoa(len(data))))
	var in oldInit
	if a.Code == 0 {
		if err := json.Unmarshal(a.Data, &in); err != nil || in.ChunkExists == nil {
			o.t.Fatalf("init: %s: %v", a.Data, err)
		}
	}
	return a, in
}

func (o *oldClient) complete(in oldInit, data []byte, name string) oldAnswer {
	o.t.Helper()
	return o.form("/file/mpupload/complete", o.signed("filehash", hexSHA1(data), "filesize", strconv.Itoa(len(data)),
		"filename", name, "uploadid", in.UploadID))
}

// chunk posts raw bytes under a Content-Type without a boundary, as all the old programs do.
func (o *oldClient) chunk(in oldInit, index int, b []byte, more string) (oldAnswer, error) {
	q := fmt.Sprintf("/file/mpupload/uppart?username=%s&token=%s&uploadid=%s&index=%d%s", o.user, o.token, in.UploadID, index, more)
	resp, err := http.Post(o.base+q, "multipart/form-data", bytes.NewReader(b))
	if err != nil {
		return oldAnswer{}, err
	}
	defer resp.Body.Close()
	var a oldAnswer
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

func (o *oldClient) get(path string, v url.Values) (*http.Response, []byte) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.base+path+"?"+v.Encode(), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	if path == "/file/download" {
		req.Header.Set("Range", "bytes=0-")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp, b
}

func hexSHA1(b []byte) string {
	s := sha1.Sum(b)
	return hex.EncodeToString(s[:])
}

func patternBytes(seed, size int64) []byte {
	b := make([]byte, size)
	pattern{seed, size}.ReadAt(b, 0)
	return b
}

// testFirstGeneration sends all chunks at once from goroutines, each out of a buffer of a fixed size.
func testFirstGeneration(t *testing.T, bin string) {
	w := newWorld(t, bin)
	o := oldSignin(t, w, "alice")
	data := patternBytes(20, 37*mib+5)
	a, in := o.init(data)
	if a.Code != 0 || in.FileSize != len(data) || in.FileHash != hexSHA1(data) {
		t.Fatalf("init: %+v %+v", a, in)
	}
	const fixed = 5_242_880
	var wg sync.WaitGroup
	src := bytes.NewReader(data)
	count := 0
	for buf := make([]byte, in.ChunkSize); ; {
		n, _ := src.Read(buf)
		if n == 0 {
			break
		}
		count++
		copied := make([]byte, fixed)
		copy(copied, buf)
		b, index := copied[:n], count // panics where ChunkSize is larger than the buffer
		wg.Go(func() {
			if a, err := o.chunk(in, index, b, ""); err != nil || a.Code != 0 {
				t.Errorf("chunk %d: %+v, %v", index, a, err)
			}
		})
	}
	wg.Wait()
	if count != in.ChunkCount {
		t.Errorf("%d chunks, the answer said %d", count, in.ChunkCount)
	}
	if a := o.complete(in, data, "old file.bin"); a.Code != 0 {
		t.Fatalf("complete: %+v", a)
	}
	resp, got := o.get("/file/download", o.signed("filehash", hexSHA1(data)))
	if resp.StatusCode != http.StatusPartialContent || !bytes.Equal(got, data) {
		t.Errorf("download: status %d, %d bytes of %d", resp.StatusCode, len(got), len(data))
	}
	w.fsck()
}

// testSecondGeneration sends a few chunks, completes in vain, goes on, cancels by digest, and stops at code 10006.
func testSecondGeneration(t *testing.T, bin string) {
	w := newWorld(t, bin)
	o := oldSignin(t, w, "bob")
	data := patternBytes(21, 23*mib)
	chunks := slices.Collect(slices.Chunk(data, 5_242_880))
	_, cancelled := o.init(data)
	o.firstMissing(cancelled, chunks, 1, 0)
	if a := o.form("/file/mpupload/cancel", o.signed("filehash", hexSHA1(data))); a.Code != 0 {
		t.Fatalf("cancel: %+v", a)
	}
	var upload string
	for done := 0; done < len(chunks); done += 2 {
		a, in := o.init(data)
		if a.Code != 0 || len(in.ChunkExists) != done || in.UploadID == cancelled.UploadID {
			t.Fatalf("init with %d chunks sent: %+v %+v", done, a, in)
		}
		if upload == "" {
			upload = in.UploadID
		}
		if in.UploadID != upload {
			t.Errorf("the upload changed from %s to %s", upload, in.UploadID)
		}
		o.firstMissing(in, chunks, 2, done)
		if a := o.complete(in, data, "second.bin"); (a.Code == 0) != (done+2 >= len(chunks)) || a.Code != 0 && a.Code != -2 {
			t.Errorf("complete with %d chunks of %d: %+v", done+2, len(chunks), a)
		}
	}
	if a, _ := o.init(data); a.Code != 10006 {
		t.Errorf("init of a file that is there: %+v, want code 10006", a)
	}
	a := o.form("/file/fastupload", o.signed("filehash", hexSHA1(data), "filename", "again.bin"))
	if a.Code != 0 {
		t.Errorf("fastupload of a file that is there: %+v", a)
	}
	a = o.form("/file/fastupload", o.signed("filehash", strings.Repeat("0", 39)+"1", "filename", "x"))
	if a.Code != -1 {
		t.Errorf("fastupload of a file that is not there: %+v", a)
	}
	w.fsck()
}

// firstMissing sends the first k chunks that the drive does not have, in parallel, with their digests. A wrong digest is
// tried first.
func (o *oldClient) firstMissing(in oldInit, chunks [][]byte, k, salt int) {
	o.t.Helper()
	var wg sync.WaitGroup
	for i, b := range chunks {
		if slices.Contains(in.ChunkExists, i+1) || k == 0 {
			continue
		}
		k--
		param := []string{"chkhash", "chunkSha1"}[(salt+i)%2]
		wg.Go(func() {
			if a, err := o.chunk(in, i+1, b, "&"+param+"="+strings.Repeat("1", 40)); err != nil || a.Code == 0 {
				o.t.Errorf("chunk %d with a wrong digest: %+v, %v", i+1, a, err)
			}
			if a, err := o.chunk(in, i+1, b, "&"+param+"="+hexSHA1(b)); err != nil || a.Code != 0 {
				o.t.Errorf("chunk %d: %+v, %v", i+1, a, err)
			}
		})
	}
	wg.Wait()
}

var oldDisposition = regexp.MustCompile(`attachment; filename="(.*)"`)

// testOldPage does what the scripts of the old pages do: parameters in the query, a file name out of a header.
func testOldPage(t *testing.T, bin string) {
	w := newWorld(t, bin)
	o := oldSignin(t, w, "carol")
	data := []byte("a small file")
	o.formUpload("page.txt", data)
	hash := hexSHA1(data)
	_, b := o.get("/file/query", o.signed("limit", "15"))
	var rows []struct {
		FileHash, FileName, UploadAt, LastUpdated string
		FileSize                                  int
	}
	if err := json.Unmarshal(b, &rows); err != nil || len(rows) != 1 || rows[0].FileHash != hash || rows[0].FileSize != len(data) {
		t.Fatalf("query: %s: %v", b, err)
	}
	resp, b := o.get("/file/download", o.signed("filehash", hash))
	m := oldDisposition.FindStringSubmatch(resp.Header.Get("Content-Disposition"))
	// The expression is greedy: what it finds may end with what follows the plain name.
	if resp.StatusCode != http.StatusPartialContent || !bytes.Equal(b, data) || len(m) != 2 || !strings.HasPrefix(m[1], "page.txt") {
		t.Errorf("download: status %d, %q, name %q", resp.StatusCode, b, m)
	}
	_, link := o.get("/file/downloadurl", o.signed("filehash", hash))
	if resp, err := http.Get(string(link)); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("link %q: %v", link, err)
	} else {
		resp.Body.Close()
	}
	o.oldChanges(hash)
	w.fsck()
}

// formUpload posts a file as a browser's form does, and is sent on to the page that says so.
func (o *oldClient) formUpload(name string, data []byte) {
	o.t.Helper()
	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + string(data) + "\r\n--b--\r\n"
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.base+"/file/upload?"+o.signed().Encode(), strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Request.URL.Path, "/file/upload/suc") {
		o.t.Errorf("form: status %d at %s", resp.StatusCode, resp.Request.URL)
	}
}

// oldChanges renames and deletes by digest, with parameters in the query of a POST.
func (o *oldClient) oldChanges(hash string) {
	o.t.Helper()
	post := func(path string, v url.Values) (int, []byte) {
		resp, err := http.Post(o.base+path+"?"+v.Encode(), "", nil)
		if err != nil {
			o.t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, b
	}
	var meta struct{ FileSha1, FileName, Location, UploadAt string }
	status, b := post("/file/update", o.signed("op", "0", "filehash", hash, "filename", "renamed.txt"))
	if err := json.Unmarshal(b, &meta); err != nil || status != 200 || meta.FileName != "renamed.txt" || meta.FileSha1 != hash {
		o.t.Errorf("update: status %d, %s", status, b)
	}
	if status, b := post("/file/update", o.signed("op", "7", "filehash", hash)); status != http.StatusForbidden {
		o.t.Errorf("another op: status %d, %s", status, b)
	}
	if status, b := post("/file/delete", o.signed("filehhash", hash)); status != 200 {
		o.t.Errorf("delete: status %d, %s", status, b)
	}
	if resp, b := o.get("/file/query", o.signed("limit", "15")); resp.StatusCode != 200 || strings.TrimSpace(string(b)) != "[]" {
		o.t.Errorf("query of an empty drive: status %d, %s", resp.StatusCode, b)
	}
}
