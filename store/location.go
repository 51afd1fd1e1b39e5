package store

import (
	"fmt"
	"strings"
)

// A BlobName names stored content: DIGEST-UPLOADID. It is used once and never again, so that a late deletion can never
// hit new bytes. It is safe as a file name.
type BlobName string

// NewBlobName names the blob that upload id makes of the content d.
func NewBlobName(d Digest, id UploadID) BlobName { return BlobName(d.String() + "-" + string(id)) }

// ParseBlobName checks the form of a blob name.
func ParseBlobName(s string) (BlobName, error) {
	digest, id, ok := strings.Cut(s, "-")
	if !ok || digest != strings.ToLower(digest) {
		return "", fmt.Errorf("blob name: %w", ErrInvalid)
	}
	if _, err := ParseDigest(digest); err != nil {
		return "", fmt.Errorf("blob name: %w", err)
	}
	if _, err := ParseUploadID(id); err != nil {
		return "", fmt.Errorf("blob name: %w", err)
	}
	return BlobName(s), nil
}

// Digest returns the digest in the name.
func (n BlobName) Digest() Digest {
	d, _ := ParseDigest(string(n)[:min(len(n), 40)])
	return d
}

// Upload returns the upload that made the blob.
func (n BlobName) Upload() UploadID {
	_, id, _ := strings.Cut(string(n), "-")
	return UploadID(id)
}

// Key is the name below two folders of two digits, as in "ab/cd/abcd…-n1-…": the blob's place in every blob store.
func (n BlobName) Key() string { return string(n[0:2]) + "/" + string(n[2:4]) + "/" + string(n) }

// A Kind says what sort of place a location is in.
type Kind string

// The kinds of place. Local is the staging disk of one node, where every blob begins; the others are object stores.
const (
	Local Kind = "local"
	Disk  Kind = "disk"
	Ceph  Kind = "ceph"
	OSS   Kind = "oss"
	S3    Kind = "s3" // MinIO, AWS and any other
)

// A Location is where a blob is: local://NODE/NAME, disk://KEY, ceph://BUCKET/KEY, oss://BUCKET/KEY.
// It is comparable; the zero Location is nowhere.
type Location struct {
	Kind Kind
	In   string // the node, or the bucket; empty on disk
	Key  string // the blob name, below folders in an object store
}

// LocalLocation is the place of a blob on the staging disk of a node.
func LocalLocation(node NodeID, name BlobName) Location {
	return Location{Kind: Local, In: string(node), Key: string(name)}
}

// ParseLocation reads the form that String writes.
func ParseLocation(s string) (Location, error) {
	kind, rest, ok := strings.Cut(s, "://")
	l := Location{Kind: Kind(kind), Key: rest}
	if l.Kind != Disk {
		l.In, l.Key, ok = strings.Cut(rest, "/")
		ok = ok && l.In != ""
	}
	if _, err := ParseBlobName(string(l.Name())); !ok || err != nil {
		return Location{}, fmt.Errorf("location: %w", ErrInvalid)
	}
	switch l.Kind {
	case Local, Disk, Ceph, OSS, S3:
		return l, nil
	}
	return Location{}, fmt.Errorf("location: %w: unknown kind of store", ErrInvalid)
}

// String writes the location as a URL. It is what tbl_file.file_addr holds.
func (l Location) String() string {
	if l.Kind == Disk {
		return string(l.Kind) + "://" + l.Key
	}
	return string(l.Kind) + "://" + l.In + "/" + l.Key
}

// Name returns the blob's name, the last element of the key.
func (l Location) Name() BlobName { return BlobName(l.Key[strings.LastIndexByte(l.Key, '/')+1:]) }

// IsZero reports whether the location is nowhere.
func (l Location) IsZero() bool { return l == Location{} }
