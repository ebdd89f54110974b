// Package pack builds a plugin directory into an OCI artifact and takes an
// artifact's layers apart again.
//
// A plugin directory holds plugin.json, the plugin manifest (see
// artifact.Schema), and the plugin's files:
//
//	plugin.json            id, version, …
//	README.md              becomes "readme" where plugin.json has none
//	CHANGELOG.md           becomes "changelog" where plugin.json has none
//	.oarlockignore         patterns of files to leave out, as in .gitignore
//	platforms/linux-amd64/ files for one platform only: <os>-<arch>[-<variant>]
//	…                      everything else travels as it is
//
// Without platforms/ the result is one manifest with one content layer. With
// it the result is an image index with one manifest per platform; each child
// has the shared files as its first layer and the files of its platform, with
// the directory name stripped, as its second. A file may be in one of the two,
// not in both.
//
// A layer's title is the file name that stock tools save it by,
// <plugin>-<version>[-<os>-<arch>].tar.gz; whoever knows the media type unpacks it.
//
// Build is reproducible: the same files give the same digest on every machine.
// Names are sorted and in Unicode NFC, times are zero, there are no owners,
// and a file is executable when its first bytes say so (#!, ELF, Mach-O, PE),
// because the file systems of the world do not agree on mode bits. The tar is
// GNU format; gzip is klauspost/compress at a fixed level, never the standard
// library's, whose output changes with Go. There is no clock: "created" comes
// from plugin.json or from SOURCE_DATE_EPOCH.
//
// Unpack trusts nothing. Everything is written below an os.Root, and each way
// of being wrong has a Code.
//
// Source: OCI image-spec 1.1, reproducible-builds.org/specs/source-date-epoch.
package pack
