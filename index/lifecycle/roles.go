package lifecycle

import (
	"context"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// Tenants knows for which tenant somebody asks.
type Tenants interface {
	// Has reports whether the caller of ctx asks for a tenant, and whether that has
	// the plugin. An error means that it could not tell.
	Has(ctx context.Context, plugin artifact.Name) (asks, has bool, err error)
}

// Roles say in which role of the table somebody asks.
type Roles struct {
	Rights interface {
		Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error)
	}
	// Tenants may be nil: then nobody asks for one.
	Tenants Tenants
}

// Of is the role of the caller of ctx towards a plugin: the one that is shown most
// where there are several. It is who somebody is, so an access token that was
// got for a pull alone takes nothing away. With an error it is the one that is
// shown least.
func (r Roles) Of(ctx context.Context, id artifact.Name) (table.Role, error) {
	who, on := auth.From(ctx), auth.InRepository(id.String())
	who.Access = nil
	bare := auth.With(ctx, who)
	for _, one := range []struct {
		role   table.Role
		action auth.Action
	}{{table.Admin, auth.PluginEmergency}, {table.Publisher, auth.RepositoryPush}, {table.Publisher, auth.PluginLifecycle}} {
		switch is, err := r.Rights.Can(bare, one.action, on); {
		case err != nil:
			return table.Anonymous, err
		case is:
			return one.role, nil
		}
	}
	if r.Tenants == nil {
		return table.Anonymous, nil
	}
	switch asks, has, err := r.Tenants.Has(ctx, id); {
	case err != nil || !asks:
		return table.Anonymous, err
	case has:
		return table.Holder, nil
	}
	return table.Tenant, nil
}
