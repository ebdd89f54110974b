// Package ingest keeps the catalog equal to what the registry holds: it reads
// repositories, judges what it finds by the trust policy, and swaps the catalog
// for the next one. What was pushed before Touch returned is in the catalog
// that serves once the queue is empty; nothing is listed that was not judged.
//
//	Touch ─▶ queue ─▶ derive ─▶ results ─▶ apply ─▶ Live.Swap
//	                    ▲
//	Reconcile ──────────┘ every repository, read afresh
//
// A repository is derived by one goroutine at a time, from the moment it is
// claimed until what came out of it serves, so that no older reading replaces
// a newer one. Whatever is derived depends on the registry's content, the
// trust policy and Options.ListDeniedUnsafe alone: deriving twice changes nothing, and
// Rebuild gives the digest that all the touches before it gave.
//
// What cannot be read is told apart from what is not there. A version whose
// bytes are missing or damaged is shown by `why` with the reason
// could_not_tell and tried again later; a repository whose tags could not be
// listed keeps what was known of it, and the log says so at level error. Where its
// ledger may have gone on meanwhile, nobody knows what may still be installed, and
// the catalog says that instead.
//
// A checkpoint is always older than what was acknowledged last. CatchUp looks at
// the heads of all ledgers, and before it did the generation of a checkpoint does
// not serve.
package ingest
