// Package durable writes small files so that a power cut cannot take back what
// was reported as written.
//
// A file is written beside its place, its bytes are synced, it is moved into
// place in one step, and then the folder is synced: without the last step a
// power cut may forget the name although the bytes are there. Whoever reads
// meanwhile sees the old file or the new one, never a part.
//
//	write temporary ─ sync file ─ rename or link ─ sync folder ─ nil
//
// An error means that the file is the old one or the new one, whole; which of
// the two is not known.
package durable
