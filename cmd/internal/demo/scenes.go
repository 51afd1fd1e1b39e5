package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// prepare builds the program and packs a file that is worth uploading.
func (s *story) prepare(ctx context.Context) error {
	if err := s.build(ctx); err != nil {
		return err
	}
	root, err := testenv.GoRoot()
	if err != nil {
		return err
	}
	s.file = filepath.Join(s.dir, "go-toolchain.tar")
	if s.size, err = testenv.Archive(s.file, s.size, filepath.Join(root, "bin"), filepath.Join(root, "pkg"), root); err != nil {
		return err
	}
	s.tell(-1, -1, "the Go toolchain of this machine is packed: %s", megabytes(s.size))
	addr, err := testenv.FreeAddr()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return err
	}
	s.setting = testenv.Setting{
		Bin: s.bin, Data: filepath.Join(s.dir, "data"), Addr: addr, Log: log, Env: []string{"BLINKDRIVE_DISK_MIN_FREE=0"},
	}
	return s.start(ctx)
}

func (s *story) build(ctx context.Context) (err error) {
	if s.bin != "" {
		s.bin, err = filepath.Abs(s.bin)
		return err
	}
	s.bin, err = testenv.Build(ctx, s.dir)
	s.tell(-1, -1, "the server is built")
	return err
}

func (s *story) start(ctx context.Context) (err error) {
	s.drive, err = testenv.Start(ctx, s.setting)
	if err == nil {
		s.tell(-1, -1, "the server runs, process %d", s.drive.PID)
	}
	return err
}

func (s *story) signUp(ctx context.Context) (err error) {
	if s.alice, err = s.user(ctx, "alice"); err != nil {
		return err
	}
	if s.bob, err = s.user(ctx, "bob"); err != nil {
		return err
	}
	s.tell(-1, -1, "alice and bob sign up and in")
	return nil
}

func (s *story) user(ctx context.Context, name string) (*client.Client, error) {
	c, err := client.New(s.drive.URL, client.Options{})
	if err != nil {
		return nil, err
	}
	if err := c.Signup(ctx, name, password); err != nil {
		return nil, err
	}
	_, err = c.Signin(ctx, name, password)
	return c, err
}

// uploadAndDie kills the server when half of the file is there. The client is told not to wait for better times, so that
// the story can show them.
func (s *story) uploadAndDie(ctx context.Context) error {
	hasty, err := client.New(s.drive.URL, client.Options{Token: s.alice.Token(), Retry: client.Retry{Patience: -1}})
	if err != nil {
		return err
	}
	var once sync.Once
	res, err := hasty.UploadFile(ctx, s.file, client.UploadOptions{ChunkSize: s.chunkSize(), Progress: func(e client.Event) {
		if e.Stage == client.StageSending && e.Bytes >= e.Total/2 {
			once.Do(s.drive.Kill)
		}
	}})
	if err == nil {
		return errors.New("the upload ended although the server was to be killed in its middle")
	}
	s.digest = res.Digest
	s.tell(res.BytesSent, res.BytesSaved, "alice uploads in parallel chunks; kill -9 in the middle")
	return s.start(ctx)
}

// chunkSize makes so many chunks that some are held when half of the bytes are on their way.
func (s *story) chunkSize() int64 { return min(s.size/50, 5<<20) }

func (s *story) resume(ctx context.Context) error {
	open, err := s.alice.Uploads(ctx)
	if err != nil {
		return err
	}
	if len(open) != 1 || open[0].CurCount == 0 || open[0].CurCount >= open[0].ChunkCount {
		return fmt.Errorf("after the restart the drive tells of these uploads: %+v", open)
	}
	u := open[0]
	s.tell(-1, -1, "it still holds %d of %d chunks", u.CurCount, u.ChunkCount)
	res, err := s.alice.UploadFile(ctx, s.file, client.UploadOptions{})
	if err != nil {
		return err
	}
	if want := u.ChunkCount - u.CurCount; res.ChunksSent != want || res.BytesSent+res.BytesSaved != s.size {
		return fmt.Errorf("%d chunks were sent where %d were missing: %+v", res.ChunksSent, want, res)
	}
	s.alices = res.Meta.ID
	s.tell(res.BytesSent, res.BytesSaved, "alice uploads again: only the %d missing chunks go", res.ChunksSent)
	return nil
}

func (s *story) instant(ctx context.Context) error {
	res, err := s.bob.UploadFile(ctx, s.file, client.UploadOptions{})
	if err != nil {
		return err
	}
	if !res.Instant || res.BytesSent != 0 {
		return fmt.Errorf("bob's upload was no instant one: %+v", res)
	}
	s.bobs = res.Meta.ID
	s.tell(res.BytesSent, res.BytesSaved, "bob uploads the same file, and proves that he has it")
	return nil
}

// impostor claims the file with bytes that are not its own.
func (s *story) impostor(ctx context.Context) error {
	mallory, err := s.user(ctx, "mallory")
	if err != nil {
		return err
	}
	_, ok, err := mallory.Instant(ctx, client.InstantRequest{
		Target: client.Target{Name: "stolen.tar"}, Digest: s.digest, Size: s.size,
	}, zeros{})
	if err != nil {
		return err
	}
	if ok {
		return errors.New("mallory got a file of which she knew only the digest")
	}
	s.tell(-1, -1, "mallory knows only its digest and size, and gets nothing")
	return nil
}

// zeros is what somebody has who has nothing.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func (s *story) download(ctx context.Context) error {
	if err := s.compareRanges(ctx, s.alice, s.alices); err != nil {
		return err
	}
	s.tell(-1, -1, "alice downloads it by parallel ranges: the same, byte for byte")
	if err := s.compareWhole(ctx, s.bob, s.bobs); err != nil {
		return err
	}
	s.tell(-1, -1, "bob downloads it in one piece: the same")
	return nil
}

func (s *story) compareRanges(ctx context.Context, c *client.Client, id string) error {
	got := filepath.Join(s.dir, "downloaded")
	if _, err := c.DownloadFile(ctx, client.ByID(id), got, client.DownloadOptions{}); err != nil {
		return err
	}
	same, err := testenv.SameFile(got, s.file)
	if err == nil && !same {
		err = errors.New("what was downloaded differs")
	}
	return err
}

func (s *story) compareWhole(ctx context.Context, c *client.Client, id string) error {
	r, err := c.Open(ctx, client.ByID(id))
	if err != nil {
		return err
	}
	defer r.Close()
	got := filepath.Join(s.dir, "downloaded")
	f, err := os.Create(got)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	same, err := testenv.SameFile(got, s.file)
	if err == nil && !same {
		err = errors.New("what was downloaded differs")
	}
	return err
}

// moved waits for the transfer worker, which was at work all the time.
func (s *story) moved(ctx context.Context) error {
	for {
		m, err := s.alice.Meta(ctx, client.ByID(s.alices))
		if err != nil {
			return err
		}
		if m.Location != "local" {
			s.tell(-1, -1, "the transfer worker has moved the blob: its Location is %q", m.Location)
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := s.compareRanges(ctx, s.bob, s.bobs); err != nil {
		return err
	}
	s.tell(-1, -1, "bob downloads it from there: the same")
	return nil
}

// check stops the server as an operator does, and has the program look for anything wrong.
func (s *story) check(ctx context.Context) error {
	if err := s.drive.Stop(ctx); err != nil {
		return err
	}
	cmd := s.setting.Command(ctx, "fsck")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	s.tell(-1, -1, "the server is stopped, and fsck finds nothing wrong")
	return nil
}
