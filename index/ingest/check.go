package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

// A Comparison is what serves beside what the registry's content gives.
type Comparison struct {
	Serving, Rebuilt digest.Digest
	// Differ are the plugins that differ, by id; none means that both agree.
	Differ []Difference
}

// A Difference is a plugin of which the catalog says something else than the
// registry's content gives.
type Difference struct {
	ID     artifact.Name
	Detail string // what differs, version by version
}

// Check rebuilds the catalog from nothing but the registry and compares it
// with what serves. It may run beside Run: what changes meanwhile is looked at
// a second time and is no difference. What differs is told, and mended.
func (in *Ingester) Check(ctx context.Context) (Comparison, error) {
	rebuilt, err := in.Rebuild(ctx)
	if err != nil {
		return Comparison{}, err
	}
	serving := in.base()
	c := Comparison{Serving: serving.Digest(), Rebuilt: rebuilt.Digest()}
	if c.Serving == c.Rebuilt {
		return c, nil
	}
	if err := in.refreshPublishers(ctx); err != nil {
		return c, fmt.Errorf("check: %w", err)
	}
	for _, id := range differing(serving, rebuilt) {
		detail, err := in.recheck(ctx, id)
		if err != nil {
			return c, fmt.Errorf("check: %w", err)
		}
		if detail != "" {
			c.Differ = append(c.Differ, Difference{id, detail})
		}
	}
	if len(c.Differ) == 0 { // all of it was change under way
		c.Serving = in.base().Digest()
		c.Rebuilt = c.Serving
	}
	return c, nil
}

// recheck compares one plugin while nothing else derives it, and mends it.
func (in *Ingester) recheck(ctx context.Context, id artifact.Name) (string, error) {
	repo := id.String()
	doubted, err := in.queue.claim(ctx, repo)
	if err != nil {
		return "", err
	}
	before := in.known(repo)
	t := &task{repo: repo, all: true}
	fresh, err := in.derive(ctx, t, nil)
	if err != nil && doubted {
		in.Doubt(repo) // the next try says so in the catalog
	}
	if fresh != nil {
		in.date(ctx, fresh)
		fresh.Publisher = in.ledgers.shown(id.Publisher())
	}
	in.put(result{repo: repo, plugin: fresh, head: t.head, keep: err != nil})
	if problem := in.apply(ctx); err == nil {
		err = problem
	}
	if err != nil {
		return "", err
	}
	return difference(before, fresh), nil
}

// differing names the plugins that only one of a and b has, or of which they
// say different things.
func differing(a, b *catalog.Snapshot) []artifact.Name {
	sums := map[artifact.Name]digest.Digest{}
	for p := range a.Plugins {
		sums[p.ID] = sum(p)
	}
	var out []artifact.Name
	for p := range b.Plugins {
		if sums[p.ID] != sum(p) {
			out = append(out, p.ID)
		}
		delete(sums, p.ID)
	}
	for id := range sums {
		if _, ok := b.Plugin(id); !ok {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, artifact.Name.Compare)
	return out
}

// sum is equal for plugins of which the same is said.
func sum(p *catalog.Plugin) digest.Digest {
	if p == nil {
		return ""
	}
	return catalog.Empty().With([]catalog.Plugin{*p}, nil).Digest()
}

// difference is a sentence, or "" where both say the same.
func difference(serving, rebuilt *catalog.Plugin) string {
	if sum(serving) == sum(rebuilt) {
		return ""
	}
	a, b := lines(serving), lines(rebuilt)
	var out []string
	for _, line := range slices.Sorted(maps.Keys(b)) {
		switch before, ok := a[line]; {
		case !ok:
			out = append(out, line+" is missing in the catalog")
		case before != b[line]:
			out = append(out, line+" differs")
		}
	}
	for _, line := range slices.Sorted(maps.Keys(a)) {
		if _, ok := b[line]; !ok {
			out = append(out, line+" is in the catalog only")
		}
	}
	if len(out) == 0 && serving != nil && rebuilt != nil && !serving.Publisher.Equal(rebuilt.Publisher) {
		return "what is known of the publisher differs"
	}
	if len(out) == 0 {
		return "channels differ"
	}
	return strings.Join(out, "; ")
}

// lines gives each version and each broken tag with a sum of what is said of it.
func lines(p *catalog.Plugin) map[string]digest.Digest {
	out := map[string]digest.Digest{}
	if p == nil {
		return out
	}
	for _, v := range p.Versions {
		out["version "+v.Version.String()] = sum(&catalog.Plugin{ID: p.ID, Versions: []catalog.Version{v}})
	}
	for _, b := range p.Broken {
		out["tag "+b.Tag] = sum(&catalog.Plugin{ID: p.ID, Broken: []catalog.Broken{b}})
	}
	return out
}
