package catalog

import (
	"fmt"

	"github.com/oarlock/oarlock/index"
)

// Gone is the tombstone of a plugin that was deleted: its name, and since when, by
// whom and why. It is nil for any other plugin.
func (p *Plugin) Gone() *index.Problem {
	if p.State != index.StateDeleted {
		return nil
	}
	why := ""
	if len(p.Moves) > 0 {
		why = " " + p.Moves[0].Why()
	}
	return index.NewProblem(index.CodePluginDeleted, fmt.Sprintf("plugin %q: deleted%s; its versions are gone and do not come back", p.ID, why),
		fmt.Sprintf("read what was said about it: oarlock history %s", p.ID))
}

// nameOnly is e as a list that asks for deleted plugins shows it: by one version
// that has nothing, not even a number, since no version is left.
func nameOnly(p *Plugin, e *entry) (*entry, *Plugin, []uint64) {
	next, face := *e, *p
	face.Versions = []Version{{}}
	record, masks := encodeRecord(&face)
	next.record = string(record)
	return &next, &face, masks
}
