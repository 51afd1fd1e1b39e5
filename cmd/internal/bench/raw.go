package main

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// A rawServer does nothing with bytes but to store them durably: the limit of what a server written in Go can reach.
type rawServer struct {
	dir   string
	hash  bool
	mu    sync.Mutex
	files map[string]*os.File
	bufs  sync.Pool
}

const rawBuffer = 256 << 10

// serveRaw is the yardstick's process.
func serveRaw(ctx context.Context, args []string) error {
	f := flag.NewFlagSet(rawCommand, flag.ContinueOnError)
	addr := f.String("addr", "", "where to listen")
	dir := f.String("dir", "", "where the files go")
	hash := f.Bool("hash", false, "hash each finished file")
	if err := f.Parse(args); err != nil {
		return err
	}
	s := &rawServer{dir: *dir, hash: *hash, files: map[string]*os.File{},
		bufs: sync.Pool{New: func() any { return new([rawBuffer]byte) }}}
	srv := &http.Server{Addr: *addr, Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *rawServer) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	for pattern, fn := range map[string]func(*http.Request) error{
		"POST /init": s.init, "PUT /chunk": s.chunk, "POST /done": s.done, "PUT /file": s.put,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := fn(r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(s.dir))))
	return mux
}

func (s *rawServer) path(r *http.Request) string {
	return filepath.Join(s.dir, filepath.Base(r.URL.Query().Get("name")))
}

func number(r *http.Request, name string) (int64, error) {
	return strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
}

func (s *rawServer) init(r *http.Request) error {
	size, err := number(r, "size")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.path(r), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[f.Name()] = f
	return preallocate(f, size)
}

func (s *rawServer) file(r *http.Request) *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[s.path(r)]
}

func (s *rawServer) chunk(r *http.Request) error {
	off, err := number(r, "off")
	if err != nil {
		return err
	}
	return s.copy(io.NewOffsetWriter(s.file(r), off), r.Body)
}

// onlyWriter hides what would let io.CopyBuffer pass by the buffer.
type onlyWriter struct{ io.Writer }

func (s *rawServer) copy(w io.Writer, r io.Reader) error {
	buf := s.bufs.Get().(*[rawBuffer]byte)
	defer s.bufs.Put(buf)
	_, err := io.CopyBuffer(onlyWriter{w}, struct{ io.Reader }{r}, buf[:])
	return err
}

func (s *rawServer) done(r *http.Request) error {
	f := s.file(r)
	s.mu.Lock()
	delete(s.files, f.Name())
	s.mu.Unlock()
	if s.hash {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := s.copy(io.MultiWriter(sha1.New(), sha256.New()), f); err != nil {
			return err
		}
	}
	return s.durable(f)
}

// put takes a small file whole.
func (s *rawServer) put(r *http.Request) error {
	f, err := os.OpenFile(s.path(r), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := s.copy(f, r.Body); err != nil {
		return errors.Join(err, f.Close())
	}
	return s.durable(f)
}

// durable syncs and closes a file, and syncs the folder that has its name.
func (s *rawServer) durable(f *os.File) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
