package artifact

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// TagKind says by which rule a tag may move.
type TagKind int

// The kinds of tag. The zero kind is no tag at all.
const (
	// TagVersion never moves.
	TagVersion TagKind = iota + 1
	// TagChannel moves by promotion only.
	TagChannel
	// TagDigest carries signatures, attestations, SBOMs or the referrers
	// fallback of one digest; it may only grow.
	TagDigest
	// TagState is the plugin's ledger; it may only grow.
	TagState
)

// StateTag is the reserved tag of a plugin's ledger.
const StateTag = "oarlock-state"

// TagRule is the grammar of tags as a sentence, for refusals.
const TagRule = "a tag is a SemVer version (1.2.3, 1.2.3-beta.1; \"+\" is written \"_\"), " +
	"a channel ([a-z][a-z0-9-]{0,31}), sha256-<hex> with or without .sig, .att or .sbom, or " + StateTag

// A Tag is a tag that follows the grammar of the package comment. The zero Tag
// is invalid.
type Tag struct {
	text    string
	kind    TagKind
	version Version
	subject digest.Digest
	suffix  string
}

// ParseTag parses s. Errors wrap ErrInvalid, quote s and hold TagRule.
func ParseTag(s string) (Tag, error) {
	switch {
	case s == StateTag:
		return Tag{text: s, kind: TagState}, nil
	case strings.HasPrefix(s, "sha256-"):
		return parseDigestTag(s)
	case isChannel(s):
		return Tag{text: s, kind: TagChannel}, nil
	}
	v, err := ParseVersionTag(s)
	if err != nil {
		return Tag{}, fmt.Errorf("tag %q: %s: %w", s, TagRule, ErrInvalid)
	}
	return Tag{text: s, kind: TagVersion, version: v}, nil
}

func parseDigestTag(s string) (Tag, error) {
	hex, suffix, _ := strings.Cut(strings.TrimPrefix(s, "sha256-"), ".")
	d := digest.NewDigestFromEncoded(digest.SHA256, hex)
	known := suffix == "" || suffix == "sig" || suffix == "att" || suffix == "sbom"
	if d.Validate() != nil || !known || strings.HasSuffix(s, ".") {
		return Tag{}, fmt.Errorf("tag %q: %s: %w", s, TagRule, ErrInvalid)
	}
	return Tag{text: s, kind: TagDigest, subject: d, suffix: suffix}, nil
}

// ParseChannel parses s as a channel name. Errors wrap ErrInvalid and quote s.
func ParseChannel(s string) (Tag, error) {
	t, err := ParseTag(s)
	if err != nil || t.kind != TagChannel {
		return Tag{}, fmt.Errorf("channel %q: expected [a-z][a-z0-9-]{0,31}, other than %s and sha256-…: %w", s, StateTag, ErrInvalid)
	}
	return t, nil
}

func isChannel(s string) bool {
	if s == "" || len(s) > 32 || !isLower(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

// Kind says by which rule t may move.
func (t Tag) Kind() TagKind { return t.kind }

// Version is the version of a TagVersion, else the zero Version.
func (t Tag) Version() Version { return t.version }

// Subject is the digest that a TagDigest speaks about, else "".
func (t Tag) Subject() digest.Digest { return t.subject }

// Suffix is "sig", "att", "sbom" or "" of a TagDigest.
func (t Tag) Suffix() string { return t.suffix }

// String is the tag itself.
func (t Tag) String() string { return t.text }

// DigestTag is the tag of d with the given suffix ("" for the referrers
// fallback). It is empty for a digest that is not sha256.
func DigestTag(d digest.Digest, suffix string) string {
	if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		return ""
	}
	s := "sha256-" + d.Encoded()
	if suffix != "" {
		s += "." + suffix
	}
	return s
}
