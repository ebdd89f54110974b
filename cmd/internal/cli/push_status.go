package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	orasregistry "oras.land/oras-go/v2/registry"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

// publicationResult says what a registry holds of a version.
type publicationResult struct {
	Reference string                  `json:"reference"`
	State     string                  `json:"state"` // absent, partial, complete, taken
	Digest    string                  `json:"digest,omitempty"`
	Parts     []index.PublicationPart `json:"parts"`
	Problem   string                  `json:"problem,omitempty"` // why a push of it would be refused
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
	if err := writeLine(w, "%s: %s", r.Reference, r.stateText()); err != nil || r.Problem == "" {
		return err
	}
	return writeLine(w, "  a push would be refused: %s", r.Problem)
}

// stateText is the state with what it means for a push.
func (r publicationResult) stateText() string {
	here := 0
	for _, p := range r.Parts {
		if p.Here && len(p.Missing) == 0 {
			here++
		}
	}
	switch r.State {
	case "absent":
		return "absent: nothing of it is in the registry; a push stores it"
	case "partial":
		if here == len(r.Parts) {
			return "partial: every part is there and the tag is not; a push sets it"
		}
		return fmt.Sprintf("partial: %d of %d parts are there and the tag is not; a push sends the rest", here, len(r.Parts))
	case "complete":
		return "complete: " + r.Digest
	case "taken":
		return "taken: the tag is another version's content, " + r.Digest + ", and never moves; give yours another version"
	}
	return r.State
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
	r := publicationResult{Reference: ref.String(), State: string(found.State), Digest: found.Tagged.String(), Parts: []index.PublicationPart{}, Problem: tagDiffers(ref, p.Plugin)}
	for _, part := range found.Parts {
		r.Parts = append(r.Parts, index.PublicationPart{Kind: part.Kind, Digest: part.Descriptor.Digest.String(), Platform: part.Platform, Here: part.Present})
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
	found, err := call[index.Publication](ctx, &there, http.MethodGet, "/plugins/"+ref.Repository+"/versions/"+tag.Version().String()+"/publication", nil)
	if err != nil {
		return publicationResult{}, fmt.Errorf("push: %w", err)
	}
	return publicationResult{Reference: ref.String(), State: found.State, Digest: found.Digest, Parts: found.Parts}, nil
}
