// Package lostkeys decides whether a key of a site that is not there may be made:
// it is that of a first start only where nothing is there that it signed. Elsewhere
// it was lost, and with another in its place all that the lost one signed would be
// forged. What it signed outlives it in the registry and in the database, so these
// are asked, not the files beside it. What could not be told denies.
package lostkeys
