package explained

import (
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy/explain"
)

// A Policy is whom a site trusts, namespace by namespace.
type Policy struct {
	Digest       digest.Digest  `json:"digest" doc:"Equal for policies that judge alike."`
	TrustedRoots int            `json:"trusted_roots" doc:"Sigstore trusted roots that certificates are judged by."`
	Namespaces   []explain.Rule `json:"namespaces"`
	// Platforms are the registries whose ledgers count beside this site's own.
	Platforms []explain.Signer `json:"platforms"`
}

// An Explained version is a judgement with what the catalog makes of it.
type Explained struct {
	index.Stamp
	ID        string        `json:"id"`
	Version   string        `json:"version"`
	Digest    digest.Digest `json:"digest"`
	Reference string        `json:"reference"`
	Listed    bool          `json:"listed"`
	explain.Explanation
}
