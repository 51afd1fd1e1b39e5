package testenv

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// GoRoot returns where the Go toolchain is: a heap of real files that is on every machine on which this is built.
func GoRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("testenv: go env GOROOT: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Archive packs the regular files below some folders into a tar file, up to about limit bytes, and returns its size.
func Archive(name string, limit int64, folders ...string) (int64, error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, fmt.Errorf("testenv: %w", err)
	}
	defer f.Close()
	w := &archiver{Writer: tar.NewWriter(f), left: limit}
	for _, dir := range folders {
		if err := filepath.WalkDir(dir, w.add); err != nil {
			return 0, fmt.Errorf("testenv: archive: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return 0, fmt.Errorf("testenv: archive: %w", err)
	}
	fi, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("testenv: archive: %w", err)
	}
	return fi.Size(), nil
}

type archiver struct {
	*tar.Writer
	left int64
}

func (a *archiver) add(path string, e fs.DirEntry, err error) error {
	if err != nil || !e.Type().IsRegular() {
		return err
	}
	fi, err := e.Info()
	if err != nil {
		return err
	}
	if a.left -= fi.Size(); a.left < 0 {
		return fs.SkipAll
	}
	h, err := tar.FileInfoHeader(fi, "")
	if err != nil {
		return err
	}
	h.Name = strings.TrimPrefix(path, "/")
	if err := a.WriteHeader(h); err != nil {
		return err
	}
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	_, err = io.Copy(a, src)
	return err
}

// SameFile reports whether two files have the same bytes.
func SameFile(a, b string) (bool, error) {
	fa, err := os.Open(a)
	if err != nil {
		return false, fmt.Errorf("testenv: %w", err)
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return false, fmt.Errorf("testenv: %w", err)
	}
	defer fb.Close()
	return sameBytes(fa, fb)
}

func sameBytes(a, b io.Reader) (bool, error) {
	pa, pb := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		na, erra := io.ReadFull(a, pa)
		nb, errb := io.ReadFull(b, pb)
		if !bytes.Equal(pa[:na], pb[:nb]) {
			return false, nil
		}
		enda, endb := ended(erra), ended(errb)
		if enda || endb {
			return enda && endb, nil
		}
		if err := errors.Join(erra, errb); err != nil {
			return false, fmt.Errorf("testenv: %w", err)
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
