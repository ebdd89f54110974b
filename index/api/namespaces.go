package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// Namespaces keeps who has which publisher name, and how it is set.
type Namespaces interface {
	// Namespaces are at most limit of those that the caller may see, by name,
	// beginning after that one, and where to go on; "" is the end.
	Namespaces(ctx context.Context, after string, limit int) (items []index.Namespace, next string, err error)
	Namespace(ctx context.Context, name string) (index.NamespaceDetail, error)
	ClaimNamespace(ctx context.Context, name string, private bool) (index.Namespace, error)
	ConfigureNamespace(ctx context.Context, name string, c index.NamespaceChange) (index.Namespace, error)
	NamespaceUsage(ctx context.Context, name string) (index.Usage, error)
}

type namespacesInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"Namespaces per page."`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
}

type namespacesOutput struct{ Body index.NamespaceList }

type namespaceOutput struct{ Body index.Namespace }

type namespaceDetailOutput struct{ Body index.NamespaceDetail }

type usageOutput struct{ Body index.Usage }

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
	Body index.NamespaceChange
}

func (s *Server) namespaceRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "namespaces", Method: http.MethodGet, Path: "/namespaces",
		Summary: "List namespaces", Description: "Public ones, private ones to those who may see them, and to admins those that are held because the registry has something of them, by name and in pages."}),
		func(ctx context.Context, in *namespacesInput) (*namespacesOutput, error) {
			items, next, err := s.Accounts.Namespaces(ctx, in.Cursor, in.Limit)
			return &namespacesOutput{index.NamespaceList{Items: items, NextCursor: next}}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "claim-namespace", Method: http.MethodPost, Path: "/namespaces",
		Summary: "Claim a namespace", Description: "Makes the caller its first owner. A name that is taken is namespace_taken, one that looks like another namespace_resembles. One that nobody owns and that the registry holds something of is namespace_held, and for admins only; it stays as private as its ledger says, and private without one.",
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
