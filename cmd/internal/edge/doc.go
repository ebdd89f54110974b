// Package edge is what stands between the network and everything else of a
// server: certificates that are replaced while it serves, bodies that must
// move, as many connections and requests as it can bear, and who a request
// comes from where a proxy stands in between. It gives each request an id, and
// counts, times and logs it.
package edge
