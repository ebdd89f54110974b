// Package trust reads the trust policy of a site: whose signature counts in
// which namespace. It is a YAML file:
//
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
//	      - name: ci
//	        key: {file: keys/ci.pub}
//
// An exact publisher wins over "*" whole: nothing is inherited. A namespace
// that no entry speaks for trusts nobody and requires a signature, so that its
// versions stay pending.
package trust
