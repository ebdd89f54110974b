package registry

import (
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
)

type routeKind int

const (
	routeBase routeKind = iota + 1
	routeManifest
	routeBlob
	routeUploadStart
	routeUpload
	routeTags
	routeReferrers
	routeCatalog
)

// A route is what a path under /v2/ asks for:
//
//	path = "/v2/" [ "_catalog" | name ( "/manifests/" reference | "/blobs/" digest
//	     | "/blobs/uploads" [ "/" ] | "/blobs/uploads/" id
//	     | "/tags/list" | "/referrers/" digest ) ]
type route struct {
	kind   routeKind
	repo   string
	tag    string        // of a manifest by tag
	badTag error         // why tag can be no tag; reading it is 404, writing it 400
	digest digest.Digest // of a manifest by digest, blob or referrers
	upload string
	who    string // the principal, once it is known
}

// parseRoute reads an unescaped path. A path that is none of ours is 404, one
// that is ours with a part that breaks its grammar is 400 with the code of
// that part.
//
// Source: OCI distribution-spec 1.1, endpoints end-1 to end-13.
func parseRoute(path string) (route, error) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		if path == "/v2" {
			return route{kind: routeBase}, nil
		}
		return route{}, noRoute(path)
	}
	if rest == "" {
		return route{kind: routeBase}, nil
	}
	if rest == "_catalog" {
		return route{kind: routeCatalog}, nil
	}
	r, last, err := splitRoute(path, rest)
	if err != nil {
		return route{}, err
	}
	if err := storage.CheckRepository(r.repo); err != nil {
		return route{}, err
	}
	switch r.kind {
	case routeManifest:
		err = r.reference(last)
	case routeBlob, routeReferrers:
		r.digest, err = storage.ParseDigest(last)
	case routeUpload:
		if r.upload = last; !storage.IsUploadID(last) {
			err = errcode.Refuse(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload %.80q: no such upload; start one with POST", last)
		}
	}
	return r, err
}

// splitRoute cuts from the right, because a name may hold any of the words.
func splitRoute(path, rest string) (r route, last string, err error) {
	if name, ok := strings.CutSuffix(strings.TrimSuffix(rest, "/"), "/blobs/uploads"); ok {
		return route{kind: routeUploadStart, repo: name}, "", nil
	}
	head, last := cutLast(rest)
	name, word := cutLast(head)
	if before, ok := strings.CutSuffix(head, "/blobs/uploads"); ok {
		return route{kind: routeUpload, repo: before}, last, nil
	}
	switch {
	case word == "manifests":
		r.kind = routeManifest
	case word == "blobs":
		r.kind = routeBlob
	case word == "referrers":
		r.kind = routeReferrers
	case word == "tags" && last == "list":
		r.kind = routeTags
	}
	if r.kind == 0 || name == "" {
		return route{}, "", noRoute(path)
	}
	r.repo = name
	return r, last, nil
}

func cutLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// RouteName is the endpoint that path asks for, as metrics tell requests apart:
// base, manifest, blob, upload, tags, referrers, or other. It names what the
// path is meant for, though a part of it may break its grammar.
func RouteName(path string) string {
	rest, below := strings.CutPrefix(path, "/v2/")
	if below && rest == "" || path == "/v2" {
		return "base"
	}
	if !below {
		return "other"
	}
	r, _, err := splitRoute(path, rest)
	if err != nil {
		return "other"
	}
	switch r.kind {
	case routeManifest:
		return "manifest"
	case routeBlob:
		return "blob"
	case routeUploadStart, routeUpload:
		return "upload"
	case routeTags:
		return "tags"
	case routeReferrers:
		return "referrers"
	}
	return "other"
}

func (r *route) reference(s string) (err error) {
	if strings.ContainsRune(s, ':') {
		r.digest, err = storage.ParseDigest(s)
		return err
	}
	r.tag = s
	if !storage.IsTag(s) {
		r.badTag = badTag(s)
	}
	return nil
}

func badTag(s string) error {
	return errcode.Refuse(http.StatusBadRequest, errcode.TagInvalid, "tag %.140q: expected 1 to 128 of A-Z, a-z, 0-9, \"_\", \".\" and \"-\", not beginning with \".\" or \"-\"", s)
}

func noRoute(path string) error {
	return errcode.Refuse(http.StatusNotFound, errcode.NameUnknown, "%.200q is no endpoint of the OCI distribution API", path)
}
