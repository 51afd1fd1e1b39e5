package handler

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

// maxField is the longest plain field of an upload form.
const maxField = 64 << 10

// formBuffer is how many bytes of a form are read from its connection at a time: multipart's own reader asks for 4 KiB.
const formBuffer = 64 << 10

var formBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, formBuffer) }}

// An uploadForm is the body of POST /file/upload while it arrives. Its plain fields may come before, between and behind
// its files and count as parameters; files are staged and appear only at the end, so the late ones are in time.
// username and token are the exception: no byte of a file is stored for an unknown caller.
type uploadForm struct {
	parts  *multipart.Reader
	err    error           // the body is no multipart form
	buffer *bufio.Reader   // from formBuffers
	gate   *gatedBody      // below the buffer
	file   *multipart.Part // the first file, if readLeading came to it
	begun  bool            // the first file has come

	params params // with the fields that have come
	add    func(url.Values) error
	mtime  time.Time // of the next file; zero if no field has named it
}

// A gatedBody lets at most left bytes through, or all while it is open.
type gatedBody struct {
	io.Reader
	open bool
	left int
	over bool // more was asked for
}

func (g *gatedBody) Read(p []byte) (int, error) {
	if g.open {
		return g.Reader.Read(p)
	}
	if g.left <= 0 {
		g.over = true
		return 0, io.ErrUnexpectedEOF
	}
	n, err := g.Reader.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

// A bufferedBody is read through a buffer.
type bufferedBody struct {
	io.Reader
	io.Closer
}

// openForm begins to read a form, whose fields go to p. Close it.
func openForm(r *http.Request, p params) *uploadForm {
	f := &uploadForm{params: p, add: p.add, buffer: formBuffers.Get().(*bufio.Reader), gate: &gatedBody{Reader: r.Body, open: true}}
	f.buffer.Reset(f.gate)
	r.Body = bufferedBody{f.buffer, r.Body}
	f.parts, f.err = r.MultipartReader()
	return f
}

func (f *uploadForm) close() {
	f.buffer.Reset(nil)
	formBuffers.Put(f.buffer)
}

// readLeading reads the fields before the first file. They are of an unknown caller, so they are limited like any
// form: in size, and by one timeout for all of them.
func (f *uploadForm) readLeading(body *patientBody) error {
	if f.err != nil {
		return nil // said to those who are signed in
	}
	f.gate.open, f.gate.left = false, maxForm+formBuffer // the buffer reads ahead
	body.renewed = false
	defer func() {
		f.gate.open = true
		body.renewed, body.left, body.budget = true, window, body.timeout
	}()
	var err error
	if f.file, err = f.nextFile(false); f.gate.over {
		return &service.Error{Kind: service.TooLarge,
			Msg: fmt.Sprintf("the fields before the first file must not be larger than %d bytes", maxForm), Cause: err}
	}
	return err
}

// nextFile returns the next file, nil behind the last, and reads the fields before it. byCookie: the caller is
// known by the cookie.
func (f *uploadForm) nextFile(byCookie bool) (*multipart.Part, error) {
	if file := f.file; file != nil {
		f.file, f.begun = nil, true
		return file, nil
	}
	for {
		part, err := f.parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, cutForm(err)
		}
		if part.FileName() != "" { // a file field that was left empty has no name
			return part, nil
		}
		if err := f.field(part, byCookie); err != nil {
			return nil, cutForm(err)
		}
	}
}

// field reads a plain field. Fields that are no parameters, such as a page's buttons, are ignored.
func (f *uploadForm) field(part *multipart.Part, byCookie bool) error {
	content, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return err
	}
	if len(content) > maxField {
		return invalid("a form field must not be longer than %d bytes", maxField)
	}
	name, value := part.FormName(), string(content)
	switch name {
	case "mtime":
		return f.setTime(value)
	case "token":
		if f.begun && byCookie {
			return invalid("the fields username and token must come before the first file")
		}
	case "path", "conflict", "username":
	default:
		return nil
	}
	if err := f.add(url.Values{name: {value}}); err != nil {
		return err
	}
	if _, err := service.CleanPath(f.params.get("path")); err != nil {
		return err
	}
	_, err = f.params.clash()
	return err
}

// setTime notes the modification time of the next file.
func (f *uploadForm) setTime(value string) error {
	if value == "" {
		return nil
	}
	t, err := parseTime("mtime", value)
	if err != nil {
		return err
	}
	if !f.mtime.IsZero() && !f.mtime.Equal(t) {
		return invalid("two different mtime fields follow one another; put one before each file")
	}
	f.mtime = t
	return nil
}

// takeTime returns what setTime noted and forgets it.
func (f *uploadForm) takeTime() time.Time {
	t := f.mtime
	f.mtime = time.Time{}
	return t
}

// cutForm says that a form is malformed or ended early, where nothing better is known.
func cutForm(err error) error {
	if _, known := errors.AsType[*service.Error](err); known {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &service.Error{Kind: service.CutOff, Msg: "the form ended early", Cause: err}
	}
	if _, header := errors.AsType[textproto.ProtocolError](err); header || strings.HasPrefix(err.Error(), "multipart:") {
		return &service.Error{Kind: service.Invalid, Msg: "malformed form", Cause: err}
	}
	return err
}
