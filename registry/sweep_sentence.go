package registry

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// sentence reads a file of the collector about the link or bytes named d.
func (s Sweep) sentence(ctx context.Context, at string, d digest.Digest) (driver.Sentence, error) {
	content, err := s.raw().GetContent(ctx, at)
	if driver.IsNotFound(err) {
		return driver.Sentence{}, artifact.ErrNotFound
	}
	if err != nil {
		return driver.Sentence{}, fmt.Errorf("read %s: %w", at, err)
	}
	return driver.ParseSentence(at, d, content)
}

// put writes a file of the collector. It is whole or not there, but not
// synced: losing it costs what nothing reaches, or another run.
func (s Sweep) put(ctx context.Context, at string, told driver.Sentence) error {
	content, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return s.g.driver.PutUnsynced(ctx, at, content)
}
