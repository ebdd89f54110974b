// Package attesttest has predicates for tests.
package attesttest

import "github.com/oarlock/oarlock/policy/attest"

// Good has one predicate of each type that is understood.
var Good = map[string]string{
	attest.TypeCycloneDX: `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,
		"metadata":{"timestamp":"2026-01-02T03:04:05Z","component":{"type":"application","name":"hello","bom-ref":"root"}},
		"components":[{"type":"library","name":"lib","version":"1.0.0","purl":"pkg:golang/lib@1.0.0","bom-ref":"lib",
			"hashes":[{"alg":"SHA-256","content":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}],"components":[{"type":"file","name":"a.txt","bom-ref":"a"}]}],
		"dependencies":[{"ref":"root","dependsOn":["lib"]}]}`,
	attest.TypeSPDX: `{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"hello","documentNamespace":"https://example.org/spdx/hello-1",
		"creationInfo":{"created":"2026-01-02T03:04:05Z","creators":["Tool: example-1.0","Organization: Acme"]},
		"packages":[{"SPDXID":"SPDXRef-hello","name":"hello","downloadLocation":"NOASSERTION","versionInfo":"1.0.0"}],
		"files":[{"SPDXID":"SPDXRef-file","fileName":"./hello.txt","checksums":[{"algorithm":"SHA1","checksumValue":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"}]}],
		"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relatedSpdxElement":"SPDXRef-hello","relationshipType":"DESCRIBES"}]}`,
	attest.TypeProvenanceV1: `{"buildDefinition":{"buildType":"https://example.org/build/v1","externalParameters":{"ref":"refs/tags/v1"},
			"resolvedDependencies":[{"uri":"git+https://example.org/acme/hello","digest":{"gitCommit":"c27d339ee6075c1f744c5d4b200f7901aad2c369"}}]},
		"runDetails":{"builder":{"id":"https://ci.example.org/runner"},"metadata":{"invocationId":"7","startedOn":"2026-01-02T03:04:05Z","finishedOn":"2026-01-02T03:05:05Z"}}}`,
	attest.TypeProvenanceV02: `{"builder":{"id":"https://ci.example.org/runner"},"buildType":"https://example.org/build/v0","invocation":{"configSource":{"uri":"git+https://example.org/acme/hello"}},
		"metadata":{"buildStartedOn":"2026-01-02T03:04:05Z","reproducible":false,"completeness":{"parameters":true,"environment":false,"materials":false}},
		"materials":[{"uri":"git+https://example.org/acme/hello","digest":{"sha1":"c27d339ee6075c1f744c5d4b200f7901aad2c369"}}]}`,
	attest.TypeTestResult: `{"result":"PASSED","configuration":[{"name":"ci.yaml","digest":{"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}],
		"url":"https://ci.example.org/7","passedTests":["unit","end to end"],"warnedTests":[],"failedTests":[]}`,
	attest.TypeCosignVuln: `{"invocation":{"uri":"https://ci.example.org/7","event_id":"7","builder.id":"https://ci.example.org"},
		"scanner":{"uri":"pkg:github/example/scanner@1.0","version":"1.0","db":{"uri":"https://db.example.org","version":"3"},"result":{"matches":[]}},
		"metadata":{"scanStartedOn":"2026-01-02T03:04:05Z","scanFinishedOn":"2026-01-02T03:04:06Z"}}`,
	attest.TypeVulns: `{"scanner":{"uri":"pkg:github/example/scanner@1.0","version":"1.0","db":{"uri":"https://db.example.org","version":"3","lastUpdate":"2026-01-01T00:00:00Z"},
			"result":[{"id":"CVE-2026-0001","severity":[{"method":"CVSS_V3","score":"5.0"}]}]},
		"metadata":{"scanStartedOn":"2026-01-02T03:04:05Z","scanFinishedOn":"2026-01-02T03:04:06Z"}}`,
	attest.TypeReview: `{"verdict":"approved","reviewer":"security@example.org","reviewed_at":"2026-01-02T03:04:05Z"}`,
}
