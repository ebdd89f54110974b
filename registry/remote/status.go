package remote

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
)

// A State says how far a publication is.
type State string

// The states of a publication.
const (
	Absent   State = "absent"   // nothing of it is there
	Partial  State = "partial"  // some of it, and the same push finishes it
	Complete State = "complete" // all of it, under its tag
	Taken    State = "taken"    // the tag means something else
)

// A Part is one manifest or blob of a publication.
type Part struct {
	Kind       string // index, manifest or blob
	Descriptor ocispec.Descriptor
	Platform   string // "linux/amd64" of a child, or of what only it needs
	Present    bool
}

// A Publication is what a registry holds of one artifact.
type Publication struct {
	State  State
	Tag    string
	Tagged digest.Digest // what the tag means, "" for nothing
	Parts  []Part        // root first, each once
}

// Missing are the parts that are not there.
func (p Publication) Missing() (parts []Part) {
	for _, one := range p.Parts {
		if !one.Present {
			parts = append(parts, one)
		}
	}
	return parts
}

// Status asks how much of root, and of all that it reaches in src, the registry
// has at ref. Nothing is sent. Errors are as Push's.
func Status(ctx context.Context, src content.ReadOnlyStorage, root ocispec.Descriptor, ref string, o Options) (Publication, error) {
	repo, to, err := Open(ref, o)
	if err != nil {
		return Publication{}, err
	}
	p := Publication{Tag: to.Reference}
	switch d, err := quirk.Resolve(ctx, repo, to.Reference); {
	case err == nil:
		p.Tagged = d.Digest
	case !errors.Is(asError(ref, err), artifact.ErrNotFound):
		return p, asError(ref, err)
	}
	w := &walk{src: src, repo: repo, seen: map[digest.Digest]bool{}}
	if err := w.part(ctx, root, ""); err != nil {
		return p, asError(ref, err)
	}
	p.Parts = w.parts
	switch missing := len(p.Missing()); {
	case p.Tagged != "" && p.Tagged != root.Digest:
		p.State = Taken
	case missing == len(p.Parts):
		p.State = Absent
	case missing > 0 || p.Tagged == "":
		p.State = Partial
	default:
		p.State = Complete
	}
	return p, nil
}

// walk looks for one part after the other.
type walk struct {
	src   content.ReadOnlyStorage
	repo  registry.Repository
	seen  map[digest.Digest]bool
	parts []Part
}

func (w *walk) part(ctx context.Context, d ocispec.Descriptor, platform string) error {
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	if p := d.Platform; p != nil {
		platform = p.OS + "/" + p.Architecture
	}
	part := Part{Kind: "blob", Descriptor: d, Platform: platform}
	store := w.repo.Blobs()
	switch d.MediaType {
	case ocispec.MediaTypeImageIndex:
		part.Kind, store = "index", w.repo.Manifests()
	case ocispec.MediaTypeImageManifest:
		part.Kind, store = "manifest", w.repo.Manifests()
	}
	var err error
	if part.Present, err = store.Exists(ctx, d); err != nil {
		return fmt.Errorf("%s: %w", d.Digest, err)
	}
	w.parts = append(w.parts, part)
	below, err := content.Successors(ctx, w.src, d)
	if err != nil {
		return err
	}
	for _, next := range below {
		if err := w.part(ctx, next, platform); err != nil {
			return err
		}
	}
	return nil
}
