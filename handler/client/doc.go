// Package client is the Go client of the drive.
//
// The way in:
//
//	c, err := client.New("http://localhost:8080", client.Options{})
//	_, err = c.Signin(ctx, "alice", password)
//	result, err := c.UploadFile(ctx, "video.mp4", client.UploadOptions{})
//	_, err = c.DownloadFile(ctx, client.ByID(result.Meta.ID), "copy.mp4", client.DownloadOptions{})
//
// [Client.Upload] hashes a file, asks for instant upload and proves possession, sends the chunks that the drive does not
// hold in parallel, retries, and resumes after a restart of the program or of the server. [Client.Download] and
// [Client.Open] fetch ranges, resume, and verify what they receive. [Client.UploadForm] is for small files and streams of
// unknown length. [Client.List], [Client.Search], [Client.Move], [Client.Link] and the like work on the tree.
// [Client.Init], [Client.PutChunk] and [Client.Complete] are the steps that Upload consists of.
//
// A refusal by the drive is an [*Error] with a code; [IsCode] tests for one. docs/api.md lists the codes and what to do next.
// Errors that may pass are retried as [Options].Retry says.
//
// The package knows the wire (handler/api) and nothing of the server. Its only state is a token: what an upload still
// lacks is always what the server says. Memory use does not depend on the size of a file. A source is read twice,
// once to hash and once to send.
//
// Every end-to-end test of the drive goes through this package.
package client
