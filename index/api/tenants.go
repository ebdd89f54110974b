package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/index"
)

// Tenants keep what each tenant is and has. Each method decides whether the caller
// of its context may; to who may not read a tenant it does not exist. Errors are
// *index.Problem or of a kind of artifact.
type Tenants interface {
	Create(ctx context.Context, n index.NewTenant) (index.Tenant, error)
	Tenants(ctx context.Context, after string, limit int) (index.TenantList, error)
	Tenant(ctx context.Context, id string) (index.Tenant, error)
	Set(ctx context.Context, id string, c index.TenantChange) (index.Tenant, error)
	TenantMembers
	TenantHosts
	TenantPlugins
	TenantPins
	TenantHolds
	DesiredStates
	TenantConfigs
}

// TenantMembers are who asks for a tenant.
type TenantMembers interface {
	Members(ctx context.Context, id, after string, limit int) (index.TenantMemberList, error)
	SetMember(ctx context.Context, id, principal, role string) error
	RemoveMember(ctx context.Context, id, principal string) error
}

// TenantParam names a tenant in a path.
type TenantParam struct {
	Tenant string `path:"tenant" maxLength:"64" doc:"Id of the tenant." example:"north"`
}

// PageParams ask for a part of a list in the order of names.
type PageParams struct {
	Cursor string `query:"cursor" maxLength:"160" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// TenantMemberParams name a member of a tenant in a path.
type TenantMemberParams struct {
	TenantParam
	Principal string `path:"principal" doc:"person:<name> or admin:<name>." example:"person:ada"`
}

type (
	tenantOutput     struct{ Body index.Tenant }
	tenantListOutput struct{ Body index.TenantList }
	tenantPageInput  struct {
		TenantParam
		PageParams
	}
	newTenantInput struct{ Body index.NewTenant }
	setTenantInput struct {
		TenantParam
		Body index.TenantChange
	}
	tenantMembersOutput  struct{ Body index.TenantMemberList }
	setTenantMemberInput struct {
		TenantMemberParams
		Body struct {
			Role string `json:"role" enum:"tenant-admin,tenant-viewer"`
		}
	}
)

// tenantRoutes serves the tenants, where there are any. The description has them
// in any case.
func (s *Server) tenantRoutes(a huma.API) {
	guarded := func(op huma.Operation) huma.Operation {
		op.Path, op.Tags, op.MaxBodyBytes = "/api/v1/tenants"+op.Path, []string{"tenants"}, s.MaxBody
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Middlewares = huma.Middlewares{s.withTenants}
		op.Errors = append([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, op.Errors...)
		return op
	}
	huma.Register(a, guarded(huma.Operation{OperationID: "tenants", Method: http.MethodGet,
		Summary: "List tenants", Description: "Those that the caller may read, by id and in pages."}),
		func(ctx context.Context, in *PageParams) (*tenantListOutput, error) {
			l, err := s.Tenants.Tenants(ctx, in.Cursor, in.Limit)
			return &tenantListOutput{l}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "create-tenant", Method: http.MethodPost,
		Summary: "Make a tenant", Description: "For who may manage all tenants. An id that was ever given is a conflict.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}),
		func(ctx context.Context, in *newTenantInput) (*tenantOutput, error) {
			t, err := s.Tenants.Create(ctx, in.Body)
			return &tenantOutput{t}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "tenant", Method: http.MethodGet, Path: "/{tenant}",
		Summary: "Show a tenant", Description: "To who is nothing in it, it does not exist."}),
		func(ctx context.Context, in *TenantParam) (*tenantOutput, error) {
			t, err := s.Tenants.Tenant(ctx, in.Tenant)
			return &tenantOutput{t}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "set-tenant", Method: http.MethodPatch, Path: "/{tenant}",
		Summary: "Change a tenant", Errors: []int{http.StatusConflict},
		Description: "Sets what the body gives and leaves the rest. Tier, niches, environment and quota are for who may manage all tenants."}),
		func(ctx context.Context, in *setTenantInput) (*tenantOutput, error) {
			t, err := s.Tenants.Set(ctx, in.Tenant, in.Body)
			return &tenantOutput{t}, err
		})
	s.tenantMemberRoutes(a, guarded)
	s.tenantHostRoutes(a, guarded)
	s.tenantPluginRoutes(a, guarded)
	s.desiredRoutes(a, guarded)
	s.tenantConfigRoutes(a, guarded)
}

func (s *Server) tenantMemberRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "tenant-members", Method: http.MethodGet, Path: "/{tenant}/members",
		Summary: "List a tenant's members", Description: "By name and in pages."}),
		func(ctx context.Context, in *tenantPageInput) (*tenantMembersOutput, error) {
			l, err := s.Tenants.Members(ctx, in.Tenant, in.Cursor, in.Limit)
			return &tenantMembersOutput{l}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "set-tenant-member", Method: http.MethodPut, Path: "/{tenant}/members/{principal}",
		Summary: "Set a member's role in a tenant", Description: "In place of the one that it had.", DefaultStatus: http.StatusNoContent}),
		func(ctx context.Context, in *setTenantMemberInput) (*struct{}, error) {
			return nil, s.Tenants.SetMember(ctx, in.Tenant, unescape(in.Principal), in.Body.Role)
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "remove-tenant-member", Method: http.MethodDelete, Path: "/{tenant}/members/{principal}",
		Summary: "Remove a member of a tenant", DefaultStatus: http.StatusNoContent}),
		func(ctx context.Context, in *TenantMemberParams) (*struct{}, error) {
			return nil, s.Tenants.RemoveMember(ctx, in.Tenant, unescape(in.Principal))
		})
}

// withTenants answers 404 on a server that has none.
func (s *Server) withTenants(c huma.Context, next func(huma.Context)) {
	if s.Tenants != nil {
		next(c)
		return
	}
	e := humaecho.Unwrap(c)
	writeProblem(e.Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no tenants"))
}
