package block

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/registry/storage"
)

// CheckOpen refuses every push into a repository that is blocked as a whole, unless
// the block goes on to take them:
// what is read there is what spoke about it before, so nobody can open it by
// pushing something that speaks.
func (bs *Blocks) CheckOpen(repo string) error {
	if err := bs.blocksKnown(); err != nil {
		return err
	}
	b, ok := bs.current.Load().named[blockKey{repo, ""}]
	if !ok || b.Pushes {
		return nil
	}
	no := b.refusal(repo, "")
	no.Errors[0].Message = "repository " + repo + " is blocked, so nothing can be pushed to it (" + b.Code + "): " + b.reason() + "; ask the operator to lift the block"
	return no
}

// exemptSpeaking adds to free what speaks about a repository that is blocked as
// a whole: signatures, statements and the ledger. What any other manifest of it
// holds stays shut, also where something that speaks names it too: otherwise a
// note with a subject would open the layers that it lists.
func (bs *Blocks) exemptSpeaking(ctx context.Context, set *blockSet, repo string, free map[digest.Digest]bool) error {
	tagged, err := bs.speakingTags(ctx, repo)
	if err != nil {
		return err
	}
	shut := map[digest.Digest]bool{}
	err = bs.eachManifest(ctx, repo, func(m *storage.Manifest) error {
		// A ledger that was pushed and is not tagged yet is read by tools that then
		// tag it; it lists statements, which speak by themselves or not.
		list := m.IsIndex() && m.ArtifactType == format.TypeLedger
		speaks := m.ArtifactType != artifact.TypePlugin && (m.Subject != nil || tagged[m.Digest] || list)
		if _, named, _ := set.find(repo, m.Digest); named && speaks {
			return nil
		}
		into := shut
		if speaks {
			into = free
		}
		into[m.Digest] = true
		if speaks && m.IsIndex() {
			return nil // a child speaks by itself, or not
		}
		for _, ref := range m.References() {
			into[ref.Digest] = true
			to, err := bs.leadsTo(ctx, repo, ref.Digest)
			if err != nil && !speaks {
				return err // what is to stay shut is not known
			}
			if to != "" {
				into[to] = true
			}
		}
		return nil
	})
	for d := range shut {
		// Everybody knows the bytes of the empty config, and signatures have it too.
		if d != ocispec.DescriptorEmptyJSON.Digest && !tagged[d] {
			delete(free, d)
		}
	}
	return err
}

// speakingTags lists what the tags of signatures and of the ledger mean, and
// the statements of the ledger.
func (bs *Blocks) speakingTags(ctx context.Context, repo string) (map[digest.Digest]bool, error) {
	names, err := bs.store.TagNames(ctx, repo)
	if err != nil {
		return nil, err
	}
	speaks := map[digest.Digest]bool{}
	for _, name := range names {
		t, err := artifact.ParseTag(name)
		if err != nil || t.Kind() == artifact.TagVersion || t.Kind() == artifact.TagChannel {
			continue
		}
		d, err := bs.store.ResolveTag(ctx, repo, name)
		if err == nil && t.SpeaksOf(d) {
			continue // cosign copy gives the subject itself a digest tag
		}
		if err == nil && t.Kind() == artifact.TagState {
			err = bs.speakingLedger(ctx, repo, d, speaks)
		}
		switch {
		case err == nil:
			speaks[d] = true
		case !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified):
			return nil, err
		}
	}
	return speaks, nil
}

// speakingLedger adds the statements of the ledger d, which the gate held to
// be nothing else.
func (bs *Blocks) speakingLedger(ctx context.Context, repo string, d digest.Digest, speaks map[digest.Digest]bool) error {
	m, err := bs.store.ManifestContent(ctx, repo, d)
	if err != nil {
		return err
	}
	for _, statement := range m.Manifests {
		speaks[statement.Digest] = true
	}
	return nil
}
