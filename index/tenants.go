package index

import "time"

// A Tenant is one customer or team, whose hosts run the same plugins.
type Tenant struct {
	ID          string    `json:"id" example:"north"`
	Tier        string    `json:"tier" doc:"One of the site's tiers; empty is none."`
	Niches      []string  `json:"niches"`
	Labels      []string  `json:"labels" doc:"Each key=value."`
	Environment string    `json:"environment" enum:"test,staging,production"`
	Canary      bool      `json:"canary" doc:"Takes new versions before others."`
	CreatedBy   string    `json:"created_by"`
	CreatedAt   time.Time `json:"created_at"`
	Revision    int64     `json:"revision" doc:"Rises with each change."`
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

// A TenantChange sets what is given.
type TenantChange struct {
	Tier        *string   `json:"tier,omitempty" doc:"For who may manage all tenants."`
	Niches      *[]string `json:"niches,omitempty" maxItems:"32" doc:"For who may manage all tenants."`
	Environment *string   `json:"environment,omitempty" enum:"test,staging,production" doc:"For who may manage all tenants."`
	Labels      *[]string `json:"labels,omitempty" maxItems:"64"`
	Canary      *bool     `json:"canary,omitempty"`
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
