// Package e2e drives the stock oras, cosign and crane against a built oarlock.
// Its tests carry the build tag e2e and run by `make e2e`, which installs the
// clients; each starts a server of its own on a free loopback port.
package e2e
