package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// fileInfo is what the headers of a download say of the whole file or zip.
type fileInfo struct {
	size   int64
	etag   string // as it stands in the header
	sha256 []byte // or nil
}

// A stream reads the bytes off to end of a file or zip, and after trouble on the way goes on where it was.
type stream struct {
	ctx      context.Context
	c        *Client
	path     string
	query    url.Values
	off, end int64     // end < 0: to the end of the whole, which is not known yet
	info     *fileInfo // nil before the first answer
	body     io.ReadCloser
	dog      *watchdog
	backoff  backoff
	moved    func(n int)
}

func (c *Client) stream(ctx context.Context, ref Ref, off, end int64, info *fileInfo) *stream {
	return &stream{
		ctx: ctx, c: c, path: "/file/download", query: ref.values(), off: off, end: end, info: info,
		backoff: backoff{Retry: c.opts.Retry}, moved: func(int) {},
	}
}

// Read reads on, opening the file again where need be. io.EOF comes at end only.
func (s *stream) Read(p []byte) (int, error) {
	for {
		if s.body == nil {
			if err := s.open(); err != nil {
				return 0, err
			}
		}
		if s.off >= s.end {
			return 0, io.EOF
		}
		n, err := s.body.Read(p[:min(int64(len(p)), s.end-s.off)])
		if n > 0 {
			s.off += int64(n)
			s.backoff.reset()
			s.moved(n)
			return n, nil
		}
		if err == nil {
			continue
		}
		cause := s.dog.explain(err)
		if errors.Is(err, io.EOF) {
			cause = io.ErrUnexpectedEOF
		}
		s.Close()
		if err := s.backoff.pause(s.ctx, cause); err != nil {
			return 0, fmt.Errorf("%s: %w", s.path, err)
		}
	}
}

// Close ends the request under way, if there is one.
func (s *stream) Close() error {
	if s.body == nil {
		return nil
	}
	s.dog.stop()
	err := s.body.Close()
	s.body = nil
	return err
}

func (s *stream) open() error {
	for {
		err := s.once()
		if err == nil {
			return nil
		}
		if err := s.backoff.pause(s.ctx, err); err != nil {
			return err
		}
	}
}

func (s *stream) once() error {
	dog := watch(s.ctx, s.c.opts.Stall)
	resp, err := s.get(dog)
	if err == nil {
		err = s.accept(resp)
	}
	if err != nil {
		dog.stop()
		return err
	}
	s.dog = dog
	s.body = struct {
		io.Reader
		io.Closer
	}{dog.reader(resp.Body), resp.Body}
	return nil
}

func (s *stream) get(dog *watchdog) (*http.Response, error) {
	k := call{method: http.MethodGet, path: s.path, query: s.query}
	req, err := s.c.request(dog.ctx, k)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "*/*")
	switch {
	case s.end >= 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.off, s.end-1))
	case s.off > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", s.off))
	}
	if s.info != nil && s.info.etag != "" && req.Header.Get("Range") != "" {
		req.Header.Set("If-Range", s.info.etag)
	}
	resp, err := s.c.http.Do(req)
	if err != nil {
		return nil, k.explain(dog.explain(err))
	}
	return resp, nil
}

// accept checks that an answer is what was asked for, of the same file as before. It closes the body of one that is not.
func (s *stream) accept(resp *http.Response) error {
	info, from, err := describe(s.path, resp)
	if err == nil && s.info != nil && (info.size != s.info.size || info.etag != s.info.etag) {
		err = ErrChanged
	}
	if err == nil && from != s.off {
		err = fmt.Errorf("%s: requested bytes from %d, got bytes from %d", s.path, s.off, from)
	}
	if err != nil {
		resp.Body.Close()
		return err
	}
	if s.info == nil {
		s.info = &info
	}
	if s.end < 0 || s.end > info.size {
		s.end = info.size
	}
	return nil
}

// describe reads the headers of an answer to a download: what file it is and at which byte the body begins.
func describe(path string, resp *http.Response) (info fileInfo, from int64, err error) {
	info = fileInfo{size: resp.ContentLength, etag: resp.Header.Get("ETag"), sha256: reprSHA256(resp.Header.Get("Repr-Digest"))}
	switch resp.StatusCode {
	case http.StatusOK:
		if info.size < 0 {
			err = fmt.Errorf("%s: the response has no length", path)
		}
		return info, 0, err
	case http.StatusPartialContent:
		from, info.size, err = parseContentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return info, from, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return info, 0, fmt.Errorf("%s: %w", path, err)
	}
	err = answer{resp.StatusCode, resp.Header, body}.failure()
	if err == nil {
		err = fmt.Errorf("%s: unexpected status %d", path, resp.StatusCode)
	}
	return info, 0, err
}

// parseContentRange reads "bytes FROM-TO/SIZE".
func parseContentRange(s string) (from, size int64, err error) {
	bad := fmt.Errorf("invalid Content-Range %q", s)
	rest, ok := strings.CutPrefix(s, "bytes ")
	span, total, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, bad
	}
	n, err1 := strconv.ParseUint(first, 10, 63)
	to, err2 := strconv.ParseUint(last, 10, 63)
	all, err3 := strconv.ParseUint(total, 10, 63)
	if err1 != nil || err2 != nil || err3 != nil || n > to || to >= all {
		return 0, 0, bad
	}
	return int64(n), int64(all), nil
}

// reprSHA256 returns the SHA-256 in a Repr-Digest header, or nil.
func reprSHA256(s string) []byte {
	for item := range strings.SplitSeq(s, ",") {
		v, ok := strings.CutPrefix(strings.TrimSpace(item), "sha-256=:")
		v, ok2 := strings.CutSuffix(v, ":")
		if !ok || !ok2 {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(v); err == nil && len(b) == 32 {
			return b
		}
	}
	return nil
}
