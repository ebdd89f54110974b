// Package backup keeps copies of a site in a vault: a directory that any tool
// can copy.
//
//	vault/
//	  oarlock-backups                   what this directory is, and its version
//	  objects/<alg>/<2 hex>/<hex>       bytes by digest, once for all backups
//	  listings/<alg>/<2 hex>/<hex>      what one repository held, by digest
//	  backups/<time>-<sum>.json         one backup, written last; <sum> begins its own SHA-256
//	  tmp/                              what a cut backup left; the next one removes it
//	  .lock                             held by whoever writes, shared by who reads
//
// A backup names listings, parts of database tables and files, each by digest
// and size; a listing names tags, links and bytes. So a second backup stores
// only what is new, every byte can be checked, and a backup that was cut is
// no backup: its objects are used by the next one.
//
// A repository is read in the order tags, links, bytes, which is the reverse of
// the order in which a push writes them: what a tag names is in the backup. What
// vanished between two steps was deleted or collected just then, and the
// repository is read again.
package backup
