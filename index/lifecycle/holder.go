package lifecycle

import (
	"context"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A Holder is a tenant that has a plugin.
type Holder struct {
	Tenant  string
	Enabled bool             // false: it keeps the plugin's data and does not run it
	Version artifact.Version // that it was given last; zero for one that waits for its first
	Digest  string           // of that version; "" as above
}

// Holders knows who has what, from the records of tenants: where there is none,
// nobody has anything. An error means that it could not tell, and then nobody
// may be taken to be without the plugin, nor to have it.
type Holders interface {
	// Holders are at most limit tenants that have a plugin, with an ID after
	// that one, in the order of their IDs' bytes. A digest that is not "" asks
	// for those that were given that one last.
	Holders(ctx context.Context, plugin artifact.Name, digest, after string, limit int) ([]Holder, error)
	// HasPlugin reports whether a principal asks for a tenant, and whether one of
	// those that it asks for has the plugin, enabled or not.
	HasPlugin(ctx context.Context, principal string, plugin artifact.Name) (asks, has bool, err error)
}

// A Deletion is that of a plugin, by one request.
type Deletion struct {
	Plugin artifact.Name
	ID     string
	Begun  time.Time
}

// Deletions have nobody enable a plugin that is on its way out. That somebody has it
// enabled, and that from now on nobody enables it, is decided in one transaction.
type Deletions interface {
	// BeginDeletion has nobody enable the plugin until EndDeletion, where nobody has it
	// enabled; else it answers how many tenants have, and nothing began.
	BeginDeletion(ctx context.Context, d Deletion) (enabled int, err error)
	// EndDeletion says that this one did not delete the plugin.
	EndDeletion(ctx context.Context, d Deletion) error
	// SettleDeletion says that the plugin is deleted, so that nobody enables it ever and
	// DeletionsBegun has none of its deletions any more.
	SettleDeletion(ctx context.Context, d Deletion) error
	// DeletionsBegun are those that began before a time, and neither ended nor are settled.
	DeletionsBegun(ctx context.Context, before time.Time) ([]Deletion, error)
}
