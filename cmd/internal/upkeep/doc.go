// Package upkeep looks after what a registry stores, for the API and on a
// schedule: garbage collection, scrub, repair, blocks, how far a publication is.
// It says what the registry does in the words of index, asks who may, and writes
// down what is done.
package upkeep
