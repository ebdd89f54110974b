// Package configschema reads the JSON Schema of a plugin's configuration, and
// holds configurations to it. The schema comes from a publisher, who is a
// stranger, so its cost is limited before anything is computed by it:
//
//	size          at most MaxSize bytes, nested at most maxDepth deep, each value
//	              named by a JSON pointer of at most MaxPlace bytes
//	references    inside the document alone ("#…"); nothing is loaded from a file or the network
//	subschemas    at most MaxSubschemas
//	patterns      at most MaxPattern bytes, in the syntax of RE2, which takes linear time, and compiled to
//	              at most MaxProgram instructions, MaxPrograms in all
//	validation    at most MaxSteps steps; more could not be told, and refuses
//
// The registry refuses a version whose schema is beyond them, lint says the same
// before, and a configuration is held to them whenever it is validated: a version
// that is older than these limits may be stored all the same.
//
// A value is a secret where a subschema that may apply to it says
// "writeOnly": true; see Schema.Secrets.
package configschema
