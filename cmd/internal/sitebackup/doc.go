// Package sitebackup copies a whole site beside the server that serves it, and
// brings it back: the registry, the database, the files of the data directory,
// and the trust policy with the files that it names. What comes back is held to
// the catalog that it had.
package sitebackup
