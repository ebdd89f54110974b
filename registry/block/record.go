package block

import (
	"context"
	"encoding/json"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A blockRecord is the file of a block. Where several processes write, one that
// ended stays as its own tombstone: a delete has no condition, so one that
// arrives late would end a block that was made after it.
type blockRecord struct {
	Block
	Ended bool `json:"ended,omitempty"`
}

// putBlock writes the record of b.
func (bs *Blocks) putBlock(ctx context.Context, b Block) error {
	content, err := json.Marshal(blockRecord{Block: b})
	if err != nil {
		return err
	}
	return bs.driver.Swap(ctx, b.path(), func(driver.Held) ([]byte, error) { return content, nil })
}

// endBlock ends the block of what target names; PathNotFoundError without one.
func (bs *Blocks) endBlock(ctx context.Context, target Block) error {
	at := target.path()
	if !bs.driver.Fenced() {
		return bs.driver.Delete(ctx, at)
	}
	return bs.driver.Swap(ctx, at, func(was driver.Held) ([]byte, error) {
		var have blockRecord
		if !was.There || json.Unmarshal([]byte(was.Content), &have) == nil && have.Ended {
			return nil, storagedriver.PathNotFoundError{Path: at, DriverName: bs.driver.Name()}
		}
		return json.Marshal(blockRecord{Block{Repository: target.Repository, Digest: target.Digest, At: bs.store.Now().UTC()}, true})
	})
}
