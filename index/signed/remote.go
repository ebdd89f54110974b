package signed

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/client"
)

// OpenRemote reads the catalog of a registry: reference is that registry, such
// as registry.example.org or registry.example.org/mirror, with or without
// /oarlock/catalog after it. It sets From, Registry and Config of o. Plugins are
// expected beside the catalog, as a mirror puts them.
func OpenRemote(ctx context.Context, reference string, how client.RepositoryOptions, o Options) (*Catalog, error) {
	base, err := baseOf(reference)
	if err != nil {
		return nil, err
	}
	if o.From, err = client.OpenRepository(base+"/"+Repository, how); err != nil {
		return nil, err
	}
	o.Registry = base
	o.Config = func(ctx context.Context, id artifact.Name, config digest.Digest) (*artifact.Plugin, error) {
		repo, err := client.OpenRepository(base+"/"+id.String(), how)
		if err != nil {
			return nil, err
		}
		raw, err := repo.Blob(ctx, config, artifact.MaxConfig)
		if err != nil {
			return nil, err
		}
		return artifact.ParsePlugin(raw)
	}
	return Open(ctx, o)
}

// baseOf is what references begin with. Errors wrap artifact.ErrInvalid.
func baseOf(reference string) (string, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(reference), "/"), "/"+Repository)
	if base == "" || strings.ContainsAny(base, "@ ") || strings.Contains(base, "://") {
		return "", fmt.Errorf("catalog %q: expected a registry such as registry.example.org, or registry.example.org/mirror: %w", reference, artifact.ErrInvalid)
	}
	return base, nil
}
