package tenant

import (
	"context"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// visible shows an install to the caller of ctx. Of a plugin that he may not pull, as
// one that became private, he is told what the tenant chose, and of the plugin what is
// told of one that is not there: that the tenant has it is the tenant's to know.
func (s *Service) visible(ctx context.Context) (func(index.TenantPlugin) index.TenantPlugin, error) {
	may, err := s.o.Rights.Visibility(ctx, auth.From(ctx))
	return func(p index.TenantPlugin) index.TenantPlugin {
		if may.Pulls(p.ID) {
			return p
		}
		p.Version, p.Digest = "", ""
		p.Status, p.Standing, p.Reasons = index.InstallOrphaned, index.StandingUpdateBlocked, []index.Reason{unknown()}
		return p
	}, err
}

// unknown is why an install is given nothing of a plugin that is not known here, or
// not to who asks.
func unknown() index.Reason {
	return index.Reason{Code: index.CodeNotFound, Detail: "the plugin is not known here any more, or is not yours to see"}
}
