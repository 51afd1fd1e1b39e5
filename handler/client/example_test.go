package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// Sign up, sign in, upload a file and list the folder.
func Example() {
	drive := startDrive()
	defer drive.stop()
	ctx := context.Background()

	c, err := client.New(drive.URL, client.Options{})
	check(err)
	check(c.Signup(ctx, "alice", "correct horse"))
	_, err = c.Signin(ctx, "alice", "correct horse") // c now acts as alice
	check(err)

	report := []byte("All is well.\n")
	_, err = c.Upload(ctx, bytes.NewReader(report), int64(len(report)), client.UploadOptions{
		Target: client.Target{Name: "report.txt", Path: "/work"},
	})
	check(err)
	for entry, err := range c.List(ctx, client.Listing{Path: "/work"}) {
		check(err)
		fmt.Println(entry.Path, entry.FileSize, "bytes")
	}
	// Output:
	// /work/report.txt 13 bytes
}

// Upload reports its progress. Events within a stage come at most every 50 ms, so that a program can print each of them.
func ExampleClient_Upload() {
	drive := startDrive()
	defer drive.stop()
	c := drive.signIn("alice")

	video := randomBytes(8 << 20)
	stage := client.Stage("")
	result, err := c.Upload(context.Background(), bytes.NewReader(video), int64(len(video)), client.UploadOptions{
		Target:    client.Target{Name: "video.mp4"},
		NoInstant: true, // without asking first whether the drive has the content
		Progress: func(e client.Event) { // e.Bytes of e.Total bytes are done in this stage
			if e.Stage != stage {
				stage = e.Stage
				fmt.Println(stage)
			}
		},
	})
	check(err)
	fmt.Println(result.Meta.Path, result.BytesSent>>20, "MiB sent in", result.ChunksSent, "chunks")
	// Output:
	// hashing
	// sending
	// completing
	// done
	// /video.mp4 8 MiB sent in 2 chunks
}

// An upload that was interrupted, even by the end of the program, is resumed by calling Upload again: only chunks that the
// drive does not hold yet are sent.
func ExampleClient_Upload_resume() {
	drive := startDrive()
	defer drive.stop()
	c := drive.signIn("alice")
	ctx := context.Background()
	video := randomBytes(4 << 20)

	// The first program sends 3 of 4 chunks and is killed.
	digest := fmt.Sprintf("%x", sha1Sum(video))
	begun, err := c.Init(ctx, client.InitRequest{Digest: digest, Size: int64(len(video)), ChunkSize: 1 << 20})
	check(err)
	for i := range int64(3) {
		check(c.PutChunk(ctx, begun.UploadID, int(i)+1, bytes.NewReader(video), i<<20, 1<<20, ""))
	}

	// The second one uploads the file as if nothing had happened.
	result, err := c.Upload(ctx, bytes.NewReader(video), int64(len(video)), client.UploadOptions{
		Target: client.Target{Name: "video.mp4"},
	})
	check(err)
	fmt.Println(result.BytesSaved>>20, "MiB were there,", result.BytesSent>>20, "MiB sent")
	// Output:
	// 3 MiB were there, 1 MiB sent
}

// Content that the drive already has is not sent again, whoever uploaded it: Upload proves that it has the bytes.
func ExampleClient_Upload_instant() {
	drive := startDrive()
	defer drive.stop()
	ctx := context.Background()
	video := randomBytes(8 << 20)

	for _, name := range []string{"alice", "bob"} {
		c := drive.signIn(name)
		result, err := c.Upload(ctx, bytes.NewReader(video), int64(len(video)), client.UploadOptions{
			Target: client.Target{Name: "video.mp4"},
		})
		check(err)
		fmt.Printf("%s: instant %v\n", name, result.Instant)
	}
	// Output:
	// alice: instant false
	// bob: instant true
}

// DownloadFile fetches ranges in parallel and compares the digest of what came with the drive's: the file appears under its
// name whole and correct, or not at all.
func ExampleClient_DownloadFile() {
	drive := startDrive()
	defer drive.stop()
	ctx := context.Background()
	c := drive.signIn("alice")
	video := randomBytes(20 << 20)
	uploaded, err := c.Upload(ctx, bytes.NewReader(video), int64(len(video)), client.UploadOptions{
		Target: client.Target{Name: "video.mp4"},
	})
	check(err)

	name := filepath.Join(drive.dir, "copy.mp4")
	got, err := c.DownloadFile(ctx, client.ByID(uploaded.Meta.ID), name, client.DownloadOptions{})
	check(err)
	copied, err := os.ReadFile(name)
	check(err)
	fmt.Println(got.Size>>20, "MiB,", got.Digest == uploaded.Digest, bytes.Equal(copied, video))
	// Output:
	// 20 MiB, true true
}

// With a link anybody can download the file until it expires.
func ExampleClient_Link() {
	drive := startDrive()
	defer drive.stop()
	ctx := context.Background()
	c := drive.signIn("alice")
	report := []byte("All is well.\n")
	uploaded, err := c.Upload(ctx, bytes.NewReader(report), int64(len(report)), client.UploadOptions{
		Target: client.Target{Name: "report.txt"},
	})
	check(err)

	link, err := c.Link(ctx, client.ByID(uploaded.Meta.ID), 24*time.Hour)
	check(err)
	fmt.Println("expires in", time.Until(link.Expires).Round(time.Hour))

	resp, err := http.Get(link.URL) // no token
	check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(err)
	fmt.Print(string(body))
	// Output:
	// expires in 24h0m0s
	// All is well.
}

// Refusals of the drive have a code, which says what a program can do next.
func ExampleIsCode() {
	drive := startDrive()
	defer drive.stop()
	ctx := context.Background()
	c := drive.signIn("alice")
	for _, name := range []string{"a.txt", "b.txt"} {
		_, err := c.UploadForm(ctx, "", client.FormFile{Name: name, Content: bytes.NewReader([]byte(name))})
		check(err)
	}
	a, err := c.MetaAt(ctx, "/a.txt")
	check(err)

	_, err = c.Rename(ctx, client.ByID(a.ID), "b.txt")
	fmt.Println("the name is taken:", client.IsCode(err, api.NameTaken))
	// Output:
	// the name is taken: true
}
