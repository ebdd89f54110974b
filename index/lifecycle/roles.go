package lifecycle

import (
	"context"
	"errors"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// Roles say in which role of the table somebody asks. Both must be given.
type Roles struct {
	Rights interface {
		Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error)
	}
	Holders Holders
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
	if !who.LoggedIn() {
		return table.Anonymous, nil
	}
	if r.Holders == nil {
		return table.Anonymous, errors.New("who has a plugin: lifecycle.Roles.Holders is not set")
	}
	switch asks, has, err := r.Holders.HasPlugin(ctx, who.Name, id); {
	case err != nil || !asks:
		return table.Anonymous, err
	case has:
		return table.Holder, nil
	}
	return table.Tenant, nil
}
