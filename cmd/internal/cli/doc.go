// Package cli is the command line: one file per verb, one struct per result
// that is printed as text, JSON or YAML, and one table of exit codes.
//
// Data goes to stdout, all else to stderr. A verb returns its result or an
// error; console.go prints, exit.go translates.
package cli
