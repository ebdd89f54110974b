package index

import "time"

// A Caller is who asks.
type Caller struct {
	Principal string     `json:"principal" doc:"Name at this site, such as person:ada, robot:acme/ci or anonymous." example:"robot:acme/ci"`
	Kind      string     `json:"kind" enum:"anonymous,person,robot,admin"`
	Roles     []RoleHeld `json:"roles"`
	Scopes    []string   `json:"scopes,omitempty" doc:"What the credential is bound to; none is no bound."`
	Token     string     `json:"token_id,omitempty" doc:"Id of the credential that speaks."`
	// Credential, Label and ExpiresAt are those of the credential that speaks.
	Credential string     `json:"credential,omitempty" doc:"Kind of that credential." example:"personal"`
	Label      string     `json:"label,omitempty" doc:"What its maker called it." example:"laptop"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"When it ends; absent is never, or no credential."`
}

// A RoleHeld is one role, of the site or of a namespace.
type RoleHeld struct {
	Role      string `json:"role"`
	Namespace string `json:"namespace,omitempty"`
	Tenant    string `json:"tenant,omitempty"`
}
