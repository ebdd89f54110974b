package registry_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// plugin is a plugin version by annotations alone, as oras push makes one.
func plugin(id, version, salt string) ocispec.Manifest {
	return image(func(m *ocispec.Manifest) {
		m.ArtifactType = artifact.TypePlugin
		m.Annotations = map[string]string{
			"dev.oarlock.plugin.id":               id,
			"dev.oarlock.plugin.engine.acme-host": ">=1.0.0",
			ocispec.AnnotationVersion:             version,
			ocispec.AnnotationCreated:             "2026-01-02T03:04:05Z",
		}
		if salt != "" {
			m.Annotations["salt"] = salt
		}
	})
}

func TestVersionTagIsImmutable_B2(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t))
	first := plugin("acme/hello", "1.0.0", "")
	d := c.pushed("acme/hello", "1.0.0", first)

	again, _ := c.put("acme/hello", "1.0.0", first)
	c.want(again, http.StatusCreated)

	other, o := c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", "other"))
	text := c.refused(other, http.StatusConflict, "DENIED")
	for _, part := range []string{`"1.0.0"`, d.Digest.String(), o.Digest.String(), "org.opencontainers.image.created=2026-01-02T03:04:05Z"} {
		if !strings.Contains(text, part) {
			t.Errorf("the refusal does not say %s:\n%s", part, text)
		}
	}
	got := c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	if digest.FromBytes(got.body) != d.Digest {
		t.Errorf("the tag now holds %s, want %s", digest.FromBytes(got.body), d.Digest)
	}
}

func TestOneOf64RacingPushesWins_B2(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t)
	c := newClient(t, s)
	c.blob("acme/hello", emptyConfig)
	const racers = 64
	answers, digests := make([]answer, racers), make([]string, racers)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range racers {
		content := encode(t, plugin("acme/hello", "1.0.0", fmt.Sprint(i)))
		digests[i] = digest.FromBytes(content).String()
		done.Go(func() {
			start.Wait()
			a, err := c.try("PUT", "/v2/acme/hello/manifests/1.0.0", content, "Content-Type", ocispec.MediaTypeImageManifest)
			if err != nil {
				t.Error(err)
			}
			answers[i] = a
		})
	}
	start.Done()
	done.Wait()
	winner := -1
	for i, a := range answers {
		if a.status == http.StatusCreated {
			if winner >= 0 {
				t.Fatalf("pushes %d and %d both won", winner, i)
			}
			winner = i
		}
	}
	if winner < 0 {
		t.Fatalf("no push won: %s", answers[0].body)
	}
	for i, a := range answers {
		if i == winner {
			continue
		}
		text := c.refused(a, http.StatusConflict, "DENIED")
		if !strings.Contains(text, digests[winner]) || !strings.Contains(text, digests[i]) {
			t.Errorf("refusal %d does not name both digests: %s", i, text)
		}
	}
	got := c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	if d := digest.FromBytes(got.body).String(); d != digests[winner] {
		t.Errorf("the tag holds %s, the winner pushed %s", d, digests[winner])
	}
}
