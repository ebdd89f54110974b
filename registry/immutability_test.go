package registry_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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

// Proves D7: the refusal keeps the earlier version and names versions that a
// push then takes.
func TestAConflictNamesTheNextFreeVersions_D7(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t))
	for _, v := range []string{"1.0.0", "1.0.1", "1.1.0"} {
		c.pushed("acme/hello", v, plugin("acme/hello", v, ""))
	}
	refused, _ := c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", "other"))
	c.refused(refused, http.StatusConflict, "DENIED")
	var body struct {
		Errors []struct {
			Message string
			Detail  map[string]string
		}
	}
	if err := json.Unmarshal(refused.body, &body); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"next_patch": "1.0.2", "next_minor": "1.2.0", "next_major": "2.0.0"} {
		got := body.Errors[0].Detail[key]
		if got != want || !strings.Contains(body.Errors[0].Message, want) {
			t.Errorf("%s is %q, want %s, in the message too: %s", key, got, want, body.Errors[0].Message)
		}
		next, _ := c.put("acme/hello", want, plugin("acme/hello", want, "other"))
		c.want(next, http.StatusCreated)
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

func layerOf(c *client, text string, note string) ocispec.Descriptor {
	d := c.blob("acme/hello", []byte(text))
	d.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	d.Annotations = map[string]string{"dev.cosignproject.cosign/signature": note}
	return d
}

// Proves B2 and C2: what was counted stays where it was counted, so nobody who
// may push can crowd a signature out of the part that a verifier reads.
func TestSignatureTagsGrowAtTheirEndOnly_B2(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t))
	of := c.pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	tag := strings.Replace(of.Digest.String(), ":", "-", 1) + ".sig"
	good, more, junk := layerOf(c, "payload", "good"), layerOf(c, "payload", "more"), layerOf(c, "junk", "junk")
	c.pushed("acme/hello", tag, image(nil, good))
	other := good
	other.MediaType = "application/x-junk"
	for name, layers := range map[string][]ocispec.Descriptor{
		"junk before it":         {junk, good},
		"another type":           {other},
		"gone":                   {junk},
		"the same, not counted":  {layerOf(c, "payload", "changed")},
		"junk before it, twice":  {junk, good, good},
		"its type changed, more": {other, good},
	} {
		a, _ := c.put("acme/hello", tag, image(nil, layers...))
		if text := c.refused(a, http.StatusConflict, "DENIED"); !strings.Contains(text, "only grows") {
			t.Errorf("%s: %s", name, text)
		}
	}
	c.pushed("acme/hello", tag, image(nil, good, more))
	c.pushed("acme/hello", tag, image(nil, good, more, junk))
}

// Proves B2 and F14: the referrers tag keeps its entries in their order, takes
// new ones where clients sort them, and the subject itself where cosign copy
// puts it.
func TestReferrersTagsKeepTheirEntries_B2_F14(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t))
	content := encode(t, plugin("acme/hello", "1.0.0", ""))
	of := c.pushed("acme/hello", "1.0.0", content)
	for alg, tag := range map[digest.Algorithm]string{
		digest.SHA256: "sha256-" + of.Digest.Encoded(),
		digest.SHA512: "sha512-" + digest.SHA512.FromBytes(content).Encoded()[:64],
	} {
		t.Run(alg.String(), func(t *testing.T) {
			subject := alg.FromBytes(content)
			var notes []ocispec.Descriptor
			for _, text := range []string{"one", "two", "three"} {
				notes = append(notes, c.pushed("acme/hello", "", image(func(m *ocispec.Manifest) {
					withSubject(subject)(m)
					m.Annotations = map[string]string{"note": text}
				})))
			}
			stranger := c.pushed("acme/hello", "", image(withSubject(digest.FromString("something else"))))
			if alg == digest.SHA256 {
				c.pushed("acme/hello", tag, content) // cosign copy
				c.want(c.get("acme/hello", "manifests", tag), http.StatusOK)
			}
			c.pushed("acme/hello", tag, index(nil, notes[0], notes[2], stranger))
			c.pushed("acme/hello", tag, index(nil, append(slices.Clone(notes), stranger)...))
			for name, list := range map[string]ocispec.Index{
				"gone":     index(nil, notes[1], notes[2], stranger),
				"reversed": index(nil, notes[2], notes[1], notes[0], stranger),
			} {
				a, _ := c.put("acme/hello", tag, list)
				if text := c.refused(a, http.StatusConflict, "DENIED"); !strings.Contains(text, "only grows") {
					t.Errorf("%s: %s", name, text)
				}
			}
			a, _ := c.put("acme/hello", tag, content)
			if alg == digest.SHA256 {
				c.refused(a, http.StatusConflict, "DENIED")
			}
			var got ocispec.Index
			if err := json.Unmarshal(c.want(c.get("acme/hello", "referrers", subject.String()), http.StatusOK).body, &got); err != nil || len(got.Manifests) != 3 {
				t.Errorf("referrers %+v, %v, want the three notes", got.Manifests, err)
			}
		})
	}
}
