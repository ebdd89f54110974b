package ledger

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// The kinds of statements about a plugin.
const (
	PluginDeprecated   Kind = "plugin.deprecated"
	PluginUndeprecated Kind = "plugin.undeprecated"
	PluginSuspended    Kind = "plugin.suspended"
	PluginResumed      Kind = "plugin.resumed"
	PluginRemoved      Kind = "plugin.removed"
	PluginRestored     Kind = "plugin.restored"
	PluginDeleted      Kind = "plugin.deleted"
	VersionYanked      Kind = "version.yanked"
	VersionUnyanked    Kind = "version.unyanked"
	EmergencyDeclared  Kind = "emergency.declared"
	EmergencyUndone    Kind = "emergency.undone"
)

// The bodies of these kinds.
type (
	// Grounds are why something was done.
	Grounds struct {
		// Reason is one of Reasons.
		Reason string `json:"reason"`
		Text   string `json:"text,omitempty"`
	}
	// Deprecated says that the plugin has no future, and where to go.
	Deprecated struct {
		Grounds
		Replacement string `json:"replacement,omitempty"` // a plugin
		Guide       string `json:"guide,omitempty"`       // an https address
		// EndOfLife is from when on it is not looked after any more.
		EndOfLife *time.Time `json:"end_of_life,omitempty"`
	}
	// Suspended lets nobody new have the plugin, and nobody update it.
	Suspended struct {
		Grounds
		// Until is when it is expected to be over. It does not end by itself.
		Until *time.Time `json:"until,omitempty"`
		// Existing says what those do who have it.
		Existing Existing `json:"existing"`
	}
	// PluginGone hides the plugin from all who do not have it.
	PluginGone struct{ Grounds }
	// Deleted has the bytes of every version go, for good: no statement takes it
	// back, and none of the versions is published again.
	Deleted struct{ Grounds }
	// Back takes the state before back; its grounds may be left out.
	Back struct {
		Reason string `json:"reason,omitempty"`
		Text   string `json:"text,omitempty"`
	}
	// Yanked lets nobody new have a version. The statement's subject is its
	// digest.
	Yanked struct {
		Grounds
		Version string `json:"version"`
	}
	// Unyanked takes that back, of the version whose digest is the subject.
	Unyanked struct {
		Version string `json:"version"`
		Reason  string `json:"reason,omitempty"`
		Text    string `json:"text,omitempty"`
	}
	// Emergency stops versions wherever they run.
	Emergency struct {
		Grounds
		// Digests are of all that must not run: versions with the manifests of
		// their platforms.
		Digests []digest.Digest `json:"digests"`
		// All means every version that there was, and the plugin with them:
		// what is pushed later waits.
		All bool `json:"all,omitempty"`
		// Soft lets a tenant keep it whose policy allows that.
		Soft bool `json:"soft,omitempty"`
		// ApprovedBy are those who approved, the actor aside. A site that asks
		// for one person's word only names nobody.
		ApprovedBy []string `json:"approved_by"`
	}
	// EmergencyEnd undoes an emergency.
	EmergencyEnd struct {
		Grounds
		// Of is the digest of the statement that declared it.
		Of         digest.Digest `json:"of"`
		ApprovedBy []string      `json:"approved_by"`
	}
)

// Existing says what those do who have a suspended plugin.
type Existing string

// The two things that they can do.
const (
	KeepRunning Existing = "keep"
	StopRunning Existing = "stop"
)

// The reasons for what is done to a plugin. The list is closed, so that hosts
// and policies can act on it; a text says more.
const (
	ReasonMalware        = "malware"
	ReasonVulnerability  = "vulnerability"
	ReasonSecurityReview = "security_review"
	ReasonLegal          = "legal"
	ReasonBroken         = "broken"
	ReasonSuperseded     = "superseded"
	ReasonDiscontinued   = "discontinued"
	ReasonAbandoned      = "abandoned"
	ReasonLicense        = "license"
	ReasonMaintenance    = "maintenance"
	ReasonByRequest      = "by_request"
)

// Reasons are all of them, in the order in which they are told.
func Reasons() []string {
	return []string{ReasonMalware, ReasonVulnerability, ReasonSecurityReview, ReasonLegal, ReasonBroken, ReasonSuperseded, ReasonDiscontinued, ReasonAbandoned,
		ReasonLicense, ReasonMaintenance, ReasonByRequest}
}
