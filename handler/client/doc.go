// Package client is the typed Go client of the drive: it hashes, asks for instant upload and proves possession, sends
// chunks in parallel, repeats what failed on the way, resumes by itself after a restart of the server, and downloads by
// ranges and verifies.
//
// It knows the wire (handler/api) and nothing of what is behind it. It keeps no state but a token: what an upload still
// lacks is always what the server says. Memory use does not depend on the size of a file, either way; a source is read
// twice, once to be hashed and once to be sent.
//
// Every end-to-end test of the drive goes through this package.
package client
