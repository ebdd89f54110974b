package index

// A Caller is who asks.
type Caller struct {
	Principal string     `json:"principal" doc:"Name at this site, such as person:ada, robot:acme/ci or anonymous." example:"robot:acme/ci"`
	Kind      string     `json:"kind" enum:"anonymous,person,robot,admin"`
	Roles     []RoleHeld `json:"roles"`
	Scopes    []string   `json:"scopes,omitempty" doc:"What the credential is bound to; none is no bound."`
	Token     string     `json:"token_id,omitempty" doc:"Id of the credential that speaks."`
}

// A RoleHeld is one role, of the site or of a namespace.
type RoleHeld struct {
	Role      string `json:"role"`
	Namespace string `json:"namespace,omitempty"`
}
