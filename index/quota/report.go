package quota

import (
	"context"

	"github.com/oarlock/oarlock/index"
)

// Report is what a namespace holds and may hold, in the words of the API.
func (c *Counter) Report(ctx context.Context, namespace string) (index.Usage, error) {
	if err := c.Save(ctx); err != nil {
		return index.Usage{}, err
	}
	used, err := c.quota.Usage(ctx, namespace)
	if err != nil {
		return index.Usage{}, err
	}
	l := c.quota.Limits(namespace)
	return index.Usage{Namespace: namespace, Bytes: used.Bytes, Versions: used.Versions, Limits: index.UsageLimits{
		Bytes: l.Bytes, Versions: l.Versions, ArtifactBytes: l.ArtifactBytes, ManifestBytes: l.ManifestBytes, Layers: l.Layers,
	}}, nil
}
