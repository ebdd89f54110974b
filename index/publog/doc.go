// Package publog keeps the publication log: what was published, when, and what
// became of it, so that nobody, the operator included, changes it unnoticed.
//
// Each event is one leaf of a Merkle tree (RFC 6962) that only grows. A leaf is
//
//	entry = SHA-256("oarlock log entry 1\n" ‖ salt ‖ event)      32 bytes
//	salt  = HMAC-SHA-256(secret of the site, event)             32 bytes
//
// where event is the canonical JSON of an Event. The tree is public and says
// nothing about private plugins: the salt comes with the proof, to those who may
// see the plugin.
//
//	catalog ──▶ Note ──▶ leaves, numbered in SQL ──▶ tiles and head, by compare-and-swap
//	                                                      │ signed, then written beside the
//	                                                      ▼ registry's bytes, then shown
//	                                   /log/checkpoint · /log/tile/… · proof of a version
//
// A head is reserved before it is signed, so two replicas never sign two
// histories of one size. Before anything is signed or shown it is proved to
// extend what was shown before, which is remembered in the process and beside
// the registry's bytes: a database that lost or changed leaves stops publishing.
//
// The registry carries it (Carrier): a proof as a referrer of each version, and a copy
// of the log with the events sealed for the site, from which Recover makes a lost
// database anew.
//
// Witnesses are asked beside it (Witness), and what they cosign is shown with their
// cosignatures; a Quorum is what a client asks of a checkpoint.
//
// Formats: C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-proof, tlog-cosignature
// and tlog-witness, v1.
package publog
