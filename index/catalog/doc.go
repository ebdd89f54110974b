// Package catalog is what Oarlock knows about every plugin, as one immutable
// value: a Snapshot is made from what ingest derives, answers every question
// about plugins, and has a digest that depends on its content alone.
//
// The package does no I/O besides encoding and decoding, and reads no clock.
//
//	Plugin   what ingest says about one plugin, whole; the unit of change
//	record   its canonical bytes; the digest is made from them, and a Plugin is
//	         decoded from them when an answer shows it
//	entry    the few traits of a Plugin that questions are decided by
//	Snapshot a persistent tree of entries; With copies only what changes
//	times    when its versions came here: beside the record, in no digest
//	Live     the Snapshot that serves, and those that served just before
//
// Read it in this order: codec, record; then entry, trait and shelf, which are
// what a Snapshot keeps of a record; then view and words, which are made for a
// question and kept for the next; and search, which joins them.
//
// A version is listed when it waits for nothing (Pending is empty), is not
// yanked, and its plugin is active or deprecated. Suspended and removed plugins
// are in no answer to someone who wants to install: only Plugin, Why and lock
// files still reach them. A version that is listed fits a question (Fit) when
//
//   - its engines name the host and hold the host's version; a question without
//     host version asks only whether the host is named, one without host asks nothing;
//   - one of its builds runs on the platform asked for;
//   - it is stable, or prereleases are asked for; with a channel it is exactly
//     the version that the channel points to, prerelease or not, and nothing else.
//
// Everything that an answer shows of a plugin is said by its newest version
// that fits; filters look at that version too.
package catalog
