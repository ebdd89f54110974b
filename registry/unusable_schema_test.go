package registry_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// Proves I4: a version whose configuration schema is beyond the limits is refused,
// and takes no version number.
func TestASchemaBeyondTheLimitsTakesNoNumber_I4(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	for says, row := range map[string][2]string{
		"a file":         {`{"$ref":"file:///etc/passwd"}`, "/config_schema/$ref"},
		"the network":    {`{"properties":{"a":{"$ref":"https://example.org/a.json"}}}`, "/config_schema/properties/a/$ref"},
		"too large":      {`{"title":"` + strings.Repeat("x", 65536) + `"}`, "expected at most 65536"},
		"a long pattern": {`{"pattern":"` + strings.Repeat("a", 257) + `"}`, "expected at most 256"},
		"no schema":      {`{"type":"text"}`, "/config_schema/type"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, registrytest.New(t, registrytest.InMemory()))
			c.blob(repo, emptyConfig)
			with := func(schema string) answer {
				m := plugin(repo, "1.0.0", "")
				m.Config = c.blob(repo, []byte(`{"id":"acme/hello","version":"1.0.0","config_schema":`+schema+`}`))
				m.Config.MediaType = artifact.TypeConfig
				a, _ := c.put(repo, "1.0.0", m)
				return a
			}
			if text := c.refused(with(row[0]), http.StatusBadRequest, "MANIFEST_INVALID"); !strings.Contains(text, row[1]) {
				t.Errorf("the refusal %q does not say %q", text, row[1])
			}
			c.want(with(`{"type":"object","properties":{"a":{"writeOnly":true}}}`), http.StatusCreated)
		})
	}
}
