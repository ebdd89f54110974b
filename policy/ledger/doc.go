// Package ledger judges ledgers: who signed each statement and whether they
// might, that the statements are in their order and follow one another, and
// that nothing that was known before is gone.
//
//	platform   the site that began the ledger: it signs for people and for itself
//	publisher  a key that the ledger itself establishes: it signs about keys
//
// Statements count from the first to the last before one that does not hold;
// what stands after that one is not looked at. A judgement is a function of
// the bytes, the trusted platforms, and the head that the caller remembers.
//
//	code                 what it means
//	ledger_forged        no key that counts made the signature
//	ledger_malformed     an entry is no statement, or is one of another ledger
//	ledger_reordered     statements changed places
//	ledger_truncated     statements that were there, or must have been, are gone
//	ledger_forked        a statement follows another one, or took its place
//	ledger_time          a statement is older than the one before it
//	ledger_not_entitled  whoever signed or acted might not do that
//	could_not_tell       something could not be read
package ledger
