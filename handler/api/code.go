package api

import "net/http"

// A Code is the outcome in an answer's envelope. 0 is success.
type Code int

// The codes. Those above -100 and below 10101 are the original's.
const (
	OK             Code = 0
	InvalidUpload  Code = -1 // on upload endpoints: an invalid parameter; also an instant-upload miss
	ChunksMissing  Code = -2 // complete: chunks are missing, the upload lives on
	ProofNeeded    Code = -3 // fastupload: a challenge to answer
	InvalidParam   Code = 10001
	ServerError    Code = 10002
	SignupFailed   Code = 10003
	SigninFailed   Code = 10004
	TokenInvalid   Code = 10005
	AlreadyHave    Code = 10006 // this user already has this content
	NoSuchUser     Code = 10007
	DigestMismatch Code = 10101
	NotFound       Code = 10102
	Forbidden      Code = 10103
	WrongMethod    Code = 10104
	Conflict       Code = 10105
	TooLarge       Code = 10106
	Busy           Code = 10107
	TooMany        Code = 10108
	Unavailable    Code = 10109
	NoSpace        Code = 10110
	QuotaExceeded  Code = 10111
	Collision      Code = 10112
	Damaged        Code = 10113
	CutOff         Code = 10114 // the request's body ended early
	BadRange       Code = 10115 // download: the range lies behind the end
	NoThumbnail    Code = 10116 // thumbnail: this type of file has none
	BadPicture     Code = 10117 // thumbnail: the picture cannot be decoded
	NameTaken      Code = 10118 // the folder has an entry of this name
	InTheWay       Code = 10119 // a file is where a folder should be
)

// statuses maps each code to its HTTP status. An instant-upload miss is no error: handler/instant.go itself answers it
// with 200 and InvalidUpload.
var statuses = map[Code]int{
	OK:             http.StatusOK,
	InvalidUpload:  http.StatusBadRequest,
	ChunksMissing:  http.StatusConflict,
	ProofNeeded:    http.StatusOK,
	InvalidParam:   http.StatusBadRequest,
	ServerError:    http.StatusInternalServerError,
	SignupFailed:   http.StatusBadRequest,
	SigninFailed:   http.StatusUnauthorized,
	TokenInvalid:   http.StatusUnauthorized,
	AlreadyHave:    http.StatusConflict,
	NoSuchUser:     http.StatusNotFound,
	DigestMismatch: http.StatusUnprocessableEntity,
	NotFound:       http.StatusNotFound,
	Forbidden:      http.StatusForbidden,
	WrongMethod:    http.StatusMethodNotAllowed,
	Conflict:       http.StatusConflict,
	TooLarge:       http.StatusRequestEntityTooLarge,
	Busy:           http.StatusLocked,
	TooMany:        http.StatusTooManyRequests,
	Unavailable:    http.StatusServiceUnavailable,
	NoSpace:        http.StatusInsufficientStorage,
	QuotaExceeded:  http.StatusInsufficientStorage,
	Collision:      http.StatusConflict,
	Damaged:        http.StatusServiceUnavailable,
	CutOff:         http.StatusBadRequest,
	BadRange:       http.StatusRequestedRangeNotSatisfiable,
	NoThumbnail:    http.StatusUnsupportedMediaType,
	BadPicture:     http.StatusUnprocessableEntity,
	NameTaken:      http.StatusConflict,
	InTheWay:       http.StatusConflict,
}

// Status returns the HTTP status that an answer with this code has.
func (c Code) Status() int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}
