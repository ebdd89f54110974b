package index

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// Stamp says which generation of the catalog an answer is from. Generations
// rise within one data directory; equal content has an equal digest anywhere.
type Stamp struct {
	Generation    int64         `json:"generation"`
	CatalogDigest digest.Digest `json:"catalog_digest"`
}

// A Page is one page of a list of plugins.
type Page struct {
	Stamp
	Total      int                       `json:"total"`
	Items      []Row                     `json:"items"`
	Facets     map[string]map[string]int `json:"facets,omitempty"` // facet → value → plugins
	NextCursor string                    `json:"next_cursor,omitempty"`
	MinimumAge string                    `json:"minimum_age,omitempty" doc:"How long the versions of the answer have been public at least; absent where nobody asked."`
}

// A Detail is one plugin whole.
type Detail struct {
	Stamp
	Row
	Versions     []Version    `json:"versions"`
	Readme       string       `json:"readme"`
	Permissions  []string     `json:"permissions"`
	Dependencies []Dependency `json:"dependencies"`
	Notices      []Notice     `json:"notices"`
	MinimumAge   string       `json:"minimum_age,omitempty" doc:"As of a list."`
}

// A Notice tells users of a plugin something about its lifecycle. Kind is the
// state of the plugin or of the version, or the code of a reason.
type Notice struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	// Standing is what the state that the notice is of says to an install; "" where
	// it is of no state of the lifecycle.
	Standing Standing `json:"standing,omitempty" enum:"ok,warn,update_blocked,stop" doc:"What the state that the notice is of says to an install; absent where the notice is of no state of the lifecycle."`
	// Withdrawn says that nobody new is given the version.
	Withdrawn bool `json:"withdrawn" doc:"Nobody new is given the version."`
	// Move is what the plugin's ledger says, where the notice is of its state.
	Move    *Move    `json:"move,omitempty"`
	Actions []string `json:"actions,omitempty"`
}

// VersionDetail is one version with its stamp.
type VersionDetail struct {
	Stamp
	ID string `json:"id"`
	Version
	// Notices are of the version and of its plugin, what weighs most first.
	Notices []Notice `json:"notices" doc:"What is to be known by whoever has the version or takes it, what weighs most first: that it or its plugin was withdrawn or deprecated, why, since when, and what to do. None where both are active and the version is listed."`
}

// A Why says of every version of a plugin whether it is in the answer to a
// question, and the reasons where it is not.
type Why struct {
	Stamp
	ID         string       `json:"id"`
	Versions   []WhyVersion `json:"versions"`
	Notices    []Notice     `json:"notices,omitempty" doc:"What is in force for the plugin as a whole, such as a deprecation, which keeps no version out."`
	MinimumAge string       `json:"minimum_age,omitempty" doc:"As of a list."`
}

// A WhyVersion is the answer for one version. What cannot be read as a
// version at all stands here by its tag.
type WhyVersion struct {
	Version  string        `json:"version"`
	Digest   digest.Digest `json:"digest"`
	Included bool          `json:"included"`
	Reasons  []Reason      `json:"reasons"`
}

// A Summary is the catalog in numbers.
type Summary struct {
	Stamp
	GeneratedAt time.Time `json:"generated_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	// Plugins are those of every state but deleted.
	Plugins  int `json:"plugins"`
	Versions int `json:"versions"`
	Pending  int `json:"pending"`
	// Hosts are those that listed versions name in their engines.
	Hosts []HostNamed `json:"hosts" doc:"The hosts that listed versions name, each with the versions that their ranges are written with, newest first."`
}

// A HostNamed is a host that plugins name, with versions to choose from.
type HostNamed struct {
	ID       string   `json:"id"`
	Versions []string `json:"versions"`
}

// A ResolveRequest asks for the closure of dependencies of some plugins.
type ResolveRequest struct {
	Host       HostQuery `json:"host"`
	Platform   string    `json:"platform,omitempty"`
	Channel    string    `json:"channel,omitempty"`
	Prerelease bool      `json:"prerelease,omitempty"`
	MinimumAge string    `json:"minimum_age,omitempty" example:"72h" doc:"Choose only what has been public for so long: hours or days such as 72h or 7d. What is locked stays."`
	Plugins    []Want    `json:"plugins"`
	Locked     []Locked  `json:"locked,omitempty"`
}

// A HostQuery names the asking host; both parts may be empty.
type HostQuery struct {
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"`
}

// A Want is one plugin that is asked for; an empty range means any.
type Want struct {
	ID    string `json:"id"`
	Range string `json:"range,omitempty"`
}

// A Locked plugin stays at its digest as long as that satisfies every range.
type Locked struct {
	ID     string        `json:"id"`
	Digest digest.Digest `json:"digest"`
}

// A Resolution is the closure, dependencies before what needs them.
type Resolution struct {
	Stamp
	Resolved   []Resolved `json:"resolved"`
	MinimumAge string     `json:"minimum_age,omitempty" doc:"How long everything but what is locked has been public at least; absent where nobody asked."`
}

// A Resolved plugin is one exact digest of the closure.
type Resolved struct {
	ID             string        `json:"id"`
	Version        string        `json:"version"`
	Digest         digest.Digest `json:"digest"`
	PlatformDigest digest.Digest `json:"platform_digest"`
	Reference      string        `json:"reference"`
	RequestedBy    []string      `json:"requested_by"` // plugins, "" never; the request itself is "request"
	// Notices are those of the version; absent where there are none.
	Notices []Notice `json:"notices,omitempty" doc:"As of the version: such as that the plugin is deprecated, and what replaces it."`
}

// A Problem is an error answer by RFC 9457.
type Problem struct {
	Type        string   `json:"type"`
	Title       string   `json:"title"`
	Status      int      `json:"status"`
	Detail      string   `json:"detail"`
	Code        string   `json:"code"`
	Fixes       []string `json:"fixes,omitempty"`
	Explanation string   `json:"explanation,omitempty"` // of an unsatisfiable resolve
	Hints       []Hint   `json:"hints,omitempty"`       // of an unsatisfiable resolve: followed together, they make it resolve
	Legal       []string `json:"legal,omitempty"`       // of lifecycle_forbidden: the moves that may be made
	Choices     []Choice `json:"choices,omitempty"`     // of lifecycle_forbidden: the moves that are legal, and who may make them
	// Exceeded is of a quota of a tenant.
	Exceeded *Exceeded `json:"exceeded,omitempty"`
	// States are those of a host that is ahead of its server, and of the server.
	States    *EpochConflict `json:"states,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
}

// Exceeded says which quota of a tenant would be exceeded.
type Exceeded struct {
	Quota string `json:"quota" enum:"hosts,installs"`
	Limit int64  `json:"limit"`
	Used  int64  `json:"used"`
	Asked int64  `json:"asked"`
}
