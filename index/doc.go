// Package index finds plugins: it says which versions there are, which of
// them fit the asking host, and what each one waits for.
//
// This package holds the words that the rooms below it share, which are also
// the JSON of the HTTP API: the server (index/api) writes them, the client
// (index/client) reads them, the engines (index/catalog, index/resolve)
// compute them. It decides nothing and imports only artifact, so that a host
// application that imports index/client inherits nothing big.
package index
