// Package license reads what sellers signed of the licences of tenants. What a tenant,
// a host or a user may run by them is said by the one function policy/entitlement.Judge.
//
// Two documents are signed by a seller, as JWS in compact form with EdDSA:
//
//	typ oarlock-license+jwt               what a tenant (sub) of a site (aud) bought, and what its end means
//	typ oarlock-license-revocations+jwt   which of the seller's licences count no more: a numbered list, of which
//	                                      a lower number than was seen is refused
//
// Whose signatures count comes from the configuration of the site (Roots), never
// with a document: a header that brings a key is refused, like everything in a
// document that this release does not know.
package license
