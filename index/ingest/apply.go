package ingest

import (
	"context"
	"maps"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

// A result is what was derived of one claimed repository.
type result struct {
	repo   string
	plugin *catalog.Plugin // nil: there is none
	head   digest.Digest   // the list of the plugin's ledger that it was derived by; "" for none
	keep   bool            // could not tell: what was known stays
	failed bool            // the tags could not be listed
	// publishers are all ledgers of publishers, of the repository that has them.
	publishers map[string]publisherStanding
}

func (in *Ingester) put(r result) {
	in.mu.Lock()
	in.results = append(in.results, r)
	in.mu.Unlock()
	poke(in.applied)
}

// base is what the next derivation builds on: what serves, or, before the
// first whole generation, what will.
func (in *Ingester) base() *catalog.Snapshot {
	if in.Ready() {
		return in.opts.Live.Current().Snapshot
	}
	in.swap.Lock()
	defer in.swap.Unlock()
	if in.building == nil {
		return in.opts.Live.Current().Snapshot
	}
	return in.building
}

// apply dates all results so far, swaps them in and releases their
// repositories. Where the health checks refuse the generation, the earlier one
// goes on serving and the repositories are tried again later. Once it returned,
// whatever was put before serves.
func (in *Ingester) apply(ctx context.Context) error {
	in.applying.Lock()
	defer in.applying.Unlock()
	in.mu.Lock()
	batch := in.results
	in.results = nil
	in.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	in.dateAll(ctx, batch)
	in.swap.Lock()
	defer in.swap.Unlock()
	repos := make([]string, len(batch))
	var changed []catalog.Plugin
	var removed []artifact.Name
	derived := map[artifact.Name]bool{}
	served := in.ledgers.served()
	var restamped []catalog.Plugin
	rekeyed := map[string]bool{}
	for i, r := range batch {
		repos[i] = r.repo
		name, err := artifact.ParseName(r.repo)
		switch {
		case r.publishers != nil:
			shown, others := in.install(r.publishers)
			restamped = append(restamped, shown...)
			maps.Copy(rekeyed, others)
		case r.keep || err != nil:
		case r.plugin == nil:
			removed, derived[name] = append(removed, name), true
		default:
			changed, derived[name] = append(changed, *r.plugin), true
		}
	}
	for _, p := range restamped { // as it was, unless it was derived anew
		if !derived[p.ID] {
			changed = append(changed, p)
		}
	}
	err := in.advance(changed, removed)
	if err != nil {
		in.ledgers.restore(served)
		in.refused.Add(1)
		in.log.Error("generation refused, the earlier one goes on serving", "alert", true, "repositories", len(repos), "err", err)
		for _, repo := range repos {
			in.retry.add(repo, in.opts.Now())
		}
	} else {
		in.heads.applied(batch)
		in.listed(changed)
		in.reverify(rekeyed)
	}
	in.queue.release(repos...)
	return err
}

// advance is called with swap held.
func (in *Ingester) advance(changed []catalog.Plugin, removed []artifact.Name) error {
	for i := range changed {
		changed[i].Publisher = in.ledgers.shown(changed[i].ID.Publisher())
	}
	if in.building != nil {
		in.building = in.building.With(changed, removed)
		return nil
	}
	current := in.opts.Live.Current()
	g, err := in.opts.Live.Swap(current.Snapshot.With(changed, removed))
	if err == nil && g != current {
		in.dirty.Store(true)
	}
	return err
}

// begin serves the first whole generation.
func (in *Ingester) begin() error {
	in.swap.Lock()
	defer in.swap.Unlock()
	if in.building == nil {
		in.serve() // the walk met every ledger
		return nil
	}
	g, err := in.opts.Live.Swap(in.building)
	if err != nil {
		in.log.Error("first generation refused", "alert", true, "err", err)
		return err
	}
	in.building = nil
	in.dirty.Store(true)
	in.serve()
	in.log.Info("catalog serves", "generation", g.Number, "digest", g.Snapshot.Digest(),
		"plugins", g.Snapshot.Len(), "versions", g.Snapshot.Versions(), "pending", g.Snapshot.Pending())
	return nil
}
