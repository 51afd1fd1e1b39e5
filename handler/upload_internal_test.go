package handler

import (
	"bytes"
	"mime/multipart"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// formOf writes a form of fields and files in the order given, as name and value: a file's name has a dot.
func formOf(t *testing.T, fields ...[2]string) (body string, kind tweak) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, f := range fields {
		part, err := w.CreateFormField(f[0])
		if bytes.ContainsRune([]byte(f[0]), '.') {
			part, err = w.CreateFormFile("file", f[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(f[1])) // to memory
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), header("Content-Type", w.FormDataContentType())
}

// TestFormModified gives files of a form their own times: each field is for the file behind it.
func TestFormModified(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	body, kind := formOf(t, [2]string{"mtime", "2020-02-29T12:00:00+01:00"}, [2]string{"a.txt", "a"}, [2]string{"b.txt", "b"},
		[2]string{"mtime", ""}, [2]string{"c.txt", "c"}, [2]string{"mtime", "1999-12-31T23:59:59.5Z"}, [2]string{"d.txt", "d"})
	var metas []api.Meta
	send(t, "POST", d.url+"/file/upload", body, kind, p.bearer()).want(t, 200, api.OK, &metas)
	for i, want := range []string{"2020-02-29T11:00:00Z", "", "", "1999-12-31T23:59:59.5Z"} {
		if got := metas[i].ModifiedAt; got != want {
			t.Errorf("%s: modified %q, want %q", metas[i].FileName, got, want)
		}
	}
	for _, wrong := range []string{"yesterday", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"} {
		body, kind = formOf(t, [2]string{"e.txt", "e"}, [2]string{"mtime", wrong}, [2]string{"f.txt", "f"})
		send(t, "POST", d.url+"/file/upload", body, kind, p.bearer()).want(t, 400, api.InvalidUpload)
	}
}

// TestFormMalformed sends forms that cannot be read, which is their sender's fault and not ours.
func TestFormMalformed(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	for _, body := range []string{
		"--XX\r\nBad Header\r\n\r\nx\r\n--XX--\r\n",
		"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\x7f\"\r\n\r\nx\r\n--XX--\r\n",
	} {
		send(t, "POST", d.url+"/file/upload", body, header("Content-Type", "multipart/form-data; boundary=XX"), p.bearer()).want(t, 400, api.InvalidUpload)
	}
}
