// Package s3 keeps blobs in a bucket of an S3 store: Ceph RGW, Alibaba OSS, MinIO, AWS and what speaks like them. A profile
// sets what these want to be told apart.
//
// It owns how a blob gets there whole, and back: the cutting into parts, the resuming, the verifying, and what the errors of
// a store mean to the drive. Requests, signatures and retries are the SDK's. It must not know users, transfers or SQL.
//
// # Keys
//
// A blob is PREFIX/ab/cd/DIGEST-UPLOADID. Its metadata hold both digests (sha1, sha256), so that it can be recognised
// without being read. Other keys are left alone.
//
// # Putting
//
// The source is read once and in order; SHA-1 and SHA-256 of the whole follow the bytes, and are compared before the
// blob can be seen by anybody. Each body bears its MD5, which the store compares, and is sent from a buffer, so that the SDK
// can send it again. A large blob goes in parts of 5 MiB (more where it would need over 10,000), several at a time, with
// one buffer more than that, and at the end the store is asked for size, metadata and ETag. A small one goes with one
// request, also where it is there already. Where an ETag is not the one of the MD5s, although it should be, the blob is read
// back; wrong bytes are removed.
//
// Resuming, a part counts as held only if its ETag is the MD5 of the bytes that the source has there. A multipart upload
// that the store does not know any more was completed by somebody, which the blob itself shows, or is begun anew.
//
// # Reading
//
// A blob is streamed in constant memory. Consecutive Reads share one GET: of as many bytes as Expect announced, or else of
// a span that doubles with each GET that was read to its end. ReadAt sends a GET of its own. A body that breaks is
// requested again from the first byte that did not arrive. The context of Open bounds the reading. Each answer must be of
// the same bytes as the one to Open; If-Match is not used, since stores differ in which quotes they take. Once a blob has
// been deleted, a reader fails with store.ErrNotFound, except for what the store still sends.
//
// # Failure
//
// No request is limited as a whole, but one on which nothing moves for Options.Stall is given up. The SDK tries each
// request three times. What is left of a store that does not answer, or answers with 5xx, is store.ErrUnavailable; that a blob
// is not there is store.ErrNotFound, but a missing bucket is not: nothing is lost by a wrong setting. Errors name keys,
// never secrets.
//
// Durability is the store's: what it has acknowledged survives.
//
// # What the tests cannot show
//
// Ceph is tested as it is, over HTTP and TLS. OSS is tested with a double (oss_test.go) that enforces what Alibaba publishes:
// the bucket in the host name, no aws-chunked bodies, signatures of version 4, Content-MD5, ETags of its own for multipart
// uploads. It cannot show how OSS itself takes the ACL header of a new multipart upload, which region names it takes in a
// signature besides those published, how soon listings show what was put, its throttling, and its costs. MinIO and AWS
// are covered as far as Ceph speaks as they do; what is their own are the addresses, the region of a new bucket
// and that no ACL is sent.
package s3
