package ingest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A Verifier says who signed, and which attestations count. Errors mean that ctx
// ended; what the judged bytes do is in the answer. The same evidence gives the
// same answer.
type Verifier interface {
	Signature(ctx context.Context, subject policy.Subject, evidence policy.Reader) (policy.Signature, error)
	Attestations(ctx context.Context, subject policy.Subject, evidence policy.Reader) (policy.Attestations, error)
	// CountsLedger reports whether the keys of a publisher's ledger count.
	CountsLedger(publisher string) bool
	// Digest changes whenever the same evidence may be judged differently.
	Digest() digest.Digest
}

// Options say what an Ingester works with. Source and Live must be set.
type Options struct {
	Source index.Source
	Live   *catalog.Live
	// Verifier judges signatures and attestations; without one every version stays
	// pending.
	Verifier Verifier
	// Ledgers judges the ledgers of plugins and publishers; nil looks at none.
	// Its Digest is part of that of Verifier.
	Ledgers *ledger.Judge
	// Withheld says why readers cannot have a version, or something that it
	// holds; "" for the state is that nothing withholds it. Such a version is in
	// no answer. Without it nobody can tell, and every version stays pending; a
	// source that withholds nothing has NothingWithheld.
	Withheld func(ctx context.Context, repo string, d digest.Digest) (index.VersionState, index.Reason, error)
	// Untagged finds the ledgers of publishers that lost their tags; nil searches for
	// itself.
	Untagged *statements.Untagged
	// LedgerMemory is the file that keeps how far each ledger was known to go,
	// so that what is gone later is missed; "" remembers as long as the process.
	LedgerMemory string
	// Published says when versions came to this site. Of each in
	// seen it notes the time where none is noted yet, and gives the one that is.
	// nil knows of none, and then no version has a time.
	Published func(ctx context.Context, seen index.Arrivals) (index.Arrivals, error)
	// Publog is told of versions that are listed and of ledgers that go on; nil is
	// told nothing. What it missed it asks Events for.
	Publog Log
	// ListDeniedUnsafe lists versions that the trust policy denies; their rows
	// say what was found out about their signatures. What could not be read stays
	// pending even so.
	ListDeniedUnsafe bool
	// Checkpoint is the file that keeps the catalog over a restart; "" keeps none.
	Checkpoint string
	// Restored says that Live has a whole generation from a checkpoint already. It
	// serves when Run has compared it with the ledgers (see CatchUp).
	Restored bool
	// Head says which manifest one tag of a repository means, so that a look at a
	// ledger costs one read; nil lists the tags of Source. Errors are as there.
	Head func(ctx context.Context, repo, tag string) (digest.Digest, error)
	// Everywhere names what is withheld whatever the repository, by a word that
	// changes with it; nil is that nothing is. Who changes it calls TouchAll after.
	Everywhere func() string
	// StaleAfter is for how long a catalog serves of which it is not known what
	// others stored since (see Heard); 0 is that nobody else stores anything.
	StaleAfter time.Duration
	// Numbers keeps more numbers reserved than Live uses; nil reserves none.
	Numbers *Numbers
	// Workers is how many repositories are read at once; 0 is 4.
	Workers int
	// Interval is the least time between two generations; 0 is 10 ms. A single
	// change after a quiet time does not wait for it.
	Interval time.Duration
	// Log is where it is told what could not be read; nil is slog.Default().
	Log *slog.Logger
	// Now is the clock of retries, checkpoints and log lines, and says when a
	// version came of which Published knows nothing; nil is time.Now. No digest
	// depends on it.
	Now func() time.Time
	// Progress, if set, is called as Reconcile goes on.
	Progress func(Report)
}

// An Ingester keeps a catalog equal to what a registry holds.
type Ingester struct {
	opts  Options
	log   *slog.Logger
	queue *queue
	retry retries

	mu      sync.Mutex // guards results
	results []result
	applied chan struct{} // wakes who applies results

	applying sync.Mutex        // one apply at a time; taken before swap
	swap     sync.Mutex        // one change of what serves at a time; guards building
	building *catalog.Snapshot // before the first whole generation serves, else nil

	ledgers *book
	trial   bool // goes by what is known of ledgers, and reads none

	dates dates
	kept  kept

	heads   *heads
	bare    bare
	hearing hearing
	refused atomic.Int64 // generations

	ready chan struct{}
	once  sync.Once              // closes ready
	dirty atomic.Bool            // the checkpoint is older than what serves
	basis atomic.Pointer[string] // the checkpoint's name by what the whole catalog was judged
}

// New makes an Ingester. Nothing but the memory of ledgers is read before Run or
// Reconcile; an error means that it cannot be.
func New(opts Options) (*Ingester, error) {
	if opts.Workers <= 0 {
		opts.Workers = 4
	}
	if opts.Interval <= 0 {
		opts.Interval = 10 * time.Millisecond
	}
	if opts.Untagged == nil {
		opts.Untagged = new(statements.Untagged)
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Verifier == nil {
		opts.Verifier = noVerifier{}
	}
	if opts.Withheld == nil {
		opts.Withheld = withheldUnknown
	}
	in := &Ingester{
		opts: opts, log: opts.Log, queue: newQueue(), building: catalog.Empty(),
		applied: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	in.kept.written = opts.Now()
	var err error
	if in.ledgers, err = openBook(opts); err != nil {
		return nil, err
	}
	in.heads = newHeads()
	in.heads.withheldBy(in.everywhere()) // the first walk begins later
	if opts.Restored {
		in.building = nil
		in.settleBasis(in.checkpointName())
		in.resume(opts.Live.Current().Beside)
	}
	return in, nil
}

// Ready reports whether a whole generation serves: one from a checkpoint that was
// compared with the ledgers, or the one that the first Reconcile made.
func (in *Ingester) Ready() bool {
	select {
	case <-in.ready:
		return true
	default:
		return false
	}
}

// ReadyC is closed once Ready.
func (in *Ingester) ReadyC() <-chan struct{} { return in.ready }

// Touch says that something in repo changed. It never blocks. With subjects,
// only the evidence about these digests changed, so that no other version of
// the repository is judged again; without, all are. New, moved and removed
// tags are found either way.
func (in *Ingester) Touch(repo string, subjects ...digest.Digest) {
	if !ours(repo) && !in.isPublishers(repo) {
		return
	}
	in.queue.touch(repo, subjects)
}

// Doubt is Touch for a repository whose ledger may have gone on: where it cannot be
// read then, it is not known what of the plugin may still be installed.
func (in *Ingester) Doubt(repo string) {
	if ours(repo) {
		in.queue.doubt(repo)
		return
	}
	in.Touch(repo)
}

// TouchAll has every repository that the catalog knows looked at again.
func (in *Ingester) TouchAll() {
	by := in.everywhere()
	defer in.heads.withheldBy(by)
	for p := range in.opts.Live.Current().Snapshot.Plugins {
		in.Touch(p.ID.String())
	}
}

// Notify is Touch for an event of the registry: a tag that was set or deleted
// ("" for a manifest alone), the manifest's digest, and its subject or "".
func (in *Ingester) Notify(repo, tag string, manifest, subject digest.Digest) {
	t, err := artifact.ParseTag(tag)
	if err == nil && t.Kind() == artifact.TagState {
		in.Doubt(repo)
		return
	}
	if err == nil && t.Kind() == artifact.TagDigest {
		if t.Subject() == "" { // half of a digest is in the tag: judge all of repo
			in.Touch(repo)
			return
		}
		in.Touch(repo, t.Subject())
		return
	}
	if subject != "" && !in.isPublishers(repo) {
		in.Touch(repo, subject)
		return
	}
	in.Touch(repo, manifest)
}

// Settled waits until everything that was touched before the call serves, or
// ctx ends; what is touched later does not delay it. Run must be running.
func (in *Ingester) Settled(ctx context.Context) error {
	w := in.queue.settled()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		in.queue.forget(w)
		return ctx.Err()
	}
}

// ours reports whether repo can hold a plugin at all.
func ours(repo string) bool {
	name, err := artifact.ParseName(repo)
	return err == nil && !name.Reserved()
}
