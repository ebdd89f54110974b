package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	orasregistry "oras.land/oras-go/v2/registry"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/remote"
)

// publicationResult says what a registry holds of a version.
type publicationResult struct {
	Reference string            `json:"reference"`
	State     string            `json:"state"` // absent, partial, complete, taken
	Digest    string            `json:"digest,omitempty"`
	Parts     []publicationPart `json:"parts"`
}

type publicationPart struct {
	Kind     string   `json:"kind"`
	Digest   string   `json:"digest"`
	Platform string   `json:"platform,omitempty"`
	Here     bool     `json:"here"`
	Missing  []string `json:"missing,omitempty"`
}

func (r publicationResult) text(w io.Writer) error {
	if len(r.Parts) > 0 {
		err := table(w, func(row func(...string)) {
			row("PART", "PLATFORM", "DIGEST", "STATE")
			for _, p := range r.Parts {
				state := "here"
				switch {
				case !p.Here:
					state = "missing"
				case len(p.Missing) > 0:
					state = "lacks " + strings.Join(p.Missing, ", ")
				}
				row(p.Kind, p.Platform, p.Digest, state)
			}
		})
		if err != nil {
			return err
		}
	}
	return writeLine(w, "%s: %s", r.Reference, map[string]string{
		"absent":   "nothing of it is there",
		"partial":  "partial: the same push finishes it",
		"complete": "complete: " + r.Digest,
		"taken":    "the tag means something else: " + r.Digest,
	}[r.State])
}

// statusOf compares what is in a directory with what the registry has of it.
func (c *console) statusOf(ctx context.Context, dir string, ref orasregistry.Reference) (publicationResult, error) {
	p, err := openPlugin(ctx, dir, "")
	if err != nil {
		return publicationResult{}, err
	}
	if ref.Reference == "" {
		ref.Reference = p.Plugin.Version.Tag()
	}
	found, err := remote.Status(ctx, p.Store, p.Root, ref.String(), c.remote(ctx, ref.Registry, nil))
	if err != nil {
		return publicationResult{}, fmt.Errorf("push: %w", err)
	}
	r := publicationResult{Reference: ref.String(), State: string(found.State), Digest: found.Tagged.String(), Parts: []publicationPart{}}
	for _, part := range found.Parts {
		r.Parts = append(r.Parts, publicationPart{Kind: part.Kind, Digest: part.Descriptor.Digest.String(), Platform: part.Platform, Here: part.Present})
	}
	return r, nil
}

// statusAt asks the registry what it has of a version.
func (c *console) statusAt(ctx context.Context, ref orasregistry.Reference) (publicationResult, error) {
	tag, err := artifact.ParseTag(ref.Reference)
	if err != nil || tag.Kind() != artifact.TagVersion {
		return publicationResult{}, usagef("push: %q: which version? expected %s/%s:1.2.0", ref.String(), ref.Registry, ref.Repository)
	}
	there := *c
	there.server = ref.Registry
	r, err := call[publicationResult](ctx, &there, http.MethodGet, "/plugins/"+ref.Repository+"/versions/"+tag.Version().String()+"/publication", nil)
	if err != nil {
		return r, fmt.Errorf("push: %w", err)
	}
	r.Reference = ref.String()
	return r, nil
}
