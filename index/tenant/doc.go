// Package tenant says what a tenant is, which hosts it runs, which plugins it
// has and who asks for it: the records, and the store that keeps them.
//
// Rows of a tenant are reached through its Rows alone, which Store.OfTenant gives
// out: no question names another tenant, so none can answer for it.
//
// Nothing here decides what a host should run. That is computed from these
// records, the catalog and the lifecycle of each plugin.
package tenant
