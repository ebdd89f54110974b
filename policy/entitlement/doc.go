// Package entitlement judges whether what a tenant is and has bought suffices for
// what a plugin asks for: its tier, its niches, its licence. It is pure.
//
//	tier     the tenant's is that of the plugin or one above it; a plugin without one needs none
//	niches   the tenant has one of the plugin's; a plugin without any fits all
//	licence  where a rule of the site asks for one: Judge, the same for server, host and command line
//
// A licence and a lease are two documents. The licence is the seller's: what was
// bought, until when, and what its end means. The lease is the site's: short, it
// holds a seat, and a host goes by it while nobody answers.
//
//	licences of a tenant ──Select──► State ──Judge(at)──► Answer
//	                                   │
//	                                   └─ in the desired state of a host ──Watch.Judge──► Answer
//
// What could not be told (a tier that the site does not know, a version of which
// nobody knows when it was released) is policy.Unknown, which denies.
package entitlement
