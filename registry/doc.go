// Package registry keeps bytes: the OCI distribution API 1.1 under /v2/ on an
// embedded distribution/v3, a gate in front of it that decides which name and
// tag may be written, and the referrers API.
//
// One request passes
//
//	ServeHTTP → route → principal → guards → rules of the gate → store → Sink
//
// Push, Replace and PushBlob are the same operations for whoever pushes from inside the
// process, with the same guards and rules, and errors of the kinds of artifact.
//
// Uploads run in distribution's own handler; manifests, tags, blobs and
// referrers are answered here over the same storage driver, so that a refusal
// is decided before anything is written and everything acknowledged has been
// written before.
//
// What repositories hold is registry/storage, over registry/storage/driver, which
// keeps bytes and says how they become durable, how a write is fenced and what
// comes back from a collector. What may not be read is registry/block; what is wrong
// with stored bytes, and what mends it, registry/integrity. A Registry answers
// for what it is made of too.
//
// Storage, below the driver's root:
//
//	/docker/registry/v2/…                                       distribution's layout, readable by any distribution registry
//	  blobs/<alg>/<2 hex>/<hex>/data                            bytes, once per digest
//	  repositories/<repo>/_layers/<alg>/<hex>/link              the blob belongs to the repository
//	  repositories/<repo>/_manifests/revisions/<alg>/<hex>/link the manifest belongs to the repository
//	  repositories/<repo>/_manifests/tags/<tag>/current/link    what the tag means now
//	  repositories/<repo>/_uploads/<id>/…                       uploads in progress
//	/oarlock/…                                                  ours
//	  layout                                                    version of this half, written after the first reconcile
//	  blocks/…                                                  what may not be read, one file each; blocks-epoch changes with them
//	  quarantine/<alg>/<hex>/…                                  bytes that were found damaged, and what was found
//	  scrub                                                     how far the last check of all bytes got
//	  gc/…                                                      what a garbage collection set aside or marked
//	  upload-secret                                             key of the upload tokens
//	  repositories/<repo>/_repository                           one file per repository that ever held a manifest
//	  referrers/<repo>/_subject/<alg>/<hex>/<alg>-<hex>         descriptor of one referrer of the subject
//
// A manifest is written in this order: bytes, revision link, repository mark,
// referrer link, tag. A crash between two of them leaves something that the
// same push finishes and that Fsck names. On a local file system they are synced
// together, before the tag and again after it, and with them every blob that was
// uploaded before; docs/design.md says what that means for a power cut.
//
// Bytes are checked against their digest when they are read for the first time
// and when their file has changed since; what is damaged is quarantined and not
// served, until good bytes are pushed or fetched again. Scrub reads all of them
// now and then, Fsck names what is wrong, Repair fixes what it can.
package registry
