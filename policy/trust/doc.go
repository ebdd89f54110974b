// Package trust reads the trust policy of a site: whose signature counts in
// which namespace. It is a YAML file:
//
//	trusted_roots:              # whose certificates and logs count; for identities only
//	  - {file: trusted_root.json}
//	platforms:                  # other registries whose ledgers count here, as after a mirror
//	  - {name: plugins.example.org, key: {file: platform.pub}}
//	logs:                       # publication logs of other sites: since when a version is public
//	  - plugins.example.org/log/k3v9q2m7xw+1f2e3d4c+AX…
//	namespaces:
//	  acme:                     # a publisher, or "*" for every other one
//	    signature: required     # required (default) or optional
//	    threshold: 1            # how many different signers must have signed
//	    signers:
//	      - name: release       # what answers call the signer
//	        key:                # PEM, inline or beside the policy file
//	          pem: |
//	            -----BEGIN PUBLIC KEY-----
//	            …
//	      - name: site          # several keys of one signer, who counts once: rotation
//	        keys:
//	          - file: site-2025.pub
//	            not_after: 2026-07-01T00:00:00Z
//	          - file: site-2026.pub
//	            not_before: 2026-06-01T00:00:00Z
//	      - name: laptop        # stolen
//	        key: {file: laptop.pub}
//	        revoked:
//	          from: 2026-03-01T00:00:00Z
//	          before: keep      # what was provably signed before: keep or deny
//	      - name: ci            # or who logged in to sign: a certificate's identity
//	        identity:
//	          issuer: https://token.actions.githubusercontent.com
//	          subject_pattern: https://github\.com/acme/.*
//	        transparency_log: required   # required (default) or optional
//	        certificate_log: required    # required (default) or optional
//	    ledger_keys: true       # the keys of the publisher's ledger count too, as one signer
//	    attestations:           # what must be attested, by one of the signers; nothing by default
//	      - type: sbom          # sbom, provenance, test-result, vulnerabilities, review, or a predicate type's URI
//	        required: true      # true (default); false only says whose builds count
//	      - type: provenance
//	        builder: https://github.com/actions/runner   # or builder_pattern:
//
// A pattern is a regular expression that must match the whole text. Where a
// log is optional, a signed timestamp must still prove when was signed.
//
// not_before, not_after and revoked stand beside key: or identity:, or in each
// of keys:. They are judged at the time that a timestamp or a log entry of the
// trusted roots proves, the earliest where there are several, and never by a
// clock: a signature that proves no time does not count where they stand.
//
// ledger_keys counts the keys that the publisher's own ledger establishes, as
// far as platforms: lets it hold, with the times that it gives them. Whoever has
// one of them can add another, so that all of them are one signer. A ledger that
// does not hold, or was not read, could not tell.
//
// An exact publisher wins over "*" whole: nothing is inherited. A namespace
// that no entry speaks for trusts nobody and requires a signature, so that its
// versions stay pending.
package trust
