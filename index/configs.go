package index

import (
	"encoding/json"
	"time"
)

// A TenantConfig is one revision of the configuration of a tenant's plugin, without
// its secrets.
type TenantConfig struct {
	Plugin   string `json:"plugin" example:"acme/hello"`
	Revision int64  `json:"revision" doc:"From 1; rises with each change."`
	// Digest is of what a host is given, a HostConfig.
	Digest       string    `json:"config_digest" doc:"Of what a host is given."`
	Config       any       `json:"config" doc:"Without the secrets, or null for an item of a list. Null where all is secret, and in lists of revisions."`
	Secrets      []string  `json:"secrets" doc:"JSON pointers of the secrets that are set; the empty one is the whole."`
	Version      string    `json:"version" doc:"The version whose schema took it." example:"1.2.0"`
	FromRevision int64     `json:"from_revision,omitempty" doc:"The revision that this one went back to."`
	Current      bool      `json:"current" doc:"It counts now."`
	ChangedBy    string    `json:"changed_by"`
	ChangedAt    time.Time `json:"changed_at"`
}

// TenantConfigList is the answer to a listing of revisions, the newest first.
type TenantConfigList struct {
	Items      []TenantConfig `json:"items"`
	NextCursor string         `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}

// A HostConfig is what a host is given as the configuration of a plugin, in the
// canonical form of RFC 8785. Its digest names it. The nonce, which a configuration
// with secrets has, keeps the digest from telling them to who guesses.
type HostConfig struct {
	Config json.RawMessage `json:"config"`
	Nonce  string          `json:"nonce,omitempty"`
}
