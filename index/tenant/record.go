package tenant

import (
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/seal"
)

// An Environment says how much a tenant can bear: what is tried out runs in
// Test first.
type Environment string

// The environments.
const (
	Test       Environment = "test"
	Staging    Environment = "staging"
	Production Environment = "production"
)

// The records are what a Store keeps. Times are UTC; the zero time means
// never. Revision is the store's: 1 for a new record, and it rises with each change.
type (
	// Tenant is one customer or team, whose hosts run the same plugins.
	Tenant struct {
		ID          string // as artifact.CheckSegment reads it
		Tier        string // one of the site's; "" is none
		Niches      []string
		Labels      []string // "key=value", in order
		Environment Environment
		Canary      bool  // takes new versions before others
		MaxHosts    int64 // 0 is no limit, as of MaxInstalls
		MaxInstalls int64 // that are enabled
		CreatedBy   string
		CreatedAt   time.Time
		Revision    int64
		Damaged     error // why the row cannot be read; ID is there
	}
	// Host is one application of a tenant that loads plugins.
	Host struct {
		Name      string // unique in its tenant, as artifact.CheckSegment reads it
		Host      artifact.HostID
		Version   artifact.HostVersion
		Platform  artifact.Platform
		CreatedBy string
		CreatedAt time.Time
		Revision  int64
		Damaged   error // why the row cannot be read whole; what can be read is there
	}
	// Member is a principal, a person or a robot, that asks for a tenant: what
	// the tenant has counts for it.
	Member struct {
		Principal string // as auth.Principal names it, such as "person:ada"
		Role      string // one of auth.TenantRoles
		AddedBy   string
		AddedAt   time.Time
	}
	// Install is one plugin of a tenant. A plugin that was disabled keeps its
	// record, and with it what the tenant chose.
	Install struct {
		Plugin  artifact.Name
		Enabled bool // what is wanted; what runs, each host reports
		Channel string
		// Pin is the version that is wanted whatever the channel says; the
		// zero Version is none.
		Pin artifact.Version
		// Version and Digest are what the tenant was given last; zero before that.
		Version     artifact.Version
		Digest      string
		ChangedBy   string
		ChangedAt   time.Time
		InstalledAt time.Time // when it was enabled first
		Revision    int64
		Hold        Hold
		Damaged     error // as of a Host
		Config      Configured
	}
	// Hold keeps a tenant at Version and Digest until then; the zero Hold does not.
	Hold struct {
		Until  time.Time
		Reason string
		By     string
	}
	// Configured says which configuration of a plugin counts; the zero Configured is
	// none.
	Configured struct {
		Revision int64  // from 1
		Digest   string // of what a host is given
		Schema   string // digest of the schema that took it; "" where the version had none
	}
	// Config is one revision of the configuration of a plugin.
	Config struct {
		Plugin   artifact.Name
		Revision int64
		Digest   string
		Schema   string
		Version  string // whose schema took it
		Public   string // JSON of what is no secret; "" where the whole is one
		// Secrets are the JSON pointers of the secrets that are set; "" is the whole.
		Secrets   []string
		Sealed    seal.Sealed // what a host is given, sealed for SealUse
		From      int64       // the revision that this one goes back to; 0 is none
		ChangedBy string
		ChangedAt time.Time
	}
	// SealedAt names one revision of one tenant.
	SealedAt struct {
		Tenant, Plugin string
		Revision       int64
	}
	// SealedConfig is what of a Config sealing it anew takes.
	SealedConfig struct {
		SealedAt
		Digest string
		Sealed seal.Sealed
	}
	// HostState is what a host is to run, as it was computed last.
	HostState struct {
		Host  string
		Epoch index.Epoch
		// Digest is of all that counts, which the times of a document do not.
		Digest string
		// Content is the items and notices, as JSON.
		Content []byte
		// Past are the ETags of the states before it, the newest last: how a server
		// that was restored from a backup sees that a host was given others.
		Past []string
		// Generation and CatalogDigest are of the catalog that it was computed from.
		Generation    int64
		CatalogDigest string
		ChangedAt     time.Time
		Revision      int64
	}
)
