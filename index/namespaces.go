package index

import "time"

// A Namespace is a publisher name that somebody has.
type Namespace struct {
	Name       string     `json:"name" example:"acme"`
	Private    bool       `json:"private" doc:"Only members, and those whom the site trusts, may pull."`
	Publishing string     `json:"publishing" enum:"on,off" doc:"Off refuses new versions."`
	ClosedAt   *time.Time `json:"closed_at,omitempty" doc:"Nothing new goes in since then."`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at" doc:"0001-01-01T00:00:00Z of one that is held."`
	Warnings   []string   `json:"warnings,omitempty" doc:"Of a change: what it did not bring about yet."`
	Held       bool       `json:"held,omitempty" doc:"Nobody owns it, and the registry holds repositories or a ledger of it: nobody pulls from it or pushes to it until an admin claims it. Admins alone see it."`
}

// A NamespaceDetail is a namespace with its members.
type NamespaceDetail struct {
	Namespace
	Members []Member `json:"members"`
}

// A Member is one principal's role in a namespace.
type Member struct {
	Principal string    `json:"principal" example:"person:ada"`
	Role      string    `json:"role" enum:"owner,maintainer,publisher,reader"`
	AddedBy   string    `json:"added_by"`
	AddedAt   time.Time `json:"added_at"`
}

// A NamespaceChange sets what is given.
type NamespaceChange struct {
	Private    *bool  `json:"private,omitempty"`
	Publishing string `json:"publishing,omitempty" enum:"on,off"`
}

// Usage is what a namespace holds and may hold; a limit of 0 is none.
type Usage struct {
	Namespace string      `json:"namespace"`
	Bytes     int64       `json:"bytes" doc:"Of all manifests and blobs that its repositories hold, with or without a manifest, each once, and of unfinished uploads."`
	Versions  int64       `json:"versions"`
	Limits    UsageLimits `json:"limits"`
}

// UsageLimits are the limits of a namespace.
type UsageLimits struct {
	Bytes         int64 `json:"bytes"`
	Versions      int64 `json:"versions"`
	ArtifactBytes int64 `json:"artifact_bytes"`
	ManifestBytes int64 `json:"manifest_bytes"`
	Layers        int   `json:"layers"`
}

// NamespaceList is the answer to a listing of namespaces.
type NamespaceList struct {
	Items      []Namespace `json:"items"`
	NextCursor string      `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}

// A PluginHeld is a plugin that the registry holds, also where nothing of it is listed.
type PluginHeld struct {
	ID      string      `json:"id"`
	State   PluginState `json:"state"`
	Listed  int         `json:"listed"`  // versions in answers
	Waiting int         `json:"waiting"` // versions that wait for something
}
