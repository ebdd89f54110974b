package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"
	oras "oras.land/oras-go/v2/registry/remote"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/registry/remote"
)

// setTags sets the tags whose manifests were copied: signatures before
// versions, channels after them, the ledger last.
func (c *repo) setTags(ctx context.Context, tags []tagged) error {
	for _, kind := range []artifact.TagKind{artifact.TagDigest, artifact.TagVersion, 0, artifact.TagChannel, artifact.TagState} {
		group, inner := errgroup.WithContext(ctx)
		group.SetLimit(c.r.o.Parallel)
		for _, t := range tags {
			if t.kind != kind || !c.has(t.desc.Digest) {
				continue
			}
			group.Go(func() error {
				if err := c.setTag(inner, t); err != nil {
					if inner.Err() != nil {
						return inner.Err()
					}
					c.r.failed(Item{Repository: c.name, Tag: t.name, Source: t.desc.Digest}, c.advise(err))
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func (c *repo) setTag(ctx context.Context, t tagged) error {
	item := Item{Repository: c.name, Tag: t.name, Source: t.desc.Digest}
	have, err := quirk.Resolve(ctx, c.dst, t.name)
	switch {
	case isAbsent(err):
	case err != nil:
		return remote.Wrap(c.r.to.reference(c.name)+":"+t.name, err)
	case have.Digest == t.desc.Digest:
		return nil
	default:
		item.Destination = have.Digest
		stays, err := c.stays(ctx, t, have)
		if err != nil {
			return err
		}
		if item.Detail = stays; stays != "" {
			c.r.tell(func(p *Report) { p.Different = append(p.Different, item) })
			return nil
		}
	}
	if c.r.o.Check {
		c.r.tell(func(p *Report) { p.Missing = append(p.Missing, item) })
		return nil
	}
	if err := c.push(ctx, t); err != nil {
		if !errors.Is(err, artifact.ErrConflict) {
			return err
		}
		item.Detail = err.Error()
		c.r.tell(func(p *Report) { p.Different = append(p.Different, item) })
		return nil
	}
	c.r.tell(func(p *Report) { p.Tags++ })
	return nil
}

// stays says why a tag of the mirror is not moved from have to what t means;
// "" where it is.
func (c *repo) stays(ctx context.Context, t tagged, have ocispec.Descriptor) (string, error) {
	if t.kind == artifact.TagVersion {
		return fmt.Sprintf("a version never moves: the source means %s, the mirror %s", t.desc.Digest, have.Digest), nil
	}
	if t.kind != artifact.TagState {
		return "", nil
	}
	ours, err := c.statements(ctx, c.dst, have)
	if err != nil {
		return "", err
	}
	theirs, err := c.statements(ctx, c.src, t.desc)
	if err != nil {
		return "", err
	}
	if len(ours) > len(theirs) || !slices.EqualFunc(ours, theirs[:len(ours)], func(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest }) {
		return fmt.Sprintf("a ledger only grows: the mirror has %d statements, and the %d of the source do not go on from them", len(ours), len(theirs)), nil
	}
	return "", nil
}

// statements are the entries of a ledger.
func (c *repo) statements(ctx context.Context, from *oras.Repository, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if d.Size > artifact.MaxManifest {
		return nil, fmt.Errorf("ledger %s: %d bytes, expected at most %d: %w", d.Digest, d.Size, artifact.MaxManifest, artifact.ErrInvalid)
	}
	raw, err := content.FetchAll(ctx, from.Manifests(), d)
	if err != nil {
		return nil, remote.Wrap(c.name+"@"+d.Digest.String(), err)
	}
	var n node
	if err := artifact.UnmarshalStrict(raw, &n); err != nil {
		return nil, fmt.Errorf("ledger %s: %s: %w", d.Digest, err, artifact.ErrInvalid)
	}
	return n.Manifests, nil
}

// push sets a tag at the mirror, by promotion where it takes no other way.
func (c *repo) push(ctx context.Context, t tagged) error {
	raw, err := c.manifest(ctx, t.desc)
	if err != nil {
		return err
	}
	at := c.r.to.reference(c.name) + ":" + t.name
	err = remote.Wrap(at, c.dst.Manifests().PushReference(ctx, t.desc, bytes.NewReader(raw), t.name))
	if t.kind != artifact.TagChannel || !errors.Is(err, artifact.ErrDenied) || c.r.o.Promote == nil {
		return err
	}
	v, ok := c.versions[t.desc.Digest]
	if !ok {
		return fmt.Errorf("%s: the channel means %s, which no version tag names, so it cannot be promoted: %w", at, t.desc.Digest, artifact.ErrInvalid)
	}
	return c.r.o.Promote(ctx, c.name, t.name, v)
}
