// Package lifecycle decides what may still run.
//
// The state of a plugin is what its ledger says (policy/ledger folds it and holds
// the rules: which move is legal from where, and who may make it). This engine
// takes a person's request, refuses it in words where the rules do, has it
// written down and stated, and shows the plugin after it. It never sets a state.
//
// Who has a plugin is asked of others through Holders.
package lifecycle
