package driver

import (
	"strconv"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// A Damage is one stored thing that is not what it should be. As an error it
// wraps artifact.ErrUnverified.
type Damage struct {
	Kind       DamageKind    `json:"kind,omitempty"`
	Repository string        `json:"repository,omitempty"`
	Digest     digest.Digest `json:"digest,omitempty"`
	Tag        string        `json:"tag,omitempty"`
	Path       string        `json:"path"` // in the storage driver
	What       string        `json:"what"`
	Mended     string        `json:"mended,omitempty"` // how, where it is whole again

	// Target is what mending has to bring back, where that is not Digest, and
	// Link as what the repository holds it.
	Target digest.Digest `json:"-"`
	Link   LinkKind      `json:"-"`
}

// A DamageKind says what sort of thing is wrong, and so what mends it.
type DamageKind string

// The kinds of damage.
const (
	DamagedBytes     DamageKind = "bytes"             // of another digest, or unreadable
	MissingBytes     DamageKind = "missing_bytes"     // a link leads to nothing
	Quarantined      DamageKind = "set_aside"         // found damaged before, and moved away
	DamagedLink      DamageKind = "link"              // what a repository holds is not said
	MissingReference DamageKind = "missing_reference" // a manifest names what its repository lacks
	DamagedTag       DamageKind = "tag"               // what a tag means is not known
	LostTag          DamageKind = "lost_tag"          // a tag means what its repository lacks
	DamagedReferrer  DamageKind = "referrer"          // a subject does not know of its referrer, or of a wrong one
	MissingMark      DamageKind = "unlisted"          // a repository is missing in the list of them
)

func (d *Damage) Error() string {
	s := "damaged storage"
	if d.Repository != "" {
		s += ": repository " + strconv.Quote(d.Repository)
	}
	if d.Tag != "" {
		s += ": tag " + strconv.Quote(d.Tag)
	}
	if d.Digest != "" {
		s += ": " + d.Digest.String()
	}
	return s + ": " + d.Path + ": " + d.What
}

// Unwrap makes errors.Is(err, artifact.ErrUnverified) hold.
func (d *Damage) Unwrap() error { return artifact.ErrUnverified }

// DamagedTag is the tag that is damaged, or "" where it is something else.
func (d *Damage) DamagedTag() string { return d.Tag }
