// Package entitlement judges whether what a tenant is suffices for what a plugin
// asks for: its tier and its niches. It is pure.
//
//	tier     the tenant's is that of the plugin or one above it; a plugin without one needs none
//	niches   the tenant has one of the plugin's; a plugin without any fits all
//
// A tier that the site does not know is policy.Unknown, which denies.
package entitlement
