package driver

import (
	"context"
	"fmt"
	"path"

	"github.com/opencontainers/go-digest"
)

// Entries calls fn for every entry of dir, which may be missing. It brings
// nothing back.
func (d *Driver) Entries(ctx context.Context, dir string, fn func(at string) error) error {
	entries, err := d.StorageDriver.List(ctx, dir)
	if IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// Digests calls fn for every <alg>/<hex> below root, as Entries does; other
// names are passed by.
func (d *Driver) Digests(ctx context.Context, root string, fn func(named digest.Digest, at string) error) error {
	for _, alg := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		err := d.Entries(ctx, path.Join(root, alg.String()), func(at string) error {
			named := digest.NewDigestFromEncoded(alg, path.Base(at))
			if named.Validate() != nil {
				return nil // left behind by a cut write
			}
			return fn(named, at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
