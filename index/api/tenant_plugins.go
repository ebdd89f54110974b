package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// TenantPlugins are the plugins of a tenant.
type TenantPlugins interface {
	Plugins(ctx context.Context, id string, after artifact.Name, limit int) (index.TenantPluginList, error)
	Plugin(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error)
	Enable(ctx context.Context, id string, plugin artifact.Name, c index.TenantPluginChoice) (index.TenantPlugin, error)
	Disable(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error)
	Attention(ctx context.Context, id string, after artifact.Name, limit int) (index.TenantAttentionList, error)
}

// TenantPins hold a tenant at versions.
type TenantPins interface {
	Pin(ctx context.Context, id string, plugin artifact.Name, version string) (index.TenantPlugin, error)
	Unpin(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error)
}

// TenantPluginParams name a plugin of a tenant in a path.
type TenantPluginParams struct {
	TenantParam
	NameParams
}

type (
	tenantPluginOutput struct {
		ETag string `header:"ETag" doc:"Changes with the tenant's choice and with what it is given."`
		Body index.TenantPlugin
	}
	tenantPluginListOutput struct{ Body index.TenantPluginList }
	tenantAttentionOutput  struct{ Body index.TenantAttentionList }
	enableInput            struct {
		TenantPluginParams
		Body *index.TenantPluginChoice `required:"false"`
	}
	pinInput struct {
		TenantPluginParams
		Body struct {
			Version string `json:"version" example:"1.2.0"`
		}
	}
)

// tenantPluginRoutes serve what a tenant runs. What keeps it from a plugin is
// refused by the first of these: tier_too_low (403), niche_mismatch,
// version_not_found (404), host_incompatible, quota_exceeded, lifecycle_blocked;
// else 409.
func (s *Server) tenantPluginRoutes(a huma.API, guarded guard) {
	const plugin = "/{tenant}/plugins/{publisher}/{name}"
	op := func(id, method, path, summary, about string) huma.Operation {
		return guarded(huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Description: about, Errors: []int{http.StatusConflict}})
	}
	huma.Register(a, op("tenant-plugins", http.MethodGet, "/{tenant}/plugins", "List a tenant's plugins",
		"Enabled or not, by name and in pages, with what the tenant's hosts are given now."), s.listTenantPlugins)
	huma.Register(a, op("tenant-attention", http.MethodGet, "/{tenant}/attention", "List what of a tenant needs attention",
		"Its enabled plugins that are deprecated, suspended, removed, yanked, must not run or are given no version, with why and what to do."),
		func(ctx context.Context, in *tenantPageInput) (*tenantAttentionOutput, error) {
			after, err := in.after()
			if err != nil {
				return nil, err
			}
			l, err := s.Tenants.Attention(ctx, in.Tenant, after, in.Limit)
			return &tenantAttentionOutput{l}, err
		})
	huma.Register(a, op("tenant-plugin", http.MethodGet, plugin, "Show a plugin of a tenant", ""),
		func(ctx context.Context, in *TenantPluginParams) (*tenantPluginOutput, error) {
			return tenantPlugin(ctx, in, s.Tenants.Plugin)
		})
	huma.Register(a, op("enable-plugin", http.MethodPost, plugin+"/enable", "Enable a plugin for a tenant",
		"A version pins it, a channel is followed. Refused by the first that does not hold: tier_too_low, niche_mismatch, version_not_found, "+
			"host_incompatible, quota_exceeded, lifecycle_blocked. What is enabled so already is not changed again."),
		func(ctx context.Context, in *enableInput) (*tenantPluginOutput, error) {
			var choice index.TenantPluginChoice
			if in.Body != nil {
				choice = *in.Body
			}
			return tenantPlugin(ctx, &in.TenantPluginParams, func(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error) {
				return s.Tenants.Enable(ctx, id, plugin, choice)
			})
		})
	huma.Register(a, op("disable-plugin", http.MethodPost, plugin+"/disable", "Disable a plugin for a tenant", "Its data and what the tenant chose stay."),
		func(ctx context.Context, in *TenantPluginParams) (*tenantPluginOutput, error) {
			return tenantPlugin(ctx, in, s.Tenants.Disable)
		})
	huma.Register(a, op("pin-plugin", http.MethodPost, plugin+"/pin", "Hold a tenant at a version", "Until it is unpinned, whatever its channel says."),
		func(ctx context.Context, in *pinInput) (*tenantPluginOutput, error) {
			return tenantPlugin(ctx, &in.TenantPluginParams, func(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error) {
				return s.Tenants.Pin(ctx, id, plugin, in.Body.Version)
			})
		})
	s.tenantHoldRoutes(a, op, plugin)
	huma.Register(a, op("unpin-plugin", http.MethodDelete, plugin+"/pin", "Have a tenant follow its channel again", ""),
		func(ctx context.Context, in *TenantPluginParams) (*tenantPluginOutput, error) {
			return tenantPlugin(ctx, in, s.Tenants.Unpin)
		})
}

func (s *Server) listTenantPlugins(ctx context.Context, in *tenantPageInput) (*tenantPluginListOutput, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	l, err := s.Tenants.Plugins(ctx, in.Tenant, after, in.Limit)
	return &tenantPluginListOutput{l}, err
}

// tenantPlugin answers what is there after do.
func tenantPlugin(ctx context.Context, in *TenantPluginParams,
	do func(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error)) (*tenantPluginOutput, error) {
	plugin, err := in.name()
	if err != nil {
		return nil, err
	}
	p, err := do(ctx, in.Tenant, plugin)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(p)
	sum := sha256.Sum256(raw) // of all that it says: its state changes without the tenant
	return &tenantPluginOutput{fmt.Sprintf(`"%d-%x"`, p.Revision, sum[:8]), p}, err
}

// after is the plugin after which a page begins; the zero Name is the first page's.
func (in *tenantPageInput) after() (artifact.Name, error) {
	if in.Cursor == "" {
		return artifact.Name{}, nil
	}
	after, err := artifact.ParseName(in.Cursor)
	if err != nil {
		return after, invalid(codeInvalidCursor, err, "give next_cursor of the page before, or none")
	}
	return after, nil
}
