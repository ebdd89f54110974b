package signed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

// Lifetimes say how long each signature holds. What is online is signed anew
// when half of its time is over; zero fields are the defaults.
type Lifetimes struct {
	Targets   time.Duration // 90 days
	Snapshot  time.Duration // 7 days
	Timestamp time.Duration // 1 day: for how long a registry can hold back what is newer
}

func (l Lifetimes) orDefaults() Lifetimes {
	const day = 24 * time.Hour
	for at, usual := range map[*time.Duration]time.Duration{&l.Targets: 90 * day, &l.Snapshot: 7 * day, &l.Timestamp: day} {
		if *at <= 0 {
			*at = usual
		}
	}
	return l
}

// NumbersRecord is the record of a registry that keeps the numbers of the signed
// metadata; whoever finds it knows that a catalog was signed.
const NumbersRecord = "catalog-numbers"

// PublisherOptions of a Publisher. To and Keys must be given.
type PublisherOptions struct {
	// To is the repository oarlock/catalog.
	To   oras.Target
	Keys *Keys
	// Lock excludes other publishers; nil excludes those of this Publisher only.
	Lock func(ctx context.Context) (unlock func(), err error)
	// Replace sets the tag where nobody else did meanwhile; nil sets it whatever
	// it means.
	Replace Replace
	// Numbers keeps the numbers that were signed where every publisher finds
	// them (NumbersRecord), by comparing and setting; nil trusts the directory of
	// the keys.
	Numbers func(ctx context.Context, raise func(have []byte) ([]byte, error)) error
	// Anew replaces a catalog that another root signed: the keys of that root are
	// lost. Otherwise it is not this publisher's to replace.
	Anew bool
	// Public gives what of a generation everybody may know. Nil publishes
	// nothing: Publish is denied; EverythingUnsafe publishes all of it.
	Public func(ctx context.Context, g *catalog.Generation) (*catalog.Generation, error)
	// Guard is told what was published, and asks for a publication where readers
	// are refused what it would take out of the newest; nil does neither.
	Guard *Guard
	// Lifetimes of the signatures.
	Lifetimes Lifetimes
	// Quiet is how long no generation must follow before one is published, one
	// second by default; AtMost is how long one waits for that, 15 seconds.
	Quiet, AtMost time.Duration
	// LogCheckpoint gives the last checkpoint of the publication log, which the
	// catalog commits to; nil commits to none.
	LogCheckpoint func() string
	// Done hears how each attempt ended; nil hears nothing.
	Done func(Published, error)
	// Now is the clock of signatures; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// A Publisher keeps the signed catalog equal to what serves.
type Publisher struct {
	o         PublisherOptions
	turn      chan struct{} // one publication at a time; guards what follows
	last      *release      // what this process put, or read, last
	warned    time.Time     // that the root ends
	published atomic.Pointer[Published]
	poked     chan struct{}
}

// Published is what the registry holds.
type Published struct {
	Contents
	Of        digest.Digest `json:"-"` // of the whole generation, private plugins included
	Expires   time.Time     `json:"expires_at"`
	Manifest  digest.Digest `json:"manifest"`
	Root      int64         `json:"root"`      // version
	Timestamp int64         `json:"timestamp"` // version
	Uploaded  int64         `json:"uploaded"`  // bytes that this publication cost
}

// EverythingUnsafe is a Public that holds nothing for private. It is for tests and
// for catalogs of which everybody may know everything.
func EverythingUnsafe(_ context.Context, g *catalog.Generation) (*catalog.Generation, error) {
	return g, nil
}

// NewPublisher makes a Publisher. Nothing is read before Run or Publish.
func NewPublisher(o PublisherOptions) *Publisher {
	o.Lifetimes = o.Lifetimes.orDefaults()
	if o.Quiet <= 0 {
		o.Quiet = time.Second
	}
	if o.AtMost <= 0 {
		o.AtMost = 15 * time.Second
	}
	if o.Lock == nil {
		o.Lock = func(context.Context) (func(), error) { return func() {}, nil }
	}
	if o.Public == nil {
		o.Public = func(context.Context, *catalog.Generation) (*catalog.Generation, error) {
			return nil, fmt.Errorf("this publisher was made without PublisherOptions.Public, which says what is private: %w", artifact.ErrDenied)
		}
	}
	if o.LogCheckpoint == nil {
		o.LogCheckpoint = func() string { return "" }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Publisher{o: o, turn: make(chan struct{}, 1), poked: make(chan struct{}, 1)}
}

// Published is what was published last as far as is known here; false before
// the first time.
func (p *Publisher) Published() (Published, bool) {
	if at := p.published.Load(); at != nil {
		return *at, true
	}
	return Published{}, false
}

// Publish makes the registry's catalog say what g says, and signs anew what
// comes to its end. Where nothing needs to change, nothing is written. What is
// public is asked for while no other publisher publishes, so that of two the later
// one knows of every right that was taken before it began. It waits for nothing
// that ctx does not end.
func (p *Publisher) Publish(ctx context.Context, g *catalog.Generation) (Published, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return Published{}, fmt.Errorf("signed catalog: another publication is under way: %w", context.Cause(ctx))
	}
	unlock, err := p.o.Lock(ctx)
	if err != nil {
		return Published{}, fmt.Errorf("signed catalog: lock: %w", err)
	}
	defer unlock()
	public, err := p.o.Public(ctx, g)
	if err != nil {
		return Published{}, fmt.Errorf("signed catalog: what is public could not be told: %w", err)
	}
	next, err := p.renew(ctx, public)
	if err != nil {
		return Published{}, fmt.Errorf("signed catalog: %w", err)
	}
	next.Of = g.Snapshot.Digest()
	p.published.Store(&next)
	return next, nil
}

func (p *Publisher) renew(ctx context.Context, g *catalog.Generation) (Published, error) {
	if err := p.renewRoot(ctx); err != nil {
		return Published{}, err
	}
	last, tagged, err := p.earlier(ctx)
	if err != nil {
		return Published{}, err
	}
	counted, err := readVersions(filepath.Join(p.o.Keys.dir, versionsFile))
	if err != nil {
		return Published{}, err
	}
	job := &publication{p: p, ctx: ctx, ring: p.o.Keys.ring(), now: p.o.Now().UTC(), last: last, replaces: tagged, counted: counted.atLeast(last)}
	next, err := job.run(g)
	if err != nil {
		return Published{}, err
	}
	p.last = next
	return next.published(job.uploaded), nil
}

// warnEvery is how often it is said that an offline root ends.
const warnEvery = 24 * time.Hour

// renewRoot makes the root last longer where its key is here; where it is not,
// it says so in time.
func (p *Publisher) renewRoot(ctx context.Context) error {
	if err := errors.Join(p.o.Keys.Reload(), p.o.Keys.Online()); err != nil {
		return err
	}
	left := p.o.Keys.RootExpires().Sub(p.o.Now())
	if left > p.o.Keys.o.RootLifetime/3 {
		return nil
	}
	version, err := p.o.Keys.Rotate(Rotation{KeepRootKey: true})
	switch {
	case errors.Is(err, ErrRootOffline):
		if p.o.Now().Sub(p.warned) < warnEvery {
			return nil
		}
		p.warned = p.o.Now()
		p.o.Log.ErrorContext(ctx, "signed catalog: the root ends and its key is not here: readers refuse the catalog from then on; rotate it where its key is",
			"alert", true, "expires", p.o.Keys.RootExpires())
		return nil
	case err != nil:
		return err
	}
	p.o.Log.InfoContext(ctx, "signed catalog: the root lasts longer", "version", version, "expires", p.o.Keys.RootExpires())
	return nil
}
