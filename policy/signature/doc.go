// Package signature judges who signed, with cosign's and sigstore-go's own
// verification, and signs in the form that cosign verifies.
//
// Evidence about a digest is looked for where clients put it:
//
//	tag sha256-<hex>.sig       cosign 2: one manifest, one layer for each signature
//	referrers of the digest    cosign 2 in OCI 1.1 mode, and sigstore bundles (cosign 3)
//	tag sha256-<hex>           the referrers of registries without that API
//
// Whatever is in two of these places counts once. Judging is a function of the
// bytes and the trust policy alone: no clock, no network, no transparency log.
//
//	verified    signatures by at least `threshold` trusted signers hold
//	unverified  there are well-formed signatures, too few by trusted signers
//	invalid     what is there is malformed, too large, or for another digest
//	unsigned    there is nothing
//	""          something could not be read, and what could does not suffice
//
// Only this package imports cosign.
package signature
