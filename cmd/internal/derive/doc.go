// Package derive says by what a catalog is derived from a registry: the trust
// policy and its judges, the key of this platform, and what the registry
// withholds. The server that follows a registry and the backup that is held to
// its catalog derive by the same.
package derive
