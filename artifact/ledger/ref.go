package ledger

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// PublishersRepository holds the ledger of every publisher, each under the tag
// of its name.
const PublishersRepository = artifact.ReservedPublisher + "/publishers"

// A Ref names a ledger: of a publisher, or of a plugin. The zero Ref is none.
type Ref struct {
	publisher string
	plugin    artifact.Name
}

// OfPublisher is the ledger of a publisher. Errors wrap artifact.ErrInvalid.
func OfPublisher(name string) (Ref, error) {
	if err := artifact.CheckSegment(name); err != nil {
		return Ref{}, fmt.Errorf("ledger of publisher: %w", err)
	}
	return Ref{publisher: name}, nil
}

// OfPlugin is the ledger of a plugin, which must not be the zero Name.
func OfPlugin(id artifact.Name) Ref { return Ref{publisher: id.Publisher(), plugin: id} }

// ParseRef reads REPOSITORY:TAG as String writes it. A registry's host and the
// folders of a mirror may stand before it: they are not part of a ledger's name.
// Errors wrap artifact.ErrInvalid.
func ParseRef(s string) (Ref, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.Contains(s, "@") {
		return Ref{}, fmt.Errorf("ledger %q: expected …/%s:<publisher> or …/<publisher>/<plugin>:%s: %w", s, PublishersRepository, artifact.StateTag, artifact.ErrInvalid)
	}
	return RefOf(s[:i], s[i+1:])
}

// RefOf is the ledger under a tag of a repository; what stands before the last
// two parts of the repository is not part of its name. Errors wrap
// artifact.ErrInvalid.
func RefOf(repository, tag string) (Ref, error) {
	parts := strings.Split(repository, "/")
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	name := strings.Join(parts, "/")
	if name == PublishersRepository {
		return OfPublisher(tag)
	}
	id, err := artifact.ParseName(name)
	if err != nil || id.Reserved() || tag != artifact.StateTag {
		return Ref{}, fmt.Errorf("ledger %q: expected %s:<publisher> or <publisher>/<plugin>:%s: %w", repository+":"+tag, PublishersRepository, artifact.StateTag, artifact.ErrInvalid)
	}
	return OfPlugin(id), nil
}

// Publisher is whose ledger it is, or whose plugin's.
func (r Ref) Publisher() string { return r.publisher }

// Plugin is whose ledger it is, and the zero Name for that of a publisher.
func (r Ref) Plugin() artifact.Name { return r.plugin }

// OfPublisher reports whether r is the ledger of a publisher.
func (r Ref) OfPublisher() bool { return r.publisher != "" && r.plugin.IsZero() }

// IsZero reports whether r names no ledger.
func (r Ref) IsZero() bool { return r == Ref{} }

// Repository is where the ledger is kept.
func (r Ref) Repository() string {
	if r.OfPublisher() {
		return PublishersRepository
	}
	return r.plugin.String()
}

// Tag is the tag of the ledger's index.
func (r Ref) Tag() string {
	if r.OfPublisher() {
		return r.publisher
	}
	return artifact.StateTag
}

// String is the name that every statement of the ledger carries.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return r.Repository() + ":" + r.Tag()
}

// Subject is the digest for statements that are about the ledger's owner as a
// whole and about no artifact: that of the ledger's name.
func (r Ref) Subject() digest.Digest { return digest.FromString(r.String()) }

// MarshalText writes String.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Ref) UnmarshalText(b []byte) error {
	p, err := ParseRef(string(b))
	if err == nil {
		*r = p
	}
	return err
}
