// Package feed tells what happened as Atom (RFC 4287) and JSON Feed 1.1: of one
// plugin, of a publisher, and of the site.
//
//	/feeds/site.atom                  /feeds/site.json
//	/feeds/publishers/acme.atom       /feeds/publishers/acme.json
//	/feeds/plugins/acme/hello.atom    /feeds/plugins/acme/hello.json
//
// A feed is computed when it is asked for, from what its reader may know of: the
// versions that are listed, and the statements in the ledgers of plugins. Nothing
// is kept for it, so a mirror, and a site whose database was lost, tell the same.
//
// The id of an entry is made from the key of its event in the publication log
// (publog.LeafKey), so it is the same on every replica and every mirror, in every
// feed and for ever. Pages follow one another by links (RFC 5005, section 3).
package feed
