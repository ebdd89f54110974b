package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Namespaces keeps who has which publisher name, and how it is set.
type Namespaces interface {
	// Namespaces are at most limit of those that the caller may see, by name,
	// beginning after that one, and where to go on; "" is the end.
	Namespaces(ctx context.Context, after string, limit int) (items []Namespace, next string, err error)
	Namespace(ctx context.Context, name string) (NamespaceDetail, error)
	ClaimNamespace(ctx context.Context, name string, private bool) (Namespace, error)
	ConfigureNamespace(ctx context.Context, name string, c NamespaceChange) (Namespace, error)
	NamespaceUsage(ctx context.Context, name string) (Usage, error)
}

// A Namespace is a publisher name that somebody has.
type Namespace struct {
	Name       string     `json:"name" example:"acme"`
	Private    bool       `json:"private" doc:"Only members, and those whom the site trusts, may pull."`
	Publishing string     `json:"publishing" enum:"on,off" doc:"Off refuses new versions."`
	ClosedAt   *time.Time `json:"closed_at,omitempty" doc:"Nothing new goes in since then."`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at"`
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

type namespacesInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"Namespaces per page."`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
}

type namespacesOutput struct{ Body NamespaceList }

type namespaceOutput struct{ Body Namespace }

type namespaceDetailOutput struct{ Body NamespaceDetail }

type usageOutput struct{ Body Usage }

// NamespaceParam names a namespace in a path.
type NamespaceParam struct {
	Namespace string `path:"namespace" doc:"Publisher name." example:"acme"`
}

type claimInput struct {
	Body struct {
		Name    string `json:"name" doc:"Publisher name to claim." example:"acme"`
		Private bool   `json:"private,omitempty" doc:"Only members may pull; public by default."`
	}
}

type configureInput struct {
	NamespaceParam
	Body NamespaceChange
}

func (s *Server) namespaceRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "namespaces", Method: http.MethodGet, Path: "/namespaces",
		Summary: "List namespaces", Description: "Public ones, and private ones to those who may see them, by name and in pages."}),
		func(ctx context.Context, in *namespacesInput) (*namespacesOutput, error) {
			items, next, err := s.Accounts.Namespaces(ctx, in.Cursor, in.Limit)
			return &namespacesOutput{NamespaceList{items, next}}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "claim-namespace", Method: http.MethodPost, Path: "/namespaces",
		Summary: "Claim a namespace", Description: "Makes the caller its first owner. A name that is taken is namespace_taken, one that looks like another namespace_resembles.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}),
		func(ctx context.Context, in *claimInput) (*namespaceOutput, error) {
			n, err := s.Accounts.ClaimNamespace(ctx, in.Body.Name, in.Body.Private)
			return &namespaceOutput{n}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "namespace", Method: http.MethodGet, Path: "/namespaces/{namespace}",
		Summary: "Show a namespace", Description: "With its members.", Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *NamespaceParam) (*namespaceDetailOutput, error) {
			n, err := s.Accounts.Namespace(ctx, in.Namespace)
			return &namespaceDetailOutput{n}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "configure-namespace", Method: http.MethodPatch, Path: "/namespaces/{namespace}",
		Summary: "Configure a namespace", Description: "Sets what the body gives and leaves the rest.", Errors: []int{http.StatusNotFound, http.StatusConflict}}),
		func(ctx context.Context, in *configureInput) (*namespaceOutput, error) {
			n, err := s.Accounts.ConfigureNamespace(ctx, in.Namespace, in.Body)
			return &namespaceOutput{n}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "namespace-usage", Method: http.MethodGet, Path: "/namespaces/{namespace}/usage",
		Summary: "Read usage", Description: "What the namespace holds, beside its limits.", Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *NamespaceParam) (*usageOutput, error) {
			u, err := s.Accounts.NamespaceUsage(ctx, in.Namespace)
			return &usageOutput{u}, err
		})
}
