package mirror

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/registry/remote"
)

// Options say what is mirrored, and how. The zero Options mirror everything.
type Options struct {
	// From and To say how the two registries are spoken to. Without a client of
	// their own they are asked by one that follows what they name, such as a
	// token service or the storage behind them, to public addresses only.
	From, To remote.Options
	// Reach says what besides public addresses and the two hosts themselves may
	// be reached. Its bounds of time and size are not used.
	Reach outbound.Options
	// Repositories are names or patterns such as "acme/*"; none is all. Names
	// alone need no list of repositories from the source. Except leaves out.
	Repositories, Except []string
	// Versions leaves out version tags outside of it, and channels and
	// signatures of what was left out. The zero Range leaves nothing out.
	Versions artifact.Range
	// Check changes nothing: what a run would copy is reported as missing.
	Check bool
	// AllowPublic copies what is private at the source to where everybody can
	// read it, too; else such a repository or ledger fails.
	AllowPublic bool
	// Parallel is how many manifests are on their way at once; 0 is 8.
	Parallel int
	// Promote sets a channel at a mirror that takes none by a push; nil
	// reports such a channel as refused.
	Promote func(ctx context.Context, repository, channel string, v artifact.Version) error
	// Progress, if any, is told now and then, by one goroutine at a time.
	Progress func(Report)
}

// catalogRepository and logRepository are published anew by every site that serves a
// catalog and has a publication log.
const (
	catalogRepository = artifact.ReservedPublisher + "/catalog"
	logRepository     = artifact.ReservedPublisher + "/log"
)

// ofEachSite reports whether a repository is one that a site publishes of itself.
func ofEachSite(name string) bool { return name == catalogRepository || name == logRepository }

// publishersRepository holds the ledgers of publishers, a tag for each.
const publishersRepository = artifact.ReservedPublisher + "/publishers"

// check names the first pattern that cannot be one.
func (o Options) check() error {
	for _, p := range append(append([]string(nil), o.Repositories...), o.Except...) {
		if _, err := path.Match(p, "a"); err != nil || p == "" || strings.Trim(p, "/") != p {
			return fmt.Errorf("repository %q: expected a name such as acme/hello or a pattern such as acme/*: %w", p, artifact.ErrInvalid)
		}
	}
	return nil
}

func isPattern(s string) bool { return strings.ContainsAny(s, `*?[\`) }

func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// exact reports whether every repository is named.
func (o Options) exact() bool {
	for _, p := range o.Repositories {
		if isPattern(p) {
			return false
		}
	}
	return len(o.Repositories) > 0
}

// takes reports whether the repository name is mirrored.
func (o Options) takes(name string) bool {
	return (len(o.Repositories) == 0 || matches(o.Repositories, name)) && !matches(o.Except, name)
}

// note adds to found the patterns that match name.
func (o Options) note(found map[string]bool, name string) {
	for _, p := range o.Repositories {
		if !found[p] && matches([]string{p}, name) {
			found[p] = true
		}
	}
}

// unmatched are the names and patterns that are not in found.
func (o Options) unmatched(found map[string]bool) []string {
	var out []string
	for _, p := range o.Repositories {
		if !found[p] {
			out = append(out, p)
		}
	}
	return out
}

// A place is a registry, and where in it the repositories begin.
type place struct{ host, prefix string }

// parsePlace reads "registry.example.org" or "registry.example.org/folder".
func parsePlace(s string) (place, error) {
	s = strings.TrimSuffix(s, "/")
	host, prefix, _ := strings.Cut(s, "/")
	if host == "" || strings.ContainsAny(s, "@ ") || strings.Contains(s, "://") || strings.Contains(prefix, ":") {
		return place{}, fmt.Errorf("registry %q: expected registry.example.org or registry.example.org/folder, without a scheme: %w", s, artifact.ErrInvalid)
	}
	return place{host, prefix}, nil
}

// reference is where the repository name is.
func (p place) reference(name string) string { return p.host + "/" + path.Join(p.prefix, name) }

// name is that of the repository at; false where it is not below the prefix.
func (p place) name(at string) (string, bool) {
	if p.prefix == "" {
		return at, true
	}
	return strings.CutPrefix(at, p.prefix+"/")
}

// An Item is one thing of which both registries do not have the same.
type Item struct {
	Repository  string        `json:"repository"`
	Tag         string        `json:"tag,omitempty"`
	Source      digest.Digest `json:"source,omitempty"`
	Destination digest.Digest `json:"destination,omitempty"`
	Detail      string        `json:"detail,omitempty"`
	// Registry is the one that refused it, and Status with what HTTP status, where one did.
	Registry string `json:"registry,omitempty"`
	Status   int    `json:"status,omitempty"`
}

func (i Item) String() string {
	s := i.Repository
	if i.Tag != "" {
		s += ":" + i.Tag
	} else if i.Source != "" {
		s += "@" + i.Source.String()
	}
	if i.Detail != "" {
		s += ": " + i.Detail
	}
	return s
}

// A Report is what was copied, and what differs.
type Report struct {
	Repositories int   `json:"repositories"` // looked at
	Of           int   `json:"of"`           // in all
	Listed       int   `json:"listed"`       // entries of the lists that were read: repositories, tags, referrers
	Tags         int   `json:"tags"`         // set
	Manifests    int   `json:"manifests"`    // copied
	Blobs        int   `json:"blobs"`
	Bytes        int64 `json:"bytes"`
	// Missing is at the source only; after a copy there is none but for what
	// failed. Proofs of publication logs are copied, and not compared: each site
	// attaches its own, some time after the version.
	Missing []Item `json:"missing"`
	// Different is what the mirror has otherwise and may not be moved.
	Different []Item `json:"different"`
	// Extra are tags of the mirror only; they stay.
	Extra []Item `json:"extra"`
	// Failed is what could not be read or written.
	Failed []Item `json:"failed"`
	// Unmatched are the names and patterns that were asked for beside others, of
	// which the source has, or lists, no repository.
	Unmatched []string `json:"unmatched,omitempty"`
}

// Same reports whether the mirror has all that the source has, as it has it.
func (r Report) Same() bool { return len(r.Missing)+len(r.Different)+len(r.Failed) == 0 }
