package registry_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// Proves B4: a guard that nobody set lets nothing through, and says its name.
func TestAMissingGuardRefuses_B4(t *testing.T) {
	t.Parallel()
	where, free := registrytest.Dir(t.TempDir()), registrytest.Free("free", "other")
	var blob, d ocispec.Descriptor
	t.Run("what is there", func(t *testing.T) {
		c := newClient(t, registrytest.New(t, where, free))
		blob, d = c.blob("free/x", []byte("a blob")), c.pushed("free/x", "one", image(nil))
		c.want(c.ledger(chain(t, "oarlock/publishers:acme", 1)), http.StatusCreated)
	})
	new := chain(t, "oarlock/publishers:other", 1)
	manifest := "/v2/free/x/manifests/" + d.Digest.String()
	upload := func(c *client) answer {
		more := []byte("more")
		return c.send("POST", "/v2/free/x/blobs/uploads/?digest="+digest.FromBytes(more).String(), more)
	}
	for guard, row := range map[string]struct {
		without func(*registry.Guards)
		acts    map[string]func(*client) answer
	}{
		"Admitter": {func(g *registry.Guards) { g.Admitter = nil }, map[string]func(*client) answer{
			"base": func(c *client) answer { return c.send("GET", "/v2/", nil) },
			"pull": func(c *client) answer { return c.send("GET", manifest, nil) },
			"push": upload,
			"list": func(c *client) answer { return c.send("GET", "/v2/_catalog", nil) },
		}},
		"Contents": {func(g *registry.Guards) { g.Contents = nil }, map[string]func(*client) answer{
			"manifest": func(c *client) answer { return c.send("GET", manifest, nil) },
			"tag":      func(c *client) answer { return c.send("GET", "/v2/free/x/manifests/one", nil) },
			"blob":     func(c *client) answer { return c.send("GET", "/v2/free/x/blobs/"+blob.Digest.String(), nil) },
		}},
		"Manifests": {func(g *registry.Guards) { g.Manifests = nil }, map[string]func(*client) answer{
			"tag": func(c *client) answer { a, _ := c.put("free/x", "two", image(nil)); return a },
		}},
		"Uploads": {func(g *registry.Guards) { g.Uploads = nil }, map[string]func(*client) answer{
			"at once": upload,
			"mount": func(c *client) answer {
				return c.send("POST", "/v2/other/x/blobs/uploads/?from=free/x&mount="+blob.Digest.String(), nil)
			},
		}},
		"Deletes": {func(g *registry.Guards) { g.Deletes = nil }, map[string]func(*client) answer{
			"tag":      func(c *client) answer { return c.send("DELETE", "/v2/free/x/manifests/one", nil) },
			"manifest": func(c *client) answer { return c.send("DELETE", manifest, nil) },
			"blob":     func(c *client) answer { return c.send("DELETE", "/v2/free/x/blobs/"+blob.Digest.String(), nil) },
		}},
		"LedgerReaders": {func(g *registry.Guards) { g.LedgerReaders = nil }, map[string]func(*client) answer{
			"tag": func(c *client) answer {
				return c.send("GET", "/v2/"+format.PublishersRepository+"/manifests/acme", nil)
			},
			"tags": func(c *client) answer { return c.send("GET", "/v2/"+format.PublishersRepository+"/tags/list", nil) },
		}},
		"Ledgers": {func(g *registry.Guards) { g.Ledgers = nil }, map[string]func(*client) answer{
			"push": func(c *client) answer { return c.ledger(new) },
		}},
	} {
		t.Run(guard, func(t *testing.T) {
			c := newClient(t, registrytest.New(t, where, free, registrytest.With(func(o *registrytest.Options) { row.without(&o.Guards) })))
			for act, ask := range row.acts {
				text := c.refused(ask(c), http.StatusForbidden, "DENIED")
				if !strings.Contains(text, "without the guard "+guard) {
					t.Errorf("%s: the refusal does not name the guard: %s", act, text)
				}
			}
		})
	}
}
