package ingest

import (
	"context"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// Evidence gives judges what the registry holds about a plugin, with its tags
// as they are now. It is for one goroutine. An error means that the tags could
// not be listed.
func (in *Ingester) Evidence(ctx context.Context, id artifact.Name) (policy.Reader, error) {
	tags, damaged, err := in.tags(ctx, id.String())
	if err != nil {
		return nil, err
	}
	return &evidence{reading: &reading{in: in, id: id, tags: tags, damaged: damaged}}, nil
}
