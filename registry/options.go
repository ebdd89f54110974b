package registry

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// Options say what a Registry asks and tells, each power by its name. The zero
// value of every field works; without guards it gives nothing away and takes
// nothing. Clock, log and locks are those of the storage.
type Options struct {
	// Guards are asked before anything is given away, stored or deleted. A nil
	// one refuses.
	Guards
	// Redirect sends whoever reads a blob of more than 64 KiB to storage, with
	// a signed URL that is good for 20 minutes, where the driver makes such
	// URLs. Manifests are always served from here.
	Redirect bool
	// Namespaces gives the settings of a repository; nil means none is free.
	Namespaces func(repository string) Settings
	// Principal says who asks; nil means nobody in particular. An error that
	// is a *Challenge is answered 401, one that wraps artifact.ErrDenied 403.
	Principal func(*http.Request) (string, error)
	// Sink is told what was stored; nil tells nobody.
	Sink Sink
	// UploadAge is how long PurgeUploads keeps an unfinished upload, seven days
	// by default.
	UploadAge time.Duration
}

// Settings frees a namespace from rules. The zero value is an ordinary one.
type Settings struct {
	// FreeTags allows any tag form, movable tags, any content, deletes and any
	// repository depth: for conformance suites and scratch.
	FreeTags bool `json:"free_tags"`
}

// Prefixes gives each repository the settings of its longest prefix in m; a
// prefix ends at a slash or at the end of the name.
func Prefixes(m map[string]Settings) func(string) Settings {
	return func(repository string) Settings {
		for p := repository; ; {
			if s, ok := m[p]; ok {
				return s
			}
			i := strings.LastIndexByte(p, '/')
			if i < 0 {
				return Settings{}
			}
			p = p[:i]
		}
	}
}

// An Action is what somebody wants to do with a repository.
type Action string

// The actions.
const (
	Pull   Action = "pull"
	Push   Action = "push"
	Delete Action = "delete"
	// Publish is asked besides Push where a push sets a version tag.
	Publish Action = "publish"
	// List is asked, of the API as a whole, for the names of all repositories.
	List Action = "list"
)

// Access is one question to an Admitter.
type Access struct {
	Principal  string
	Action     Action
	Repository string // "" asks for the API as a whole
	// Tag is the one by which a manifest is read; "" is by its digest, and for
	// blobs.
	Tag string
	// Blob says that a blob is read.
	Blob bool
}

// A Load is what a pushed manifest adds to its namespace.
type Load struct {
	Tag    string // "" for a push by digest
	Digest digest.Digest
	Type   string // artifact type of the manifest, "" where it has none
	// Manifest is the size of the manifest, Content that of the config and the
	// layers that it names, both in bytes; Layers counts those.
	Manifest, Content int64
	Layers            int
	// More are the bytes that would come besides the manifest, where it is a
	// Draft; in a push they came before it and are 0.
	More int64
	// Held says that the repository has the manifest already, Set that the tag
	// means it already.
	Held, Set bool
	// Version says that Tag is a version tag.
	Version bool
}

// A Reservation is room for one push. Commit makes it count, after the
// manifest is stored and before its tag is set; its error refuses the tag.
// Failed follows a Commit whose tag was not set after all, or of which nobody can
// tell, to write that down; it gives cause back. Release gives back what was not
// committed, and may follow both.
type Reservation interface {
	Commit(ctx context.Context) error
	Failed(ctx context.Context, cause error) error
	Release()
}

// A Challenge asks for credentials: 401 with WWW-Authenticate.
type Challenge struct {
	Header  string // value of WWW-Authenticate
	Message string
}

// Unwrap says that whoever asked may not, as he is.
func (c *Challenge) Unwrap() error { return artifact.ErrDenied }

func (c *Challenge) Error() string { return "authentication required: " + c.Message }

// A Denial refuses with 403 and a stable code that says why, such as
// "quota_exceeded", which the client finds in the detail of the answer. It wraps
// artifact.ErrDenied and Err, whose text is its own.
type Denial struct {
	Code   string
	Detail any // what else a program can read; nil for nothing
	Head   int // status where HEAD is answered with another than 403; 0 for none
	Err    error
}

func (d *Denial) Error() string { return d.Err.Error() }

// Unwrap gives the cause, and the kind.
func (d *Denial) Unwrap() []error { return []error{d.Err, artifact.ErrDenied} }

// An Absence answers a read of what is stored as if it were not there: 404, or,
// where it will be another soon, 503 with the time to ask again. Code says why, in
// the detail of the answer.
type Absence struct {
	Code  string
	After time.Duration // when to ask again; 0: never, it is not given any more
	Err   error
}

func (a *Absence) Error() string { return a.Err.Error() }

// Unwrap gives the cause.
func (a *Absence) Unwrap() error { return a.Err }

// refusal is the answer about a manifest, or a blob.
func (a *Absence) refusal(blob bool) *errcode.Refusal {
	status, code := http.StatusNotFound, errcode.ManifestUnknown
	switch {
	case a.After > 0:
		status, code = http.StatusServiceUnavailable, errcode.Unavailable
	case blob:
		code = errcode.BlobUnknown
	}
	no := errcode.Refuse(status, code, "%s", a.Err).Coded(a.Code)
	if a.After > 0 {
		no.Header = http.Header{"Retry-After": {strconv.Itoa(int(max(1, (a.After+time.Second-1)/time.Second)))}}
	}
	return no
}

func (o Options) withDefaults() Options {
	o.Guards = o.orDeny()
	if o.Namespaces == nil {
		o.Namespaces = func(string) Settings { return Settings{} }
	}
	if o.Sink == nil {
		o.Sink = discard{}
	}
	if o.UploadAge <= 0 {
		o.UploadAge = 7 * 24 * time.Hour
	}
	return o
}
