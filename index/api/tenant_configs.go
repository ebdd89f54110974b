package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// TenantConfigs are the configurations of a tenant's plugins. No answer has a secret.
type TenantConfigs interface {
	Config(ctx context.Context, id string, plugin artifact.Name) (index.TenantConfig, error)
	Configure(ctx context.Context, id string, plugin artifact.Name, raw []byte) (index.TenantConfig, error)
	ConfigRevision(ctx context.Context, id string, plugin artifact.Name, revision int64) (index.TenantConfig, error)
	ConfigRevisions(ctx context.Context, id string, plugin artifact.Name, before int64, limit int) (index.TenantConfigList, error)
	RestoreConfig(ctx context.Context, id string, plugin artifact.Name, revision int64) (index.TenantConfig, error)
}

type (
	tenantConfigOutput struct {
		ETag string `header:"ETag" doc:"Changes with each revision."`
		Body index.TenantConfig
	}
	tenantConfigListOutput struct{ Body index.TenantConfigList }
	pluginConfigInput      struct {
		TenantPluginParams
		RawBody []byte
		Body    any `doc:"The configuration, a JSON document of at most 64 KiB that the plugin's schema takes."`
	}
	configRevisionInput struct {
		TenantPluginParams
		Revision int64 `path:"revision" minimum:"1" doc:"Number of the revision." example:"3"`
	}
	configRevisionsInput struct {
		TenantPluginParams
		PageParams
	}
)

// tenantConfigRoutes serve what a tenant's plugins are configured with.
func (s *Server) tenantConfigRoutes(a huma.API, guarded guard) {
	const config = "/{tenant}/plugins/{publisher}/{name}/config"
	op := func(id, method, path, summary, about string) huma.Operation {
		return guarded(huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Description: about})
	}
	huma.Register(a, op("plugin-config", http.MethodGet, config, "Show the configuration of a tenant's plugin",
		"Without its secrets: secrets[] says which are set."),
		func(ctx context.Context, in *TenantPluginParams) (*tenantConfigOutput, error) {
			return tenantConfig(ctx, in, s.Tenants.Config)
		})
	configure := op("configure-plugin", http.MethodPut, config, "Configure a plugin of a tenant",
		"The body is the configuration. It is refused (config_invalid) where the schema of the version does not take it, and where that could not be told "+
			"(409 config_undecided). A secret that is left out stays as it was, and one that is null is cleared. The same again changes nothing.")
	configure.Errors = append(configure.Errors, http.StatusConflict)
	huma.Register(a, configure, func(ctx context.Context, in *pluginConfigInput) (*tenantConfigOutput, error) {
		return tenantConfig(ctx, &in.TenantPluginParams, func(ctx context.Context, id string, plugin artifact.Name) (index.TenantConfig, error) {
			return s.Tenants.Configure(ctx, id, plugin, in.RawBody)
		})
	})
	huma.Register(a, op("plugin-config-revisions", http.MethodGet, config+"/revisions", "List revisions of a configuration",
		"The newest first and in pages, with who and when and without what is in them. The newest hundred are kept."), s.listConfigRevisions)
	huma.Register(a, op("plugin-config-revision", http.MethodGet, config+"/revisions/{revision}", "Show a revision of a configuration", "Without its secrets."),
		func(ctx context.Context, in *configRevisionInput) (*tenantConfigOutput, error) {
			return tenantConfig(ctx, &in.TenantPluginParams, in.of(s.Tenants.ConfigRevision))
		})
	restore := op("restore-plugin-config", http.MethodPost, config+"/revisions/{revision}/restore", "Go back to a revision of a configuration",
		"Its secrets too. It becomes a new revision, which the schema of the version has to take.")
	restore.Errors = append(restore.Errors, http.StatusConflict)
	huma.Register(a, restore, func(ctx context.Context, in *configRevisionInput) (*tenantConfigOutput, error) {
		return tenantConfig(ctx, &in.TenantPluginParams, in.of(s.Tenants.RestoreConfig))
	})
}

// of does something about the revision of in.
func (in *configRevisionInput) of(
	do func(context.Context, string, artifact.Name, int64) (index.TenantConfig, error),
) func(context.Context, string, artifact.Name) (index.TenantConfig, error) {
	return func(ctx context.Context, id string, plugin artifact.Name) (index.TenantConfig, error) {
		return do(ctx, id, plugin, in.Revision)
	}
}

func (s *Server) listConfigRevisions(ctx context.Context, in *configRevisionsInput) (*tenantConfigListOutput, error) {
	plugin, err := in.name()
	if err != nil {
		return nil, err
	}
	var before int64
	if in.Cursor != "" {
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return nil, invalid(codeInvalidCursor, fmt.Errorf("cursor %.80q: expected a number: %w", in.Cursor, artifact.ErrInvalid),
				"give next_cursor of the page before, or none")
		}
	}
	l, err := s.Tenants.ConfigRevisions(ctx, in.Tenant, plugin, before, in.Limit)
	return &tenantConfigListOutput{l}, err
}

// tenantConfig answers what is there after do.
func tenantConfig(ctx context.Context, in *TenantPluginParams,
	do func(ctx context.Context, id string, plugin artifact.Name) (index.TenantConfig, error)) (*tenantConfigOutput, error) {
	plugin, err := in.name()
	if err != nil {
		return nil, err
	}
	c, err := do(ctx, in.Tenant, plugin)
	return &tenantConfigOutput{fmt.Sprintf(`"%d"`, c.Revision), c}, err
}
