package index

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// PluginState is the lifecycle state of a plugin.
type PluginState string

// The states of a plugin.
const (
	StateActive           PluginState = "active"
	StateDeprecated       PluginState = "deprecated"
	StateSuspended        PluginState = "suspended"
	StateRemoved          PluginState = "removed"
	StateEmergencyRemoved PluginState = "emergency-removed"
	// StateDeleted is for ever: no version is left, and none comes back.
	StateDeleted PluginState = "deleted"
)

// VersionState is the lifecycle state of a version.
type VersionState string

// The states of a version.
const (
	VersionActive VersionState = "active"
	VersionYanked VersionState = "yanked"
	// VersionBlocked: it may not be pulled.
	VersionBlocked VersionState = "blocked"
	// VersionQuarantined: its bytes are damaged and in quarantine.
	VersionQuarantined VersionState = "quarantined"
	// VersionEmergencyRemoved: it must not run anywhere.
	VersionEmergencyRemoved VersionState = "emergency-removed"
)

// SignatureStatus says what is known about who signed.
type SignatureStatus string

// The outcomes of judging signatures.
const (
	// SignatureVerified: a signature holds and its signer is trusted for the namespace.
	SignatureVerified SignatureStatus = "verified"
	// SignatureUnverified: there are signatures, none by a signer that is known here.
	SignatureUnverified SignatureStatus = "unverified"
	// SignatureUnsigned: there is no signature.
	SignatureUnsigned SignatureStatus = "unsigned"
	// SignatureInvalid: what is there as a signature is malformed, or is not one of this digest.
	SignatureInvalid SignatureStatus = "invalid"
)

// IsSignatureStatus reports whether s is one of these.
func IsSignatureStatus(s string) bool {
	switch SignatureStatus(s) {
	case SignatureVerified, SignatureUnverified, SignatureUnsigned, SignatureInvalid:
		return true
	}
	return false
}

// A Signature sums up the judgement of a version's signatures.
type Signature struct {
	Status SignatureStatus `json:"status"`
	Signer string          `json:"signer,omitempty"` // key name, or identity
	Format string          `json:"format,omitempty"` // "cosign-tag", "cosign-referrer", "sigstore-bundle"
}

// A Row is one plugin in a catalog answer. Version and Digest are the newest
// that fits the question asked.
type Row struct {
	ID                string            `json:"id"`
	Name              string            `json:"name"`
	Publisher         string            `json:"publisher"`
	Description       string            `json:"description"`
	Categories        []string          `json:"categories"`
	Keywords          []string          `json:"keywords"`
	Niches            []string          `json:"niches"`
	License           string            `json:"license"`
	Tier              string            `json:"tier"`
	Version           string            `json:"version"`
	Digest            digest.Digest     `json:"digest"`
	Reference         string            `json:"reference"`
	Platforms         []string          `json:"platforms"`
	Engines           map[string]string `json:"engines"`
	VersionsAvailable []string          `json:"versions_available"`
	State             PluginState       `json:"state"`
	Move              *Move             `json:"move,omitempty" doc:"What the state comes from, as the plugin's ledger says it; absent where the plugin is active."`
	VerifiedPublisher bool              `json:"verified_publisher"`
	SecurityReviewed  *bool             `json:"security_reviewed,omitempty"` // this and what is counted is absent where nobody knows
	Signature         Signature         `json:"signature"`
	Downloads         *int64            `json:"downloads,omitempty"`
	Rating            *float64          `json:"rating,omitempty"`
	Reviews           *int64            `json:"reviews,omitempty"`
	UpdatedAt         *time.Time        `json:"updated_at,omitempty"` // when the newest listed version was published here
	Source            SourceBadge       `json:"source"`
}

// A SourceBadge says where a plugin comes from.
type SourceBadge struct {
	Name  string `json:"name"`
	Badge string `json:"badge,omitempty"` // built-in, premium, private, community; absent where nobody gave one
}

// A Version is one plugin version in an answer.
type Version struct {
	Version      string            `json:"version"`
	Digest       digest.Digest     `json:"digest"`
	Reference    string            `json:"reference"`
	MediaType    string            `json:"media_type"`
	ArtifactType string            `json:"artifact_type"`
	Size         int64             `json:"size"`
	CreatedAt    *time.Time        `json:"created_at,omitempty"`   // what the publisher says
	PublishedAt  *time.Time        `json:"published_at,omitempty"` // when it came to this site; absent where nobody knows
	Engines      map[string]string `json:"engines"`
	Platforms    []Build           `json:"platforms"`
	License      string            `json:"license"`
	Permissions  []string          `json:"permissions"`
	Dependencies []Dependency      `json:"dependencies"`
	Channels     []string          `json:"channels"`
	State        VersionState      `json:"state"`
	Yanked       *Yanked           `json:"yanked,omitempty"`
	Signature    Signature         `json:"signature"`
	Attestations []Attestation     `json:"attestations"`
	Pending      *Pending          `json:"pending,omitempty"`
	Standing     Standing          `json:"standing" enum:"ok,warn,update_blocked,stop" doc:"What an install of it is told: go on, go on and know something, go on and take no other version, stop."`
}

// A Build is what one platform pulls; empty os and arch mean any.
type Build struct {
	OS      string        `json:"os"`
	Arch    string        `json:"arch"`
	Variant string        `json:"variant,omitempty"`
	Digest  digest.Digest `json:"digest"`
}

// A Dependency is another plugin that a version needs.
type Dependency struct {
	ID       string `json:"id"`
	Range    string `json:"range"`
	Optional bool   `json:"optional"`
}

// Yanked says since when and why a version is yanked.
type Yanked struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	By     string    `json:"by,omitempty"`
}

// An Attestation is a statement about a version.
type Attestation struct {
	PredicateType string        `json:"predicate_type"`
	Kind          string        `json:"kind,omitempty"` // sbom, provenance, test-result, vulnerabilities, review
	Digest        digest.Digest `json:"digest"`         // of the signed envelope or bundle
	Verified      bool          `json:"verified"`
	Builder       string        `json:"builder,omitempty"` // who built, by a verified provenance
}

// Pending lists what a version waits for before it is listed.
type Pending struct {
	Reasons []Reason `json:"reasons"`
}

// A Reason says with a stable code and a sentence why something is not in an answer.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Until is when it ends by itself, where that is known.
	Until *time.Time `json:"until,omitempty" doc:"When the reason ends by itself, where that is known: of too_young."`
}

// The codes of reasons. They are stable.
const (
	ReasonHostNotNamed     = "host_not_named"    // no engines entry for the host
	ReasonHostVersion      = "host_incompatible" // the range does not hold the host's version
	ReasonPlatform         = "platform_unsupported"
	ReasonChannel          = "not_in_channel"
	ReasonPrerelease       = "prerelease_not_asked"
	ReasonYanked           = "yanked"
	ReasonTooYoung         = "too_young"   // not public for as long as was asked for
	ReasonBlocked          = "blocked"     // it may not be pulled here
	ReasonQuarantined      = "quarantined" // its bytes are damaged and in quarantine
	ReasonDeprecated       = "deprecated"  // of the plugin's state, as the two after it
	ReasonSuspended        = "suspended"
	ReasonRemoved          = "removed"
	ReasonDeleted          = "deleted"
	ReasonEmergency        = "emergency_removed" // it must not run anywhere
	ReasonUnsigned         = "unsigned"
	ReasonSignatureUnknown = "signature_unverified"
	ReasonSignatureInvalid = "signature_invalid"
	ReasonNoTrust          = "no_trust_policy"
	ReasonAttestMissing    = "attestation_missing"    // a required type is not there
	ReasonAttestUnverified = "attestation_unverified" // it is there, and no trusted signer signed it
	ReasonAttestInvalid    = "attestation_invalid"    // it is there, and does not count
	ReasonMalformed        = "malformed"              // the version cannot be read; Detail says where
	ReasonUnreadable       = "could_not_tell"         // bytes are missing or damaged
	ReasonOlder            = "older_than_chosen"      // fits, and a newer one fits too
	ReasonLedgerForged     = "ledger_forged"          // a statement of the plugin's or the publisher's ledger, that no key that counts signed
	ReasonLedgerMalformed  = "ledger_malformed"
	ReasonLedgerReordered  = "ledger_reordered"
	ReasonLedgerTruncated  = "ledger_truncated"
	ReasonLedgerForked     = "ledger_forked"
	ReasonLedgerTime       = "ledger_time"
	ReasonLedgerEntitled   = "ledger_not_entitled"
)

// MustNotRun is how the detail of ReasonEmergency begins.
const MustNotRun = "it must not run: "
