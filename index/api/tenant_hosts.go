package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// TenantHosts are the hosts of a tenant.
type TenantHosts interface {
	Hosts(ctx context.Context, id, after string, limit int) (index.TenantHostList, error)
	Host(ctx context.Context, id, name string) (index.TenantHost, error)
	AddHost(ctx context.Context, id string, n index.NewTenantHost) (index.HostSecret, error)
	SetHost(ctx context.Context, id, name string, c index.TenantHostChange) (index.TenantHost, error)
	RemoveHost(ctx context.Context, id, name string) error
}

// TenantHostParams name a host of a tenant in a path.
type TenantHostParams struct {
	TenantParam
	Host string `path:"host" maxLength:"64" doc:"Name of the host in its tenant." example:"editor-1"`
}

type (
	tenantHostOutput     struct{ Body index.TenantHost }
	tenantHostListOutput struct{ Body index.TenantHostList }
	addTenantHostInput   struct {
		TenantParam
		Body index.NewTenantHost
	}
	setTenantHostInput struct {
		TenantHostParams
		Body index.TenantHostChange
	}
)

func (s *Server) tenantHostRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "tenant-hosts", Method: http.MethodGet, Path: "/{tenant}/hosts",
		Summary: "List a tenant's hosts", Description: "By name and in pages."}),
		func(ctx context.Context, in *tenantPageInput) (*tenantHostListOutput, error) {
			l, err := s.Tenants.Hosts(ctx, in.Tenant, in.Cursor, in.Limit)
			return &tenantHostListOutput{l}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "add-tenant-host", Method: http.MethodPost, Path: "/{tenant}/hosts",
		Summary: "Add a host to a tenant", DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict},
		Description: "The answer has what the host logs in with, which is shown once. " +
			"One host too many is 409 quota_exceeded, with what the tenant may have, has and asked for."}),
		func(ctx context.Context, in *addTenantHostInput) (*hostSecretOutput, error) {
			h, err := s.Tenants.AddHost(ctx, in.Tenant, in.Body)
			return &hostSecretOutput{h}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "tenant-host", Method: http.MethodGet, Path: "/{tenant}/hosts/{host}",
		Summary: "Show a host of a tenant"}),
		func(ctx context.Context, in *TenantHostParams) (*tenantHostOutput, error) {
			h, err := s.Tenants.Host(ctx, in.Tenant, in.Host)
			return &tenantHostOutput{h}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "set-tenant-host", Method: http.MethodPatch, Path: "/{tenant}/hosts/{host}",
		Summary: "Change a host of a tenant", Description: "Its version and its platform. What is not given stays.", Errors: []int{http.StatusConflict}}),
		func(ctx context.Context, in *setTenantHostInput) (*tenantHostOutput, error) {
			h, err := s.Tenants.SetHost(ctx, in.Tenant, in.Host, in.Body)
			return &tenantHostOutput{h}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "remove-tenant-host", Method: http.MethodDelete, Path: "/{tenant}/hosts/{host}",
		Summary: "Remove a host of a tenant", DefaultStatus: http.StatusNoContent}),
		func(ctx context.Context, in *TenantHostParams) (*struct{}, error) {
			return nil, s.Tenants.RemoveHost(ctx, in.Tenant, in.Host)
		})
}
