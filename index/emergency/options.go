package emergency

import (
	"context"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A Registry reads what is stored.
type Registry interface {
	// Resolve finds what a tag points to; artifact.ErrNotFound where there is none.
	Resolve(ctx context.Context, repo, reference string) (digest.Digest, error)
	// Manifests are a manifest of a repository and those of its platforms;
	// artifact.ErrNotFound where there is none.
	Manifests(ctx context.Context, repo string, d digest.Digest) ([]digest.Digest, error)
	// AllManifests are those of every version of a repository, tagged or not.
	AllManifests(ctx context.Context, repo string) ([]digest.Digest, error)
}

// A Hold keeps a manifest, or all of a repository where Digest is "", from being pulled.
type Hold struct {
	Repository string
	Digest     digest.Digest
	// Emergency is the ID of the one that holds it; "" is somebody's block by hand.
	Emergency string
	// Tag is by which the digest was named, for people.
	Tag string
	// Code is for programs; "" is that of emergencies.
	Code   string
	Reason string
	By     string
	At     time.Time
	// Until is when it ends by itself where nobody knows of the emergency any more; the
	// zero time is never.
	Until time.Time
}

// Holds keep things from being pulled, at every replica within a second.
type Holds interface {
	// Hold makes h hold; it replaces what held the same.
	Hold(ctx context.Context, h Hold) error
	// Held is what holds the same as h, as it is stored.
	Held(ctx context.Context, h Hold) (Hold, bool, error)
	// Release ends what holds the same as h.
	Release(ctx context.Context, h Hold) error
}

// Rights say what the caller of ctx may do.
type Rights interface {
	May(ctx context.Context, action auth.Action, on auth.Resource) error
	Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error)
}

// A Catalog shows what ledgers say.
type Catalog interface {
	// PluginLedgers are what the ledgers say of the plugins that want lets through,
	// or said when they last held.
	PluginLedgers(want func(artifact.Name) bool) map[artifact.Name]ledger.State
	// BadLedgers are those that do not hold now, or could not be read.
	BadLedgers() []ledger.Judgement
	// Current is nil where what it says may be believed, and else why it may not.
	Current() error
	// Settled returns when what was stored before is known.
	Settled(ctx context.Context) error
}

// Jobs do what follows from what was decided.
type Jobs interface {
	Enqueue(ctx context.Context, jobs ...jobs.Job) error
	// Drain does the jobs of a kind that are due, without waiting for others who do one.
	Drain(ctx context.Context, kind string) error
	// Ended is closed when the next job of a kind that this process does has ended.
	Ended(kind string) <-chan struct{}
}

// Log writes down what is refused and what happens by itself.
type Log interface {
	Note(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, before, after any) error
	Record(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, d auth.Decision) error
}

// Notices tell of what was decided.
type Notices interface {
	// Note has the state of r told, in the transaction of ctx.
	Note(ctx context.Context, r Record) error
	// Wake has it told now; it is called after the commit.
	Wake()
}

// Options of a Service. All of them must be given, but for those that say so.
type Options struct {
	Store    Store
	Tx       auth.Transactor
	People   People
	Rights   Rights
	Acts     audit.Log
	Log      Log
	Registry Registry
	Holds    Holds
	Ledger   index.Ledger
	Catalog  Catalog
	Jobs     Jobs
	Notices  Notices
	// Own is the id of the site's own key, by which the ledgers are known that grow here;
	// Platform names that of another one as people know it.
	Own      digest.Digest
	Platform func(id digest.Digest) string
	// Approvers is how many people's words it takes.
	Approvers int
	// AnyoneUnsafe is who everybody is on a server for trying out, whose word counts
	// there; "" elsewhere.
	AnyoneUnsafe string
	// SignedURLs is for how long a URL is good by which a blob is read past the
	// registry; 0 where there are none.
	SignedURLs time.Duration
	// Changed is told after each step that readers see, and when that was decided.
	Changed func(decided time.Time)
	// Took is told how long a step took from when it was decided.
	Took   func(step string, d time.Duration)
	Clock  clock.Clock
	Logger *slog.Logger
}
