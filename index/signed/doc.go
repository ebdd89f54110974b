// Package signed publishes the whole catalog as one signed OCI artifact, and
// answers from it with no index service: from any registry that holds a copy.
//
// The artifact is at oarlock/catalog:latest. Its layers are a repository of The
// Update Framework (TUF 1.0.31, without consistent snapshots: one manifest is
// one consistent whole), each with its file name as title:
//
//	N.root.json      every root there ever was; N+1 is signed by the keys of N and its own
//	timestamp.json   signed every day: which snapshot is the newest
//	snapshot.json    which targets belong to it
//	targets.json     length and digest of every file below
//	targets/contents.json     generation, catalog digest, time, number of shards
//	targets/shard-NN.zst      plugins whose hashed names begin with NN
//
// A Publisher writes it, a Catalog reads it:
//
//	Live ─► Publisher ─► oarlock/catalog:latest ─► any copy ─► Catalog
//
// A reader that has an earlier generation fetches the manifest, the metadata
// and those shards that changed: all else it has by digest.
//
// There is no tag for each generation. A reader refuses what is older than what
// it saw, so nobody could use one, and each would be kept and mirrored for good.
// A manifest that was replaced stays, untagged, for the grace period of the
// garbage collection, so that who began to read it can end.
//
// Whoever imports the package inherits go-tuf and what it brings; index/client
// does not.
package signed
