// Package remote is the client side of publishing: it pushes plugin artifacts
// to any OCI registry and turns the registry's answers into the error kinds of
// package artifact.
//
// It is a client and nothing else: it knows no server code, so a build tool
// that imports it inherits oras-go only.
//
// Source: OCI distribution-spec 1.1.
package remote
