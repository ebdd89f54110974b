package upkeep

import (
	"context"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Publication implements api.Upkeep.
func (s Service) Publication(ctx context.Context, id artifact.Name, v artifact.Version) (index.Publication, error) {
	p, err := s.Stored.Storage.Publication(ctx, id.String(), v)
	if err != nil {
		return index.Publication{}, err
	}
	out := index.Publication{ID: id.String(), Version: v.String(), State: "partial", Digest: p.Tagged.String(), Parts: []index.PublicationPart{}}
	switch {
	case p.Whole:
		out.State = "complete"
	case p.Tagged == "" && len(p.Parts) == 0:
		out.State = "absent"
	}
	for _, part := range p.Parts {
		one := index.PublicationPart{Digest: part.Digest.String(), Kind: "manifest", Platform: part.Platform, Here: part.Here}
		if part.Index {
			one.Kind = "index"
		}
		for _, d := range part.Missing {
			one.Missing = append(one.Missing, d.String())
		}
		out.Parts = append(out.Parts, one)
	}
	return out, nil
}
