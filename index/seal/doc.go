// Package seal keeps secrets so that the database alone, and a copy of it, does not
// tell them.
//
// A Box seals under one key of 32 bytes. A Ring seals under keys that the operator
// keeps apart from the data: each value has a key of its own, drawn for it, which
// the ring's current Key wraps. A Key is one from a file, or one that a key
// management service has and never gives out. A ring also opens what older keys
// of it sealed; what it holds is sealed anew under the current one by who keeps it.
package seal
