// Package block has what may not be read: the records of blocks, what a blocked
// manifest takes along, and what other manifests keep readable nevertheless.
//
//	block.go, record.go     a block, made and ended; its file, of which the name alone blocks
//	lapse.go                blocks that end by themselves
//	set.go, reach.go        all blocks at one moment, and whether one keeps a digest from being read
//	speaking.go             what stays readable of a repository that is blocked whole
//	heard.go, watch.go      what other replicas announce, and what storage says besides
//	region.go               a part of a repository that others decide about
//	withheld.go             why readers cannot have a manifest whole, blocked or in quarantine
//
// Below /oarlock/blocks in storage. Who may block, and writing it down, is for
// the caller. Where it is not known what is blocked, Check denies.
package block
