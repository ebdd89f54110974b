package resolve

import (
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
)

// Limits of one request.
const (
	maxWants  = 1000
	maxLocked = 10000
)

// Requested is what an answer says of a plugin that the request itself wants.
const Requested = "request"

// ParseRequest reads the wire form. Host, platform and channel are not read
// here: they choose the candidates. Errors wrap artifact.ErrInvalid and say
// where.
func ParseRequest(r index.ResolveRequest) (Request, error) {
	out := Request{Prerelease: r.Prerelease, Locked: map[artifact.Name]digest.Digest{}}
	switch {
	case len(r.Plugins) == 0:
		return out, fmt.Errorf("plugins: none named: %w", artifact.ErrInvalid)
	case len(r.Plugins) > maxWants:
		return out, fmt.Errorf("plugins: %d, expected at most %d: %w", len(r.Plugins), maxWants, artifact.ErrInvalid)
	case len(r.Locked) > maxLocked:
		return out, fmt.Errorf("locked: %d, expected at most %d: %w", len(r.Locked), maxLocked, artifact.ErrInvalid)
	}
	for n, w := range r.Plugins {
		id, err := artifact.ParseName(w.ID)
		if err != nil {
			return out, fmt.Errorf("plugins[%d]: %w", n, err)
		}
		want := Want{ID: id}
		if w.Range != "" {
			if want.Range, err = artifact.ParseRange(w.Range); err != nil {
				return out, fmt.Errorf("plugins[%d]: %s: %w", n, id, err)
			}
		}
		out.Wants = append(out.Wants, want)
	}
	for n, l := range r.Locked {
		id, err := artifact.ParseName(l.ID)
		if err != nil {
			return out, fmt.Errorf("locked[%d]: %w", n, err)
		}
		if err := l.Digest.Validate(); err != nil {
			return out, fmt.Errorf("locked[%d]: %s: digest %.100q: %s: %w", n, id, l.Digest, err, artifact.ErrInvalid)
		}
		if have, ok := out.Locked[id]; ok && have != l.Digest {
			return out, fmt.Errorf("locked[%d]: %s is locked to %s and to %s: %w", n, id, have, l.Digest, artifact.ErrInvalid)
		}
		out.Locked[id] = l.Digest
	}
	return out, nil
}

// Names are the plugins that r wants.
func (r Request) Names() []artifact.Name {
	var out []artifact.Name
	for _, w := range r.Wants {
		out = append(out, w.ID)
	}
	slices.SortFunc(out, artifact.Name.Compare)
	return slices.Compact(out)
}

// Answer is the wire form of what Resolve chose. The reference of a candidate
// that has none is <registry>/<id>@<digest>.
func Answer(stamp index.Stamp, registry string, chosen []Chosen) index.Resolution {
	out := index.Resolution{Stamp: stamp, Resolved: make([]index.Resolved, 0, len(chosen))}
	for _, c := range chosen {
		by := []string{}
		if c.Requested {
			by = append(by, Requested)
		}
		for _, id := range c.RequestedBy {
			by = append(by, id.String())
		}
		reference := c.Reference
		if reference == "" {
			reference = registry + "/" + c.ID.String() + "@" + c.Digest.String()
		}
		out.Resolved = append(out.Resolved, index.Resolved{ID: c.ID.String(), Version: c.Version.String(), Digest: c.Digest,
			PlatformDigest: c.PlatformDigest, Reference: reference, RequestedBy: by, Notices: c.Notices})
	}
	return out
}
