package registry_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/registry/registrytest"
)

// A clause is one thing that OCI distribution-spec 1.1 asks of a registry, as
// a sentence, and a check that fails where it does not hold. Each check has a
// repository of its own, in a free namespace: what Oarlock forbids on purpose
// in an ordinary one is checked with the gate.
type clause struct {
	word  string // MUST, SHOULD or MAY, as the specification has it
	says  string
	check func(c *client, repo string)
}

// TestDistributionSpec_B1 runs every clause of the four categories against the
// real registry, on disk and in memory.
func TestDistributionSpec_B1(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]registrytest.Option{
		"filesystem": {registrytest.Free("free")},
		"inmemory":   {registrytest.Free("free"), registrytest.InMemory()},
	} {
		s := registrytest.New(t, options...)
		t.Run(name, func(t *testing.T) { checkClauses(t, s) })
	}
}

// checkClauses runs every clause of the four categories against s, in which
// the namespace free is free; as changes the client of each.
func checkClauses(t *testing.T, s *registrytest.Server, as ...func(*client)) {
	categories := map[string][]clause{
		"pull": pullClauses, "push": pushClauses, "blob uploads": uploadClauses,
		"content discovery": discoveryClauses, "referrers": referrersClauses,
		"content management": managementClauses, "errors": errorClauses,
	}
	for category, clauses := range categories {
		for i, k := range clauses {
			t.Run(category+"/"+k.word+" "+k.says, func(t *testing.T) {
				c := newClient(t, s)
				for _, change := range as {
					change(c)
				}
				k.check(c, fmt.Sprintf("free/%s/n%d", slug(category), i))
			})
		}
	}
}

func slug(s string) string { return strings.ReplaceAll(s, " ", "-") }

var errorCode = regexp.MustCompile(`^[A-Z_]+$`)

// specCodes are code-1 to code-14.
var specCodes = map[string]bool{
	"BLOB_UNKNOWN": true, "BLOB_UPLOAD_INVALID": true, "BLOB_UPLOAD_UNKNOWN": true, "DIGEST_INVALID": true,
	"MANIFEST_BLOB_UNKNOWN": true, "MANIFEST_INVALID": true, "MANIFEST_UNKNOWN": true, "NAME_INVALID": true,
	"NAME_UNKNOWN": true, "SIZE_INVALID": true, "UNAUTHORIZED": true, "DENIED": true, "UNSUPPORTED": true,
	"TOOMANYREQUESTS": true,
}

var errorClauses = []clause{
	{"MUST", "a 4xx answer in JSON has errors, each with a code of the list and a message", func(c *client, repo string) {
		blob := c.blob(repo, []byte("x"))
		for what, a := range map[string]answer{
			"unknown manifest":   c.get(repo, "manifests", "no-such-tag"),
			"unknown blob":       c.get(repo, "blobs", missingDigest),
			"malformed digest":   c.get(repo, "blobs", "sha256:short"),
			"malformed name":     c.get("Free/UPPER", "manifests", "x"),
			"unknown repository": c.get("free/none", "tags", "list"),
			"bad page":           c.get(repo, "tags", "list?n=-1"),
			"bad manifest":       c.send("PUT", "/v2/"+repo+"/manifests/x", []byte("{"), "Content-Type", "application/json"),
			"wrong digest":       c.putBlob(repo, []byte("y"), blob.Digest),
			"unknown upload":     c.send("GET", "/v2/"+repo+"/blobs/uploads/5f0a9f2e-7d52-4d71-8e4f-000000000000", nil),
			"wrong method":       c.send("POST", "/v2/"+repo+"/manifests/x", nil),
			"no endpoint":        c.send("GET", "/v2/"+repo+"/nothing", nil),
		} {
			if a.status < 400 || a.status > 499 {
				c.t.Errorf("%s: status %d, want 4xx", what, a.status)
			}
			var body struct {
				Errors []struct{ Code, Message string } `json:"errors"`
			}
			if err := json.Unmarshal(a.body, &body); err != nil || len(body.Errors) == 0 {
				c.t.Errorf("%s: no errors in %s", what, a.body)
			}
			for _, e := range body.Errors {
				if !errorCode.MatchString(e.Code) || !specCodes[e.Code] || e.Message == "" {
					c.t.Errorf("%s: error %+v", what, e)
				}
			}
			if ct := a.header.Get("Content-Type"); ct != "application/json" {
				c.t.Errorf("%s: Content-Type %q", what, ct)
			}
		}
	}},
	{"MUST", "GET /v2/ says 200 where the specification is implemented", func(c *client, _ string) {
		c.want(c.send("GET", "/v2/", nil), 200)
	}},
}

const missingDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
