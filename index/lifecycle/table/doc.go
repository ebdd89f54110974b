// Package table is what each state of a plugin and of a version answers to each
// role and operation, as data: the one place that decides it. The catalog, the
// resolver, the gate of the registry, the API, the pages and docs/lifecycle.md
// read it, and the test on a server asks every cell over the wire.
//
//	rules.go   the data: one rule for each state
//	cell.go    a cell: a state, a role and an operation, and what is answered
//	words.go   the table as Markdown
//
// A version answers by two states, its plugin's and its own; what either of them
// refuses is refused. What is not a state, or could not be told, refuses all.
//
// The package does no I/O and knows nothing but the words of the index.
package table
