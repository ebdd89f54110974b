// Package pages reads the project's documents and runs the commands they show.
//
// # What a page may hold
//
// The language of a fenced block says what becomes of it:
//
//	sh       run, in order, in one shell for the page, where any failure ends the run
//	output   what the sh block before it prints: each line, in order, in which "…" stands
//	         for anything and blanks count as one; lines may be left out
//	console  commands that are not run, below <!-- not run: REASON -->; see [Reasons]
//	others   not commands: text for shapes and drawings, yaml, json, go
//
// A page with sh blocks says which page's state it needs:
//
//	Follows on from [the five-minute tour](../README.md#five-minute-tour).
//
// Then the blocks of that page, of the page which that one follows, and so on, are run
// before it. The README follows nothing. A page that no other follows ends a
// chain, and each chain is run once, in a directory, a home and on ports of its own.
package pages
