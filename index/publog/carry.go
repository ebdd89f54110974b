package publog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
)

// A Registry is where the log is carried, so that it travels with the plugins.
// Errors wrap artifact.ErrNotFound where something is not there, and
// artifact.ErrUnverified where it is damaged.
type Registry interface {
	Source
	Referrers(ctx context.Context, repo string, d digest.Digest) ([]ocispec.Descriptor, error)
	PushBlob(ctx context.Context, repo string, content []byte) error
	PushManifest(ctx context.Context, repo, reference, mediaType string, content []byte) error
}

// A Source is a registry that a copy of a log is read from. Its errors are those of
// a Registry.
type Source interface {
	// Manifest gives what a tag, or a digest, means.
	Manifest(ctx context.Context, repo, reference string) (ocispec.Descriptor, []byte, error)
	Blob(ctx context.Context, repo string, d digest.Digest, limit int64) ([]byte, error)
}

// CarrierOptions of a Carrier. Log, To and Lock must be given.
type CarrierOptions struct {
	Log *Log
	To  Registry
	// Lock excludes the carriers of other replicas.
	Lock func(ctx context.Context) (unlock func(), err error)
	// Every is the least time between two copies of the log; 0 is two seconds.
	Every time.Duration
	// Attached, if any, is told how long after its event a proof was attached.
	Attached func(time.Duration)
	Clock    clock.Clock
	Logger   *slog.Logger
}

// A Carrier puts the log into the registry: a copy of it into Repository, and to
// each version that is listed its proof as a referrer. It works from the checkpoint
// that is shown, all leaves of one at once, so that no push waits for it.
type Carrier struct {
	o CarrierOptions

	mu       sync.Mutex // one at a time; guards what follows
	attached int64      // so many leaves have their proofs; -1 is not known
	bare     int64      // from this leaf on proofs lack cosignatures of witnesses; -1 is none
	lines    int        // so many each of those has at least
	copied   time.Time
	last     *copyOf    // what the registry holds, as far as it is known
	carried  Checkpoint // that the registry held, and that the log was not held to yet
}

// NewCarrier makes a Carrier. Nothing is read before Run or Carry.
func NewCarrier(o CarrierOptions) *Carrier {
	o.Every = cmp.Or(o.Every, 2*time.Second)
	return &Carrier{o: o, attached: -1, bare: -1}
}

// Run carries each checkpoint until ctx ends. What failed is tried again.
func (c *Carrier) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := c.o.Log.changes()
		var wait time.Duration
		due, err := c.carry(ctx, false)
		switch {
		case err != nil && ctx.Err() == nil:
			c.o.Logger.ErrorContext(ctx, "publication log: it is not carried by the registry yet, which is tried again", "alert", true, "err", err)
			changed, wait = nil, 5*time.Second
		case due > 0:
			wait = due
		default:
			wait = time.Minute
		}
		timer := c.o.Clock.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Carry attaches the proofs that are missing, and copies the log, at once.
func (c *Carrier) Carry(ctx context.Context) error {
	_, err := c.carry(ctx, true)
	return err
}

// carry gives how long the copy waits, so that many checkpoints cost one.
func (c *Carrier) carry(ctx context.Context, now bool) (due time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	shown := c.o.Log.shownNow()
	signed, at := shown.signed, shown.Checkpoint
	if c.o.Log.Stuck() != nil || at.N == 0 || signed == "" {
		return 0, nil
	}
	if c.bare >= 0 && shown.lines > c.lines { // attached once more, with those
		c.attached, c.bare = c.bare, -1
	}
	if c.last != nil && c.last.has(signed, at) && c.attached >= at.N && c.carried.N == 0 {
		return 0, nil
	}
	unlock, err := c.o.Lock(ctx)
	if err != nil {
		return 0, fmt.Errorf("lock: %w", err)
	}
	defer unlock()
	if c.last == nil {
		if c.last, err = readCopy(ctx, c.o.To, c.o.Log.Verifier()); err != nil {
			return 0, err
		}
		if c.bare < 0 {
			c.attached = max(c.attached, c.last.attached)
		}
		if err := c.readCarried(ctx); err != nil {
			c.last = nil
			return 0, err
		}
	}
	_, head := c.o.Log.Checkpoint()
	if err := c.sameHistory(ctx, head); err != nil {
		return 0, c.o.Log.noticed(err)
	}
	c.o.Log.copied.Store(c.last.size)
	if shown.lines < len(c.o.Log.witnesses) && c.attached < at.N {
		if c.bare < 0 {
			c.bare, c.lines = max(c.attached, 0), shown.lines
		}
		c.lines = min(c.lines, shown.lines)
	}
	if err := c.attach(ctx, shown); err != nil {
		return 0, err
	}
	if left := c.o.Every - c.o.Clock.Since(c.copied); left > 0 && !now {
		return left, nil
	}
	err = c.copy(ctx, signed, at)
	c.o.Log.copied.Store(c.last.size)
	return 0, err
}

// readCarried reads the checkpoint that the registry carries. What this key did not
// sign is written anew.
func (c *Carrier) readCarried(ctx context.Context) error {
	d, ok := c.last.layers[checkpointName]
	if !ok {
		return nil
	}
	raw, err := c.o.To.Blob(ctx, Repository, d.Digest, maxCheckpoint)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		return nil
	}
	if err != nil {
		return err
	}
	if carried, err := OpenCheckpoint(string(raw), c.o.Log.Verifier()); err == nil {
		c.carried = carried
	}
	return nil
}

// sameHistory holds the log to the checkpoint that the registry carried, once it has
// as many leaves: a database and a record that were both made anew differ from it.
func (c *Carrier) sameHistory(ctx context.Context, at Checkpoint) error {
	if c.carried.N == 0 || c.carried.N > at.N {
		return nil
	}
	if err := c.o.Log.contains(ctx, Head{Origin: at.Origin, Tree: at.Tree}, c.carried.Tree); err != nil {
		return fmt.Errorf("%s: %w", Repository, err)
	}
	c.carried = Checkpoint{}
	return nil
}

const (
	attachAtOnce  = 256 // leaves
	attachersMost = 8
)

// attach gives every version that the checkpoint covers, and that has none, its
// proof. What is not there any more, or is damaged, needs none.
func (c *Carrier) attach(ctx context.Context, at public) error {
	for c.attached = max(c.attached, 0); c.attached < at.N; {
		limit := min(attachAtOnce, at.N-c.attached)
		leaves, err := c.o.Log.o.Store.Leaves(ctx, LeafQuery{From: c.attached, Limit: int(limit)})
		if err != nil {
			return err
		}
		if int64(len(leaves)) != limit {
			return c.o.Log.noticed(fmt.Errorf("%w: leaf %d is gone from the database", ErrBroken, c.attached+int64(len(leaves))))
		}
		if err := c.attachAll(ctx, at, leaves); err != nil {
			return err
		}
		c.attached += limit
	}
	return nil
}

func (c *Carrier) attachAll(ctx context.Context, at public, leaves []Leaf) error {
	tiles := &keptTiles{from: storedTiles{ctx, c.o.Log.o.Store}}
	work := make(chan Leaf)
	failed := make(chan error, attachersMost)
	var all sync.WaitGroup
	for range min(attachersMost, len(leaves)) {
		all.Go(func() {
			var first error
			for one := range work {
				if err := c.attachOne(ctx, tiles, at, one); err != nil && first == nil {
					first = err
				}
			}
			failed <- first
		})
	}
	for _, one := range leaves {
		work <- one
	}
	close(work)
	all.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c *Carrier) attachOne(ctx context.Context, tiles *keptTiles, at public, one Leaf) error {
	e, err := ReadEvent(one.Event)
	if err != nil {
		return c.o.Log.noticed(fmt.Errorf("%w: leaf %d: %w", ErrBroken, one.Number, err))
	}
	if e.Kind != Published {
		return nil
	}
	subject, _, err := c.o.To.Manifest(ctx, e.Plugin, e.Digest.String())
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		return nil
	}
	if err == nil {
		var has bool
		if has, err = c.has(ctx, e.Plugin, e.Digest, at.lines); has {
			return nil
		}
	}
	var p Proof
	if err == nil {
		p, err = c.o.Log.proofOf(one, at.signed, at.Checkpoint, tiles)
	}
	if err == nil {
		err = pushProof(ctx, c.o.To, e.Plugin, subject, c.o.Log.keyNow(), p)
	}
	if err != nil {
		return fmt.Errorf("proof of %s@%s: %w", e.Plugin, e.Version, c.o.Log.noticed(err))
	}
	if c.o.Attached != nil {
		c.o.Attached(c.o.Clock.Since(e.At))
	}
	return nil
}

// has reports whether a version has a proof of the log already that holds, with as many
// cosignatures. Only what the log signed is looked at: whoever
// pushes can attach as many as he likes, and none of them keeps this log's own away.
func (c *Carrier) has(ctx context.Context, repo string, d digest.Digest, lines int) (bool, error) {
	all, err := c.o.To.Referrers(ctx, repo, d)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, layer := range SignedProofs(all, d, c.o.Log.Verifier()) {
		text, err := c.o.To.Blob(ctx, repo, layer.Digest, maxProof)
		if err != nil { // it is damaged, or gone: another is attached
			continue
		}
		if p, err := ParseProof(string(text)); err == nil && c.holds(p, repo, d, lines) {
			return true, nil
		}
	}
	return false, ctx.Err()
}

// holds reports whether a proof is of a version, in this log.
func (c *Carrier) holds(p Proof, repo string, d digest.Digest, lines int) bool {
	by := c.o.Log.Verifier()
	e, _, err := p.Verify(by)
	if err != nil || e.Plugin != repo || e.Digest != d {
		return false
	}
	if lines == 0 {
		return true
	}
	enough := Quorum{least: lines}
	for _, w := range c.o.Log.witnesses {
		enough.witnesses = append(enough.witnesses, w.by)
	}
	_, err = enough.Check(p.Checkpoint, by)
	return err == nil
}
