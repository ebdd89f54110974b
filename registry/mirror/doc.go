// Package mirror copies repositories from one OCI registry to another, and only
// what is new: versions and what speaks about them, to any depth.
//
// A repository is copied in the order
//
//	blobs → manifests, children first → what refers to them → tags
//
// and its tags in the order signatures, versions, channels, ledger, so that what
// a tag of the mirror names is there, and is signed when it appears. A run that
// was cut leaves nothing that the next one does not finish.
//
// Both sides may be any registry of the OCI distribution-spec 1.1 or 1.0: where
// there is no referrers API, the referrers tag of the specification is read, and
// written. A version tag of the mirror is never moved, and a ledger never made
// shorter: what is different there is told.
package mirror
