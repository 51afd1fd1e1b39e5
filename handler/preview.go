package handler

import (
	"strings"

	"github.com/blinkdrive/blinkdrive/service"
)

const octetStream = "application/octet-stream"

// shown is how an answer gives out a file's bytes.
type shown struct {
	service.Presentation
	policy string // of Content-Security-Policy
}

// asAttachment has a browser save a file.
func asAttachment(name string) shown {
	return shown{service.Presentation{Disposition: contentDisposition(name), MediaType: contentType(name)}, "sandbox"}
}

// asPreview lets a browser show a file, also in a frame of our own page, where its type cannot run a program. Nothing
// else is shown: it is saved.
func asPreview(name string) shown {
	as := asAttachment(name)
	policy := previewPolicy(as.MediaType)
	if policy == "" {
		return as
	}
	as.Disposition = disposition("inline", name)
	as.policy = policy + "; frame-ancestors 'self'"
	return as
}

// previewPolicy is what the browser's own viewer of a type needs, and empty for a type that is not shown. Sound, video and
// PDF have no sandbox: in one, browsers refuse to start the viewer, or to fetch the rest of a film. No policy lets a script
// run, and a PDF's own run in the viewer, not in this origin.
func previewPolicy(mediaType string) string {
	kind, _, _ := strings.Cut(mediaType, "/")
	switch {
	case kind == "image", kind == "text":
		return "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
	case kind == "video", kind == "audio":
		return "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"
	case mediaType == "application/pdf":
		return "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'"
	}
	return ""
}
