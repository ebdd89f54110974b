package upkeep

import (
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/gc"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage"
)

// Stored is what is looked after: what repositories hold, what of it may not be
// read, what checks it, and who serves it. None may be nil.
type Stored struct {
	Storage *storage.Storage
	Blocks  *block.Blocks
	Checks  *integrity.Checker
	Server  gc.Server
}
