package api

import "encoding/json"

// TimeLayout is the form of UploadAt and LastUpdated, in UTC. Other times are RFC 3339.
const TimeLayout = "2006-01-02 15:04:05"

// DefaultChunkSize is the chunk size where the client names none: old clients copy into a buffer of that many bytes.
const DefaultChunkSize = 5 << 20

// Headers of the answers.
const (
	HeaderRequestID  = "X-Request-Id"
	HeaderNextCursor = "X-Next-Cursor"
	HeaderExpiresAt  = "X-Expires-At" // /file/downloadurl: until when the link is good, in RFC 3339
)

// CookieName is the cookie that carries a browser's token.
const CookieName = "blinkdrive_token"

// Envelope is the form of every JSON answer but those of meta, query and update.
type Envelope struct {
	Code Code            `json:"code"`
	Msg  string          `json:"msg"` // for people; carries no cause
	Data json.RawMessage `json:"data,omitempty"`
}

// Signin is the data of /user/signin.
type Signin struct {
	Username      string
	Token         string // exactly 40 hexadecimal characters
	UploadEntry   string // host:port, no scheme
	DownloadEntry string
	Location      string // where a page goes next
}

// UserInfo is the data of /user/info. Sizes are in bytes.
type UserInfo struct {
	Username     string
	Email        string
	Phone        string
	SignupAt     string
	LastActiveAt string
	Status       int
	Quota        int64
	Used         int64
	Reserved     int64
	BytesSaved   int64 // not sent, because instant upload or resume made that needless
}

// Meta is the bare answer of /file/meta and /file/update, and one element of /file/upload's data.
type Meta struct {
	FileSha1   string // empty for a folder
	FileName   string
	FileSize   int64
	Location   string // the kind of place: local, disk, ceph, oss, s3; never a path
	UploadAt   string
	ID         string
	ParentID   string // empty: the root
	Path       string // from the root, as in /a/b.txt
	Kind       string // file or folder
	ModifiedAt string // the client's mtime in RFC 3339, with a fraction of a second if it has one, or empty
	Revision   int64  // grows with each change of the entry; what ifrevision is compared with
	Moving     bool   `json:",omitempty"` // /file/meta: the bytes are on their way to an object store
}

// Copied is the data of /file/copy: the copy, and of how many entries it is made.
type Copied struct {
	Meta
	Entries int
}

// QueryEntry is one element of the bare array of /file/query.
type QueryEntry struct {
	UserName    string
	FileHash    string
	FileName    string
	FileSize    int64 // 0 for a folder, but in /file/trash what is charged for all that was deleted with it
	UploadAt    string
	LastUpdated string
	ID          string
	ParentID    string
	Path        string // in /file/trash: where it was
	Kind        string
	ModifiedAt  string
	Revision    int64
	DeletedAt   string `json:",omitempty"` // /file/trash: in RFC 3339
	ExpiresAt   string `json:",omitempty"` // /file/trash: when it will be purged, in RFC 3339; empty: never
}

// Purged is the data of /file/purge.
type Purged struct{ Purged int }

// Init is the data of /file/mpupload/init.
type Init struct {
	FileHash    string // empty while the client has not named it
	FileSize    int64
	UploadID    string
	ChunkSize   int64
	ChunkCount  int
	ChunkExists []int // never null
}

// UploadStatus is the data of /file/mpupload/status, or an element of it.
type UploadStatus struct {
	UploadID        string
	FileHash        string
	FileName        string
	FileSize        int64
	ChunkSize       int64
	ChunkCount      int
	ChunkExists     []int // never null
	TotalCount      int
	CurCount        int
	ProgressPercent int
	ExpiresAt       string // RFC 3339
}

// Missing is the data of an answer with code ChunksMissing, Bad of DigestMismatch at complete.
type Missing struct{ Missing []int }

// Bad names the chunks to send again.
type Bad struct{ Bad []int }

// Other is the data of a Conflict at init: the open upload of the same content, with which to go on.
type Other struct{ UploadID string }

// Held is the data of AlreadyHave at init: the user's newest file with the content.
type Held struct{ ID, Path string }

// ChallengeRange is a piece of the file whose bytes go into the proof.
type ChallengeRange struct{ Offset, Length int64 }

// Challenge is the data of an answer with code ProofNeeded. The proof is the hex HMAC-SHA-256 over the bytes of the
// ranges in order; its key is the Challenge string itself, as bytes.
type Challenge struct {
	Challenge string
	Ranges    []ChallengeRange
}
