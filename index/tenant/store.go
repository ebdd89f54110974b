package tenant

import (
	"context"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/seal"
)

// Store keeps tenants. Methods of it and of what it gives out return
// artifact.ErrNotFound and artifact.ErrConflict; any other error means that it
// could not tell. All join the transaction of their context.
type Store interface {
	// AddTenant stores a new tenant; an ID that was ever given is a conflict.
	AddTenant(ctx context.Context, t Tenant) error
	// Tenants are at most limit, with an ID after that one, in the order of
	// their IDs' bytes.
	Tenants(ctx context.Context, after string, limit int) ([]Tenant, error)
	// OfTenant gives the rows of one tenant, whether or not it exists: one that does
	// not is not found by each of them.
	OfTenant(id string) Rows
}

// Rows are the records of one tenant.
type Rows interface {
	Tenant(ctx context.Context) (Tenant, error)
	// Change stores t in place of the record with t's Revision, which then
	// rises; another Revision is a conflict. Who made the tenant, and when, stays.
	Change(ctx context.Context, t Tenant) error
	Hosts() HostRows
	Installs() InstallRows
	Members() MemberRows
	States() StateRows
	Reports() ReportRows
	Configs() ConfigRows
	// Lock has nobody else change rows of the tenant until the transaction of ctx
	// ends: what is read after it is what is changed.
	Lock(ctx context.Context) error
}

// HostRows are the hosts of one tenant. One that cannot be read whole is in a list
// with what can be, and Damaged; asked for alone it is that and an error.
type HostRows interface {
	// Add stores a new host; a name that is there is a conflict.
	Add(ctx context.Context, h Host) error
	Host(ctx context.Context, name string) (Host, error)
	// List has at most limit hosts with a name after that one, in the order of
	// the names' bytes.
	List(ctx context.Context, after string, limit int) ([]Host, error)
	// Count is how many there are.
	Count(ctx context.Context) (int64, error)
	// Change is as Rows.Change, for the host of that name.
	Change(ctx context.Context, h Host) error
	Remove(ctx context.Context, name string) error
}

// InstallRows are the plugins of one tenant. For one that cannot be read whole, see
// HostRows.
type InstallRows interface {
	// Put stores i: a new record where its Revision is zero, and otherwise in
	// place of the record with that Revision, which then rises; a record that
	// is there, or another Revision, is a conflict. So is one that is enabled, of a
	// plugin that is being deleted or was.
	Put(ctx context.Context, i Install) error
	Install(ctx context.Context, plugin artifact.Name) (Install, error)
	// List has at most limit installs with a plugin after that one, in the
	// order of the names' bytes; the zero Name is before all.
	List(ctx context.Context, after artifact.Name, limit int) ([]Install, error)
	// Enabled is how many of them are enabled.
	Enabled(ctx context.Context) (int64, error)
	// Remove takes the configurations of the plugin too.
	Remove(ctx context.Context, plugin artifact.Name) error
}

// KeptRevisions is how many revisions of a configuration are kept.
const KeptRevisions = 100

// ConfigRows are the configurations of a tenant's plugins. Which revision counts,
// the Install says.
type ConfigRows interface {
	// Add stores a revision, and drops those that are KeptRevisions older; one that
	// is there is a conflict.
	Add(ctx context.Context, c Config) error
	Revision(ctx context.Context, plugin artifact.Name, revision int64) (Config, error)
	// List has at most limit revisions before that one, the newest first, without
	// what is in them; 0 is before none.
	List(ctx context.Context, plugin artifact.Name, before int64, limit int) ([]Config, error)
	// ByDigest is the newest revision of that digest.
	ByDigest(ctx context.Context, digest string) (Config, error)
}

// Seals are the sealed configurations of all tenants, as far as their keys go.
type Seals interface {
	// SealKeys are the ids of the keys that opening them takes, in order.
	SealKeys(ctx context.Context) ([]string, error)
	// NotSealedBy are at most limit after that one that another key sealed, in
	// order; the zero SealedAt is before all.
	NotSealedBy(ctx context.Context, key string, after SealedAt, limit int) ([]SealedConfig, error)
	// Reseal puts now in place of what the key was sealed; where another did in the
	// meantime, or nothing is there, it does nothing.
	Reseal(ctx context.Context, at SealedAt, was string, now seal.Sealed) error
}

// MemberRows are who asks for one tenant.
type MemberRows interface {
	// Add stores a new member; a principal that is there is a conflict.
	Add(ctx context.Context, m Member) error
	Member(ctx context.Context, principal string) (Member, error)
	// List has at most limit members with a principal after that one, in the
	// order of the names' bytes.
	List(ctx context.Context, after string, limit int) ([]Member, error)
	Remove(ctx context.Context, principal string) error
}

// StateRows are what the hosts of one tenant are to run. A row stays when its host
// goes.
type StateRows interface {
	// State is of a host; artifact.ErrNotFound where it was never computed.
	State(ctx context.Context, host string) (HostState, error)
	// Put stores h: a new record where its Revision is zero, and otherwise in place
	// of the record with that Revision, which then rises. Another Revision is a
	// conflict, and so is an epoch below that which is there.
	Put(ctx context.Context, h HostState) error
}
