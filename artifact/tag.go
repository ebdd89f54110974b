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
	"a channel ([a-z][a-z0-9-]{0,31}), sha256-<hex> with or without .sig, .att or .sbom, " +
	"sha512-<first 64 hex>, or " + StateTag

// A Tag is a tag that follows the grammar of the package comment. The zero Tag
// is invalid.
type Tag struct {
	text    string
	kind    TagKind
	version Version
	subject digest.Digest
	suffix  string
	prefix  string // of the subject's digest, where the tag holds no more of it
}

// ParseTag parses s. Errors wrap ErrInvalid, quote s and hold TagRule.
func ParseTag(s string) (Tag, error) {
	switch {
	case s == StateTag:
		return Tag{text: s, kind: TagState}, nil
	case strings.HasPrefix(s, "sha256-"):
		return parseDigestTag(s)
	case strings.HasPrefix(s, "sha512-"):
		return parseCutDigestTag(s)
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

// parseCutDigestTag parses the referrers tag of a sha512 digest, which holds
// the first 64 of its 128 hex digits.
//
// Source: OCI distribution-spec 1.1, "Referrers Tag Schema".
func parseCutDigestTag(s string) (Tag, error) {
	hex := strings.TrimPrefix(s, "sha512-")
	if digest.NewDigestFromEncoded(digest.SHA256, hex).Validate() != nil {
		return Tag{}, fmt.Errorf("tag %q: %s: %w", s, TagRule, ErrInvalid)
	}
	return Tag{text: s, kind: TagDigest, prefix: "sha512:" + hex}, nil
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

// Subject is the sha256 digest that a TagDigest speaks about, else "". A tag of
// a sha512 digest holds half of it only: see SpeaksOf.
func (t Tag) Subject() digest.Digest { return t.subject }

// SpeaksOf reports whether a TagDigest is the tag of d, as far as the tag tells.
func (t Tag) SpeaksOf(d digest.Digest) bool {
	if t.kind != TagDigest || d.Validate() != nil {
		return false
	}
	return t.prefix == "" && t.subject == d || t.prefix != "" && strings.HasPrefix(d.String(), t.prefix)
}

// Suffix is "sig", "att", "sbom" or "" of a TagDigest.
func (t Tag) Suffix() string { return t.suffix }

// String is the tag itself.
func (t Tag) String() string { return t.text }

// DigestTag is the tag of d with the given suffix ("" for the referrers
// fallback). It is empty for a digest that has none: only sha256 has tags with
// a suffix, and only sha256 and sha512 the referrers fallback.
func DigestTag(d digest.Digest, suffix string) string {
	if d.Validate() == nil && d.Algorithm() == digest.SHA512 && suffix == "" {
		return "sha512-" + d.Encoded()[:64]
	}
	if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		return ""
	}
	s := "sha256-" + d.Encoded()
	if suffix != "" {
		s += "." + suffix
	}
	return s
}
