package storage

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Namespaces are the first parts of the names of all repositories that ever
// held a manifest, and the publishers that have a ledger, in order; not the
// registry's own. It lists two folders and reads no file.
func (s *Storage) Namespaces(ctx context.Context) ([]string, error) {
	entries, err := s.driver.List(ctx, driver.MarkRoot)
	if err != nil && !driver.IsNotFound(err) {
		return nil, fmt.Errorf("list %s: %w", driver.MarkRoot, err)
	}
	names, err := s.TagNames(ctx, format.PublishersRepository)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		names = append(names, path.Base(e))
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return name == artifact.ReservedPublisher || CheckRepository(name) != nil
	})
	slices.Sort(names)
	return slices.Compact(names), nil
}
