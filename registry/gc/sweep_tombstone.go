package gc

import (
	"context"
	"encoding/json"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// put writes a file of the collector. It is whole or not there, but not
// synced: losing it costs what nothing reaches, or another run.
func (s Sweep) put(ctx context.Context, at string, told driver.Tombstone) error {
	content, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return s.store.Driver().PutUnsynced(ctx, at, content)
}
