package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// TenantHolds keep a tenant at what it was given, one plugin or all, for a time.
type TenantHolds interface {
	Hold(ctx context.Context, id string, plugin artifact.Name, n index.NewHold) (index.TenantPlugin, error)
	Unhold(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error)
	HoldAll(ctx context.Context, id string, n index.NewHold) (index.TenantHeld, error)
	UnholdAll(ctx context.Context, id string) (index.TenantHeld, error)
}

type (
	holdInput struct {
		TenantPluginParams
		Body index.NewHold
	}
	holdAllInput struct {
		TenantParam
		Body index.NewHold
	}
	tenantHeldOutput struct{ Body index.TenantHeld }
)

func (s *Server) tenantHoldRoutes(a huma.API, op func(id, method, path, summary, about string) huma.Operation, plugin string) {
	huma.Register(a, op("hold-plugin", http.MethodPost, plugin+"/hold", "Keep a tenant at what it is given of a plugin",
		"Until a time, whatever its pin or channel says. What must not run is stopped all the same."),
		func(ctx context.Context, in *holdInput) (*tenantPluginOutput, error) {
			return tenantPlugin(ctx, &in.TenantPluginParams, func(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error) {
				return s.Tenants.Hold(ctx, id, plugin, in.Body)
			})
		})
	huma.Register(a, op("unhold-plugin", http.MethodDelete, plugin+"/hold", "End the hold of a plugin", "Its pin or channel counts again at once."),
		func(ctx context.Context, in *TenantPluginParams) (*tenantPluginOutput, error) {
			return tenantPlugin(ctx, in, s.Tenants.Unhold)
		})
	huma.Register(a, op("hold-tenant", http.MethodPost, "/{tenant}/hold", "Keep a tenant at what it is given of all plugins",
		"Of those that are enabled now. One that is enabled later is not held."),
		func(ctx context.Context, in *holdAllInput) (*tenantHeldOutput, error) {
			held, err := s.Tenants.HoldAll(ctx, in.Tenant, in.Body)
			return &tenantHeldOutput{held}, err
		})
	huma.Register(a, op("unhold-tenant", http.MethodDelete, "/{tenant}/hold", "End all holds of a tenant", ""),
		func(ctx context.Context, in *TenantParam) (*tenantHeldOutput, error) {
			held, err := s.Tenants.UnholdAll(ctx, in.Tenant)
			return &tenantHeldOutput{held}, err
		})
}
