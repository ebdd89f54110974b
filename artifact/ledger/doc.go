// Package ledger is the format of ledgers: append-only lists of signed
// statements about a plugin or a publisher, kept in a registry so that every
// tool that copies an image index copies them whole.
//
//	oarlock/publishers:acme      image index, TypeLedger     the ledger of a publisher
//	acme/hello:oarlock-state                                 the ledger of a plugin
//	 ├─ manifests[0]             image manifest, artifact.TypeStatement
//	 │   └─ layers[0]            DSSE envelope, artifact.TypeDSSE
//	 │       └─ payload          in-toto statement, PredicateType
//	 └─ manifests[1] …           in order; each names the one before by digest
//
// A statement has the sequence number of its place, from 1, and the digest of
// the statement before it, so the digest of the last one (the head) stands for
// all of them. An update extends the list: the earlier one is a prefix of it.
//
// The package reads, writes and compares. Who signed, and whether they might,
// is for policy/ledger to judge.
package ledger
