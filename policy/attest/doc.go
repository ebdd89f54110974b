// Package attest judges what in-toto attestations say about a version. Who
// signed them is told by its Signatures, which is policy/signature; this package
// reads no signature and no registry.
//
// An attestation is verified when four things hold: a trusted signer of the
// namespace signed it, its statement names the version's digest, what it says
// follows the schema of its predicate type, and it was built by whom the trust
// policy takes. Everything else is kept, shown with the reason, and counts for
// nothing. A predicate type that is not in this list is kept and shown as it
// is, and is no kind:
//
//	sbom             https://cyclonedx.org/bom[/v1.x] (CycloneDX 1.4 to 1.7)
//	                 https://spdx.dev/Document[/v2.3] (SPDX 2.3)
//	provenance       https://slsa.dev/provenance/v1, https://slsa.dev/provenance/v0.2
//	test-result      https://in-toto.io/attestation/test-result/v0.1
//	vulnerabilities  https://cosign.sigstore.dev/attestation/vuln/v1
//	                 https://in-toto.io/attestation/vulns/v0.2
//	review           https://oarlock.dev/attestation/review/v1
//
// SBOMs follow the official schemas, which are below schema/official; those of
// SPDX also what its specification requires beyond its schema. The others
// follow schemas of ours, which hold what the specifications require of the
// parts that are relied on; fields beyond them are passed over.
//
// What the trust policy requires of a version is voted on one by one:
//
//	attestation_verified    there is a verified one, and it says that it passed
//	attestation_missing     there is none of that type
//	attestation_unverified  there are some, none by a trusted signer
//	attestation_invalid     there are some by trusted signers, and none counts
//	could_not_tell          something could not be read, and what could does not suffice
//
// Nobody reviews what they signed: a review by who alone signed the version, or by
// a key that the publisher's ledger has, is kept and shown and counts for nothing,
// unless it rejects.
//
// A test result that failed does not meet a requirement. A review that rejects
// denies, whatever other reviewers say, until the same reviewer (the signer and the
// name in the review) approves later by the time that both claim. Who signs writes
// that time, so an approval that is not yet, with five minutes for clocks that
// differ, counts for nothing until it comes, and a rejection denies at once. That is
// all that a clock decides here. A review takes back those of the same reviewer whose
// digests it replaces, whatever times they claim.
package attest
