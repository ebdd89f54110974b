// Package integrity finds what is wrong with a storage and makes good what it
// can, beside whoever serves it:
//
//	scrub.go           all bytes read and hashed again, slowly, on from where it ended
//	fsck*.go           everything that is stored held against everything that names it
//	repair.go          Fsck that mends: bytes from memory or an origin, links from manifests
//	origin.go          another registry from which bytes are fetched, believed by digest alone
//
// What a reader meets is put into quarantine by package storage itself; these are the
// batch jobs above it.
package integrity
