package artifact

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of the plugin manifest. A document
// that ParsePlugin takes is valid by it and the other way round, except that
// lengths count bytes here and characters there, and that a few rules that
// span fields, such as no dependency twice, are ParsePlugin's alone.
func Schema() []byte { return slices.Clone(schema) }
