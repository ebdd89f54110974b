// Package client is Oarlock for host applications: ask a catalog, resolve
// plugins to digests, pull them by digest, verify them before a byte is
// unpacked, and keep them in a local store with updates and rollback.
//
// Three values do the work, each usable alone:
//
//	Client  asks the HTTP API: Search, Show, Version, Why, Resolve, Catalog
//	Puller  pulls one version from any OCI registry into a directory
//	Store   keeps the plugins of one host: Install, Update, Rollback, List
//
// Catalog is what the Client answers as an interface: package index/signed
// answers the same from a signed artifact, with no server but a registry.
//
// A Store on disk:
//
//	DIR/state.json          what is active and what was before; replaced whole
//	DIR/oarlock-lock.json   the exact digests that are active, for people and version control
//	DIR/state.json.damaged  the state before the last that was damaged, if one was
//	DIR/content/<key>/      one version, by digest: files/ and record.json; never changed
//	DIR/staging/            work in progress; swept by the next call that changes anything
//	DIR/.lock               held by whoever changes the store
//
// A change pulls and verifies everything into content first and then replaces
// state.json by one rename. Whatever is cut before that rename leaves the
// earlier state working; what comes after it can be derived again.
//
// Whoever imports the package inherits the standard library, oras-go, the OCI
// types, SemVer and the pinned decompressor, and nothing else; a test keeps it
// so.
package client
