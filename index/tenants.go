package index

import "time"

// A Tenant is one customer or team, whose hosts run the same plugins.
type Tenant struct {
	ID          string      `json:"id" example:"north"`
	Tier        string      `json:"tier" doc:"One of the site's tiers; empty is none."`
	Niches      []string    `json:"niches"`
	Labels      []string    `json:"labels" doc:"Each key=value."`
	Environment string      `json:"environment" enum:"test,staging,production"`
	Canary      bool        `json:"canary" doc:"Takes new versions before others."`
	Quota       TenantQuota `json:"quota"`
	CreatedBy   string      `json:"created_by"`
	CreatedAt   time.Time   `json:"created_at"`
	Revision    int64       `json:"revision" doc:"Rises with each change."`
	Problem     string      `json:"problem,omitempty" doc:"Why nothing of it can be said: the database holds what cannot be read."`
}

// A NewTenant is one that is made.
type NewTenant struct {
	ID          string   `json:"id" doc:"2 to 64 of a-z, 0-9 and -." example:"north"`
	Tier        string   `json:"tier,omitempty"`
	Niches      []string `json:"niches,omitempty" maxItems:"32"`
	Labels      []string `json:"labels,omitempty" maxItems:"64" doc:"Each key=value."`
	Environment string   `json:"environment,omitempty" enum:"test,staging,production" doc:"production by default."`
	Canary      bool     `json:"canary,omitempty"`
}

// A TenantQuota is how much a tenant may have; zero is no limit.
type TenantQuota struct {
	Hosts    int64 `json:"hosts" minimum:"0" doc:"Hosts; 0 is no limit."`
	Installs int64 `json:"installs" minimum:"0" doc:"Enabled plugins; 0 is no limit."`
}

// A TenantChange sets what is given.
type TenantChange struct {
	Tier        *string      `json:"tier,omitempty" doc:"For who may manage all tenants."`
	Niches      *[]string    `json:"niches,omitempty" maxItems:"32" doc:"For who may manage all tenants."`
	Environment *string      `json:"environment,omitempty" enum:"test,staging,production" doc:"For who may manage all tenants."`
	Labels      *[]string    `json:"labels,omitempty" maxItems:"64"`
	Canary      *bool        `json:"canary,omitempty"`
	Quota       *TenantQuota `json:"quota,omitempty" doc:"For who may manage all tenants."`
}

// TenantList is the answer to a listing of tenants.
type TenantList struct {
	Items      []Tenant `json:"items"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}

// A TenantMember is one account's role in a tenant.
type TenantMember struct {
	Principal string    `json:"principal" example:"person:ada"`
	Role      string    `json:"role" enum:"tenant-admin,tenant-viewer"`
	AddedBy   string    `json:"added_by"`
	AddedAt   time.Time `json:"added_at"`
}

// TenantMemberList is the answer to a listing of members.
type TenantMemberList struct {
	Items      []TenantMember `json:"items"`
	NextCursor string         `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}

// A TenantHost is one application of a tenant that loads plugins.
type TenantHost struct {
	Name        string      `json:"name" example:"editor-1"`
	Host        string      `json:"host" doc:"Host id, as plugins name it." example:"acme-editor"`
	HostVersion string      `json:"host_version" example:"4.2.0"`
	Platform    string      `json:"platform" example:"linux/amd64"`
	Problem     string      `json:"problem,omitempty" doc:"What of it cannot be read in the database, and what to do."`
	LastReport  *LastReport `json:"last_report,omitempty" doc:"What it reported last; absent where it never did."`
	CreatedBy   string      `json:"created_by"`
	CreatedAt   time.Time   `json:"created_at"`
	Revision    int64       `json:"revision" doc:"Rises with each change."`
}

// A NewTenantHost is one that is added.
type NewTenantHost struct {
	Name        string `json:"name" doc:"2 to 64 of a-z, 0-9 and -, once in the tenant." example:"editor-1"`
	Host        string `json:"host" example:"acme-editor"`
	HostVersion string `json:"host_version" example:"4.2.0"`
	Platform    string `json:"platform" example:"linux/amd64"`
}

// A TenantHostChange sets what is given.
type TenantHostChange struct {
	HostVersion *string `json:"host_version,omitempty" example:"4.3.0"`
	Platform    *string `json:"platform,omitempty" example:"linux/arm64"`
}

// TenantHostList is the answer to a listing of hosts.
type TenantHostList struct {
	Items      []TenantHost `json:"items"`
	NextCursor string       `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}

// An InstallStatus is how an install of a tenant stands.
type InstallStatus string

// The states of an install. Each is computed from the plugin's state when it is
// asked for.
const (
	InstallInstalled     InstallStatus = "installed"
	InstallDeprecated    InstallStatus = "deprecated"
	InstallSuspended     InstallStatus = "suspended"
	InstallOrphaned      InstallStatus = "orphaned"       // the plugin was removed or deleted, or is not known here any more
	InstallForceDisabled InstallStatus = "force_disabled" // it must not run
)

// A TenantPlugin is one plugin of a tenant.
type TenantPlugin struct {
	ID      string `json:"id" example:"acme/hello"`
	Enabled bool   `json:"enabled" doc:"What is wanted. A plugin that was disabled keeps its data and what the tenant chose."`
	Channel string `json:"channel,omitempty" doc:"Empty is the newest stable version."`
	Pin     string `json:"pin,omitempty" doc:"The version that is wanted whatever the channel says; absent where there is none."`
	// Version and Digest are what the tenant's hosts are given now.
	Version string `json:"version,omitempty" doc:"That the tenant's hosts are given now, the newest of them; absent where none is."`
	Digest  string `json:"digest,omitempty"`
	Hold    *Hold  `json:"hold,omitempty" doc:"Keeps the tenant at what it was given, until then; absent where there is none."`
	// Effective is what runs.
	Effective       string             `json:"effective" doc:"The version that runs, the newest of those that hosts reported; empty where none did."`
	EffectiveReason string             `json:"effective_reason,omitempty" doc:"Why that is not what is wanted."`
	Hosts           []TenantPluginHost `json:"hosts" doc:"What each host said last of it."`
	Status          InstallStatus      `json:"status" enum:"installed,deprecated,suspended,orphaned,force_disabled"`
	Reasons         []Reason           `json:"reasons" doc:"Why no version is given, or why the status is not installed."`
	Standing        Standing           `json:"standing" enum:"ok,warn,update_blocked,stop"`
	// ConfigRevision and ConfigDigest are of the configuration that its hosts are given.
	ConfigRevision int64     `json:"config_revision,omitempty" doc:"Of the configuration that counts; absent where there is none."`
	ConfigDigest   string    `json:"config_digest,omitempty"`
	ChangedBy      string    `json:"changed_by"`
	InstalledAt    time.Time `json:"installed_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	Revision       int64     `json:"revision" doc:"Rises with each change."`
}

// A TenantPluginChoice is what a tenant wants of a plugin.
type TenantPluginChoice struct {
	Version string `json:"version,omitempty" doc:"Pins this version." example:"1.2.0"`
	Channel string `json:"channel,omitempty" maxLength:"128" doc:"Follows this channel." example:"stable"`
}

// TenantPluginList is the answer to a listing of a tenant's plugins.
type TenantPluginList struct {
	Items      []TenantPlugin `json:"items"`
	NextCursor string         `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}

// A TenantAttention is a plugin of a tenant of which somebody has to know something.
type TenantAttention struct {
	TenantPlugin
	Next string `json:"next" doc:"What to do about it, as a sentence."`
}

// TenantAttentionList is the answer to what needs attention.
type TenantAttentionList struct {
	Items      []TenantAttention `json:"items"`
	NextCursor string            `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}
