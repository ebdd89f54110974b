// Package storage is what repositories hold, over the bytes of package driver:
//
//	links.go, locks.go      what a tag, a manifest's or a blob's link means; who writes it
//	manifests.go, bytes.go  a manifest or blob put whole, after what it names was found
//	referrers.go            who refers to whom, and the pages in which that is told
//	reach.go, kept.go       what a manifest reaches, and what keeps it
//	quarantine.go           bytes found damaged: quarantined, refused, and back when good ones come
//	listing.go, usage.go    all that a repository holds, for collectors, copies and quotas
//	source.go               what is read by those who ask for no single request
//
// What is read is checked against its digest (verified.go) and held in memory
// where nobody else writes (cache.go). No rule of a push is asked here and
// nothing is known of HTTP but the words in which a request is refused: who
// may do what, and what a tag may mean, is for the caller to decide before.
//
// Names: a link is a file that holds a digest; a layer's link makes a blob
// belong to a repository, a revision's a manifest. Bytes go into quarantine when they
// are damaged; a link is when a collector found nothing that needs it.
package storage
