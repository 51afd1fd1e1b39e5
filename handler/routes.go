package handler

import (
	"net/http"
	"slices"
	"strings"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// access says who may call a route.
type access int

const (
	public   access = iota // anybody; credentials are not looked at
	optional               // the handler decides; call.User is set, or call.authErr says why it is not
	signedIn               // users only; anybody else gets 401
	nodes                  // processes of this drive only; for anybody else there is no such page
)

// bodyUse says who reads the request's body.
type bodyUse int

const (
	form     bodyUse = iota // parameters may be in it; they are read before the handler runs
	raw                     // the handler reads it; parameters come from the query alone
	streamed                // files and parameters in one form, which the handler reads from call.form
)

// A route is one row of the table. Where GET is allowed, HEAD is.
type route struct {
	methods string // separated by blanks
	path    string // exact; one that ends in "/", longer than that, stands for all paths below it
	access  access
	body    bodyUse
	upload  bool // an upload endpoint: invalid parameters have code -1
	handle  func(w http.ResponseWriter, r *http.Request, c *call) error
}

func (r route) allows(method string) bool {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return slices.Contains(strings.Fields(r.methods), method)
}

// A router is a Server with what Handler prepared for it.
type router struct {
	*Server
	routes map[string][]route
	pages  pageSource
	origin *http.CrossOriginProtection
	counts *requestMetrics
	drains *drains

	document func() (pageFile, error) // openapi.json, converted on the first call
}

// table is all that the drive answers to.
func (rt *router) table() []route {
	const upload = true
	s := rt.Server
	return []route{
		{"POST", "/user/signup", public, form, false, s.signup},
		{"POST", "/user/signin", public, form, false, rt.signin},
		{"POST", "/user/signout", signedIn, form, false, s.signout},
		{"POST", "/user/password", signedIn, form, false, rt.changePassword},
		{"GET POST", "/user/info", signedIn, form, false, s.userInfo},

		{"GET POST", "/file/meta", signedIn, form, false, s.fileMeta},
		{"GET POST", "/file/query", signedIn, form, false, s.fileQuery},
		{"POST", "/file/update", signedIn, form, false, s.fileUpdate},
		{"POST DELETE", "/file/delete", signedIn, form, false, s.fileDelete},
		{"POST", "/file/copy", signedIn, form, false, s.fileCopy},
		{"GET POST", "/file/search", signedIn, form, false, s.fileSearch},
		{"POST", "/file/mkdir", signedIn, form, false, s.fileMkdir},
		{"GET POST", "/file/trash", signedIn, form, false, s.fileTrash},
		{"POST", "/file/purge", signedIn, form, false, s.filePurge},

		{"GET", "/file/download", optional, form, false, s.download},
		{"GET POST", "/file/downloadurl", signedIn, form, false, s.downloadURL},
		{"GET", "/file/thumbnail", signedIn, form, false, s.thumbnail},
		{"GET POST", "/file/zip", optional, form, false, s.zip},

		{"POST", "/file/upload", signedIn, streamed, upload, s.upload},
		{"POST", "/file/fastupload", signedIn, form, upload, s.fastUpload},
		{"POST", "/file/mpupload/init", signedIn, form, upload, s.uploadInit},
		{"POST", "/file/mpupload/uppart", signedIn, raw, upload, s.uploadPart},
		{"POST", "/file/mpupload/complete", signedIn, form, upload, s.uploadComplete},
		{"POST", "/file/mpupload/cancel", signedIn, form, upload, s.uploadCancel},
		{"GET POST", "/file/mpupload/status", signedIn, form, upload, s.uploadStatus},

		{"GET", api.NodeBlobPath, nodes, form, false, s.nodeBlob},

		{"GET", "/healthz", public, form, false, s.healthz},
		{"GET", "/readyz", public, form, false, s.readyz},
		{"GET", "/metrics", public, form, false, s.metrics},
		{"GET", "/openapi.json", public, form, false, rt.openAPI},

		{"GET", "/", public, form, false, rt.page},
		{"GET", "/file/upload", public, form, upload, rt.page},
		{"GET", "/file/upload/success", public, form, upload, s.uploadFinished},
		{"GET", "/file/upload/suc", public, form, upload, s.uploadFinished},
		{"GET", "/static/", public, form, false, rt.static},
	}
}

// find returns the rows for a path.
func (rt *router) find(path string) []route {
	if rows := rt.routes[path]; rows != nil {
		return rows
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			if rows := rt.routes[path[:i+1]]; rows != nil {
				return rows
			}
		}
	}
	return nil
}

// allowed lists the methods of the rows, for the Allow header.
func allowed(rows []route) string {
	var methods []string
	for _, r := range rows {
		for _, m := range strings.Fields(r.methods) {
			methods = append(methods, m)
			if m == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	return strings.Join(methods, ", ")
}
