// Package web is the marketplace in a browser: pages made on the server from
// the words of package index, which they get through Catalog and so never hold
// more than the API would tell the same reader.
//
//	request ─ reader's host (cookie) ─ Catalog ─ view ─ template ─ ETag, gzip
//
// Every page works without scripts; htmx only saves reloads. No page asks
// another host for anything, has an inline style or script, or shows a picture
// that is not its own. A client that prefers JSON gets the words themselves.
//
// What a reader sees as text stands in text/en.json, by key, so that it can be
// translated; templates hold keys and no sentences.
package web
