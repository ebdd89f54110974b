// Package tenant says what a tenant is, which hosts it runs, which plugins it
// has and who asks for it: the records, the store that keeps them, and who may
// change what.
//
// Rows of a tenant are reached through its Rows alone, which Store.OfTenant gives
// out: no question names another tenant, so none can answer for it.
//
// A Service does for people what they may do to a tenant: each change is one
// transaction with its row of the audit log, and a tenant that the caller may not
// read is answered, byte for byte, as one that is not there.
//
// Nothing here decides what a host should run. That is computed from these
// records, the catalog and the lifecycle of each plugin.
package tenant
