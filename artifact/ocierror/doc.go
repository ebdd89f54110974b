// Package ocierror has the error body of OCI distribution-spec 1.1, and the one
// way to answer with it. The code of the specification is one of a closed list,
// so the stable code of the HTTP API goes into the detail of each error, as
// "code".
package ocierror
