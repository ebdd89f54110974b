package ingest

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// trialBatch is how many plugins a trial judges before it tells what it found.
const trialBatch = 64

// A ChangeKind says what a trial found to change about a version.
type ChangeKind string

// The kinds of changes. Of several that hold, the first is told.
const (
	NewlyPending       ChangeKind = "newly_pending" // listed now, would not be
	NewlyListed        ChangeKind = "newly_listed"  // not listed now, would be
	SignatureChanges   ChangeKind = "signature"     // another status or signer
	AttestationsChange ChangeKind = "attestations"  // others count
	ReasonsChange      ChangeKind = "reasons"       // pending either way, for other reasons
)

// A Standing is what a policy makes of a version.
type Standing struct {
	Listed       bool
	Signature    index.Signature
	Attestations []index.Attestation
	Reasons      []index.Reason // why it is not listed
}

// A Change is a version of which a policy on trial makes something else.
type Change struct {
	ID            artifact.Name
	Version       artifact.Version
	Digest        digest.Digest
	Kind          ChangeKind
	Before, After Standing
}

// A Trial sums up what a policy on trial would change.
type Trial struct {
	Plugins, Versions int // judged so far
	// Listed are the versions that are listed by the policy in force, and would
	// be by the one on trial. That a server lists what is denied is left out of both.
	ListedBefore, ListedAfter int
	Changes                   map[ChangeKind]int
	// Failed are the plugins of which it could not be told.
	Failed []string
}

// Try judges every version that the catalog knows by the policy in force and
// by judge, and tells hear each difference in order of plugins, and progress
// how far it is. Both are judged as Run judges, and nothing is changed. The
// error is that ctx ended, or what hear gave.
func (in *Ingester) Try(ctx context.Context, verifier Verifier, hear func(Change) error, progress func(Trial) error) (Trial, error) {
	t := &trial{now: in.as(in.opts.Verifier), then: in.as(verifier), sum: Trial{Changes: map[ChangeKind]int{}}, workers: in.opts.Workers}
	var batch []*catalog.Plugin
	flush := func() error {
		if err := t.batch(ctx, batch, hear); err != nil {
			return err
		}
		batch = batch[:0]
		return progress(t.sum)
	}
	for p := range in.base().Plugins {
		if batch = append(batch, p); len(batch) < trialBatch {
			continue
		}
		if err := flush(); err != nil {
			return t.sum, fmt.Errorf("trial: %w", err)
		}
	}
	if err := flush(); err != nil {
		return t.sum, fmt.Errorf("trial: %w", err)
	}
	return t.sum, nil
}

// as reads what in reads and judges by judge; it only derives, and by what is
// known of ledgers, to which it adds nothing.
func (in *Ingester) as(verifier Verifier) *Ingester {
	opts := in.opts
	opts.Verifier, opts.ListDeniedUnsafe, opts.Ledgers = verifier, false, nil
	return &Ingester{opts: opts, log: in.log, ledgers: in.ledgers, trial: true}
}

type trial struct {
	now, then *Ingester
	sum       Trial
	workers   int
}

// pair is one plugin by both policies; nil of both could not be told.
type pair struct{ before, after *catalog.Plugin }

func (t *trial) batch(ctx context.Context, plugins []*catalog.Plugin, hear func(Change) error) error {
	pairs := make([]pair, len(plugins))
	group, deriving := errgroup.WithContext(ctx)
	group.SetLimit(t.workers)
	for i, p := range plugins {
		group.Go(func() error {
			pairs[i] = t.both(deriving, p)
			return deriving.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, p := range plugins {
		if err := t.compare(p.ID, pairs[i], hear); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) both(ctx context.Context, p *catalog.Plugin) pair {
	all := task{repo: p.ID.String(), all: true}
	before, err := t.now.derive(ctx, &all, p)
	if err != nil {
		return pair{}
	}
	after, err := t.then.derive(ctx, &all, p)
	if err != nil {
		return pair{}
	}
	return pair{before, after}
}

func (t *trial) compare(id artifact.Name, both pair, hear func(Change) error) error {
	t.sum.Plugins++
	if both.before == nil || both.after == nil { // unreadable, or removed meanwhile
		t.sum.Failed = append(t.sum.Failed, id.String())
		return nil
	}
	for i := range both.before.Versions {
		v := &both.before.Versions[i]
		w, ok := both.after.At(v.Version)
		if !ok || w.Digest != v.Digest {
			continue // it changed between the two
		}
		t.sum.Versions++
		c := Change{ID: id, Version: v.Version, Digest: v.Digest, Before: standingOf(v), After: standingOf(w)}
		t.count(c)
		if c.Kind = kindOf(c.Before, c.After); c.Kind == "" {
			continue
		}
		t.sum.Changes[c.Kind]++
		if err := hear(c); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) count(c Change) {
	if c.Before.Listed {
		t.sum.ListedBefore++
	}
	if c.After.Listed {
		t.sum.ListedAfter++
	}
}

func standingOf(v *catalog.Version) Standing {
	return Standing{Listed: v.Listed(), Signature: v.Signature, Attestations: v.Attestations, Reasons: v.Pending}
}

func kindOf(a, b Standing) ChangeKind {
	sameCode := func(x, y index.Reason) bool { return x.Code == y.Code }
	switch {
	case a.Listed && !b.Listed:
		return NewlyPending
	case !a.Listed && b.Listed:
		return NewlyListed
	case a.Signature != b.Signature:
		return SignatureChanges
	case !slices.Equal(a.Attestations, b.Attestations):
		return AttestationsChange
	case !slices.EqualFunc(a.Reasons, b.Reasons, sameCode):
		return ReasonsChange
	}
	return ""
}
