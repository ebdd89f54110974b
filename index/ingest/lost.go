package ingest

import (
	"context"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/catalog"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// bare are the repositories that were searched for a ledger, and have none. From
// then on the memory of ledgers knows what comes.
type bare struct{ repos sync.Map }

func (b *bare) has(repo string) bool { _, is := b.repos.Load(repo); return is }
func (b *bare) add(repo string)      { b.repos.Store(repo, nil) }
func (b *bare) drop(repo string)     { b.repos.Delete(repo) }

// lostLedger says what is wrong where a plugin's ledger has no tag and nobody
// remembers it: nil is that there is none. A repository is searched once; what p
// lists of it is known and not read again.
func (in *Ingester) lostLedger(ctx context.Context, id artifact.Name, p *catalog.Plugin) error {
	repo := id.String()
	if in.bare.has(repo) {
		return nil
	}
	ref := format.OfPlugin(id)
	held := &evidence{reading: &reading{in: in, id: id}}
	err := statements.Lost(ctx, in.opts.Source, ref, manifestsOf(p), func(ctx context.Context, list *format.List) int {
		return in.opts.Ledgers.Judge(ctx, ref, list, held, format.Head{}).State.Head.Sequence
	})
	if err == nil {
		in.bare.add(repo)
	}
	return err
}

// manifestsOf are the manifests of versions that the catalog has read.
func manifestsOf(p *catalog.Plugin) map[digest.Digest]bool {
	out := map[digest.Digest]bool{}
	if p == nil {
		return out
	}
	for i := range p.Versions {
		out[p.Versions[i].Digest] = true
		for _, b := range p.Versions[i].Builds {
			out[b.Digest] = true
		}
	}
	return out
}

// lostPublishers are the publishers whose ledgers lie in the repository without a tag,
// and that nobody remembers: each as a broken tag.
func (in *Ingester) lostPublishers(ctx context.Context, tags map[string]digest.Digest, remembered []string) ([]catalog.Broken, error) {
	names, err := in.opts.Untagged.Publishers(ctx, in.opts.Source)
	if err != nil {
		return nil, err
	}
	reader := &ledgerTags{source: in.opts.Source, repo: format.PublishersRepository}
	var out []catalog.Broken
	for _, name := range names {
		ref, err := format.OfPublisher(name)
		if _, tagged := tags[name]; tagged || err != nil || slices.Contains(remembered, name) {
			continue
		}
		err = in.opts.Untagged.Lost(ctx, in.opts.Source, ref, func(ctx context.Context, list *format.List) int {
			return in.opts.Ledgers.Judge(ctx, ref, list, reader, format.Head{}).State.Head.Sequence
		})
		if err != nil {
			out = append(out, broken(name, "", err))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
}
