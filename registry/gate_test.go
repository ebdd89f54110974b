package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

func TestVersionTagTakesOnlyAPluginOfThatNameAndVersion_A1(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/hello"
	config := []byte(`{"id":"acme/hello","version":"1.0.0","engines":{"acme-host":">=1"}}`)
	configured := func(m *ocispec.Manifest) {
		m.ArtifactType = artifact.TypePlugin
		d := c.blob(repo, config)
		m.Config = ocispec.Descriptor{MediaType: artifact.TypeConfig, Digest: d.Digest, Size: d.Size}
	}
	for says, k := range map[string]struct {
		tag  string
		push any
		want []string // parts of the refusal; none when it is taken
	}{
		"a plugin by annotations is taken": {"1.0.0", plugin(repo, "1.0.0", ""), nil},
		"a plugin by config is taken":      {"1.0.0", image(configured), nil},
		"a build number is written with _": {"1.0.0_7", plugin(repo, "1.0.0+7", ""), nil},
		"a plain image is refused":         {"1.0.0", image(nil), []string{artifact.TypePlugin}},
		"another version is refused":       {"1.0.1", plugin(repo, "1.0.0", ""), []string{`"1.0.0"`, `"1.0.1"`}},
		"another plugin is refused":        {"1.0.0", plugin("acme/other", "1.0.0", ""), []string{`"acme/other"`, `"acme/hello"`}},
		"no version is refused": {"1.0.0", image(func(m *ocispec.Manifest) {
			*m = plugin(repo, "1.0.0", "")
			delete(m.Annotations, ocispec.AnnotationVersion)
		}), []string{ocispec.AnnotationVersion}},
		"a range that does not parse is refused": {"1.0.0", image(func(m *ocispec.Manifest) {
			*m = plugin(repo, "1.0.0", "")
			m.Annotations["dev.oarlock.plugin.engine.acme-host"] = "not a range"
		}), []string{"not a range"}},
		"config and annotations at odds are refused with both values": {"1.0.0", image(func(m *ocispec.Manifest) {
			configured(m)
			m.Annotations = map[string]string{ocispec.AnnotationVersion: "2.0.0"}
		}), []string{`"2.0.0"`, `"1.0.0"`, ocispec.AnnotationVersion}},
		"an index without platforms is refused": {"1.0.0", index(func(x *ocispec.Index) {
			x.ArtifactType = artifact.TypePlugin
		}, c.pushed(repo, "", plugin(repo, "1.0.0", ""))), []string{"platform"}},
	} {
		t.Run(says, func(t *testing.T) {
			c := newClient(t, registrytest.New(t, registrytest.InMemory()))
			c.blob(repo, emptyConfig)
			c.blob(repo, config)
			c.pushed(repo, "", plugin(repo, "1.0.0", ""))
			a, _ := c.put(repo, k.tag, k.push)
			if k.want == nil {
				c.want(a, http.StatusCreated)
				return
			}
			text := c.refused(a, http.StatusBadRequest, "MANIFEST_INVALID")
			for _, part := range k.want {
				if !strings.Contains(text, part) {
					t.Errorf("the refusal does not say %s:\n%s", part, text)
				}
			}
			c.want(c.get(repo, "manifests", k.tag), http.StatusNotFound)
			if k.tag == "1.0.0" { // the refused push burnt no version number
				good, _ := c.put(repo, k.tag, plugin(repo, "1.0.0", "good"))
				c.want(good, http.StatusCreated)
			}
		})
	}
}

func TestVersionTagOfPlatformsIsReadThroughItsChildren_A3(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/native"
	var children []ocispec.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		d := c.pushed(repo, "", plugin(repo, "1.0.0", arch))
		d.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		children = append(children, d)
	}
	whole := index(func(x *ocispec.Index) {
		x.ArtifactType = artifact.TypePlugin
		x.Annotations = plugin(repo, "1.0.0", "").Annotations
	}, children...)
	d := c.pushed(repo, "1.0.0", whole)
	for _, child := range append(children, d) {
		text := c.refused(c.send("DELETE", "/v2/"+repo+"/manifests/"+child.Digest.String(), nil), http.StatusMethodNotAllowed, "UNSUPPORTED")
		if !strings.Contains(text, `"1.0.0"`) {
			t.Errorf("the refusal does not name the tag: %s", text)
		}
	}
}

func TestTagFormsAreRefusedWithTheRule_B3(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	for _, tag := range []string{"v1.0.0", "1.0", "Latest", "sha256-abc", "sha256-" + strings.Repeat("a", 64) + ".other", "under_score"} {
		a, _ := c.put("acme/hello", tag, image(nil))
		if text := c.refused(a, http.StatusBadRequest, "TAG_INVALID"); !strings.Contains(text, artifact.TagRule) {
			t.Errorf("%s: the rule is not told: %s", tag, text)
		}
	}
}

func TestChannelMovesByPromotionOnly_B3(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory())
	c := newClient(t, s)
	const repo = "acme/hello"
	one := c.pushed(repo, "1.0.0", plugin(repo, "1.0.0", ""))
	two := c.pushed(repo, "2.0.0", plugin(repo, "2.0.0", ""))
	a, _ := c.put(repo, "stable", plugin(repo, "1.0.0", ""))
	if text := c.refused(a, http.StatusForbidden, "DENIED"); !strings.Contains(text, "promotion") {
		t.Errorf("promotion is not explained: %s", text)
	}
	if err := s.SetChannel(t.Context(), repo, "stable", one.Digest); err != nil {
		t.Fatal(err)
	}
	same, _ := c.put(repo, "stable", plugin(repo, "1.0.0", ""))
	c.want(same, http.StatusCreated)
	moved, _ := c.put(repo, "stable", plugin(repo, "2.0.0", ""))
	c.refused(moved, http.StatusForbidden, "DENIED")
	if err := s.SetChannel(t.Context(), repo, "stable", two.Digest); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Storage.Resolve(t.Context(), repo, "stable"); err != nil || d != two.Digest {
		t.Errorf("stable is %s, %v, want %s", d, err, two.Digest)
	}
	for _, k := range []struct {
		channel string
		d       digest.Digest
		kind    error
	}{
		{"stable", missingDigest, artifact.ErrNotFound},
		{"1.0.0", one.Digest, artifact.ErrInvalid},
		{artifact.StateTag, one.Digest, artifact.ErrInvalid},
	} {
		if err := s.SetChannel(t.Context(), repo, k.channel, k.d); !errors.Is(err, k.kind) {
			t.Errorf("SetChannel(%s, %s) = %v, want %v", k.channel, k.d, err, k.kind)
		}
	}
}

// Proves B6: a digest stands for one content, whoever reads the manifest.
func TestManifestsThatReadersUnderstandDifferentlyAreRefused_B6(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/hello"
	c.blob(repo, emptyConfig)
	whole, err := json.Marshal(plugin(repo, "1.0.0", ""))
	if err != nil {
		t.Fatal(err)
	}
	for says, more := range map[string]string{
		"layers twice":        `,"layers":[]`,
		"Layers too":          `,"Layers":[]`,
		"layers, a long s":    ",\"layer\u017f\":[]",
		"an annotation twice": `,"subject":null,"subject":null`,
		"bytes of no text":    ",\"x\":\"\xff\"",
		"half a character":    `,"annotations":{"a":"\ud800"}`,
		"a NUL":               `,"x":"\u0000"`,
	} {
		for _, ref := range []string{"1.0.0", ""} {
			raw := append(slices.Clone(whole[:len(whole)-1]), more+"}"...)
			at := ref
			if at == "" {
				at = digest.FromBytes(raw).String()
			}
			a := c.send("PUT", "/v2/"+repo+"/manifests/"+at, raw, "Content-Type", ocispec.MediaTypeImageManifest)
			if text := c.refused(a, http.StatusBadRequest, "MANIFEST_INVALID"); !strings.Contains(text, "readers differ") && !strings.Contains(text, "UTF-8") && !strings.Contains(text, "NUL") {
				t.Errorf("%s: the reason is not told: %s", says, text)
			}
		}
	}
}

// Proves B6: the same holds for the config of a version.
func TestAConfigWithHalfACharacterIsRefused_B6(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/hello"
	for _, row := range [][2]string{{`\ud800`, "half a character"}, {`\u0000`, "NUL"}, {`\ud83d\ude00`, ""}} {
		vendor, says := row[0], row[1]
		m := plugin(repo, "1.0.0", "")
		m.Config = c.blob(repo, []byte(`{"id":"acme/hello","version":"1.0.0","vendor":"`+vendor+`"}`))
		m.Config.MediaType = artifact.TypeConfig
		if says == "" {
			c.pushed(repo, "1.0.0", m)
			continue
		}
		a, _ := c.put(repo, "1.0.0", m)
		if text := c.refused(a, http.StatusBadRequest, "MANIFEST_INVALID"); !strings.Contains(text, says) {
			t.Errorf("%s: the reason is not told: %s", vendor, text)
		}
	}
}

func TestSignatureTagsOnlyGrow_B3(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/hello"
	tag := artifact.DigestTag(digest.FromString("subject"), "sig")
	layer := func(text, signature string) ocispec.Descriptor {
		d := c.blob(repo, []byte(text))
		d.MediaType, d.Annotations = artifact.TypeSimpleSigning, map[string]string{"dev.cosignproject.cosign/signature": signature}
		return d
	}
	one, two, again := layer("payload", "one"), layer("payload", "two"), layer("other", "one")
	c.pushed(repo, tag, image(nil, one))
	c.pushed(repo, tag, image(nil, one, two))
	c.pushed(repo, tag, image(nil, one, two, again))
	for says, layers := range map[string][]ocispec.Descriptor{
		"one signature less":                 {one, two},
		"another signature over one payload": {one, layer("payload", "three"), again},
		"one more at the beginning":          {layer("payload", "three"), one, two, again},
		"none":                               {},
	} {
		a, _ := c.put(repo, tag, image(nil, layers...))
		if text := c.refused(a, http.StatusConflict, "DENIED"); !strings.Contains(text, tag) {
			t.Errorf("%s: the tag is not named: %s", says, text)
		}
	}
	a, _ := c.put(repo, tag, index(nil))
	c.refused(a, http.StatusBadRequest, "MANIFEST_INVALID")
	c.refused(c.send("DELETE", "/v2/"+repo+"/manifests/"+tag, nil), http.StatusMethodNotAllowed, "UNSUPPORTED")
}

// Proves B3: who runs into the design is told what to do instead.
func TestRefusedReplacementSaysHowToAttest_B3(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/hello"
	tag := artifact.DigestTag(digest.FromString("subject"), "att")
	c.pushed(repo, tag, image(nil, c.blob(repo, []byte("first"))))
	a, _ := c.put(repo, tag, image(nil, c.blob(repo, []byte("second"))))
	if text := c.refused(a, http.StatusConflict, "DENIED"); !strings.Contains(text, "refused by design: attest without --replace") {
		t.Errorf("the way out is not told: %s", text)
	}
}

func TestReferrersTagOnlyGrows_B3(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/hello"
	var d []ocispec.Descriptor
	for i := range 3 {
		d = append(d, c.pushed(repo, "", image(func(m *ocispec.Manifest) { m.Annotations = map[string]string{"n": fmt.Sprint(i)} })))
	}
	fallback := artifact.DigestTag(digest.FromString("subject"), "")
	c.pushed(repo, fallback, index(nil, d[0], d[1]))
	c.pushed(repo, fallback, index(nil, d[0], d[2], d[1]))
	lost, _ := c.put(repo, fallback, index(nil, d[0], d[1]))
	c.refused(lost, http.StatusConflict, "DENIED")
	wrong, _ := c.put(repo, fallback, image(nil))
	c.refused(wrong, http.StatusBadRequest, "MANIFEST_INVALID")
}

func TestNamesOutsideTheGrammarAndTheReservedNamespaceAreRefused_B4(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("scratch"))
	c := newClient(t, s)
	for _, repo := range []string{"hello", "acme/a", "acme/deep/er", "acme/under_score", "acme/a--b", "1acme/hello"} {
		c.refused(c.send("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusBadRequest, "NAME_INVALID")
	}
	c.want(c.send("POST", "/v2/scratch/any/depth/blobs/uploads/", nil), http.StatusAccepted)
	c.refused(c.send("POST", "/v2/oarlock/catalog/blobs/uploads/", nil), http.StatusForbidden, "DENIED")

	inside := &client{t: t, url: "http://registry", do: (&http.Client{Transport: s.ProcessTransport()}).Do}
	inside.pushed("oarlock/catalog", "latest", image(nil))
	c.want(c.get("oarlock/catalog", "manifests", "latest"), http.StatusOK)
}

// admitter lets principals do what the table says; "?" cannot tell.
type admitter map[string]error

func (a admitter) Admit(_ context.Context, x registry.Access) error {
	return a[fmt.Sprintf("%s %s %s", x.Principal, x.Action, x.Repository)]
}

func TestAdmitterDecidesAndNotKnowingRefuses_B4(t *testing.T) {
	t.Parallel()
	ask := &registry.Challenge{Header: `Bearer realm="http://here/auth/token"`, Message: "log in first"}
	s := registrytest.New(t, registrytest.InMemory(), registrytest.With(func(o *registrytest.Options) {
		o.Principal = func(r *http.Request) (string, error) {
			if name := r.Header.Get("X-Test"); name != "broken" {
				return name, nil
			}
			return "", errors.New("the user store is away")
		}
		o.Admitter = admitter{
			" push acme/hello":      ask,
			"eve push acme/hello":   fmt.Errorf("eve: not a member of acme: %w", artifact.ErrDenied),
			"eve pull acme/hidden":  fmt.Errorf("eve: not a member of acme: %w", artifact.ErrDenied),
			"ann delete acme/hello": fmt.Errorf("ann: may not delete: %w", artifact.ErrDenied),
			"bob push acme/hello":   errors.New("the member list is away"),
		}
	}))
	c := newClient(t, s)
	push := func(who string) answer {
		return c.send("POST", "/v2/acme/hello/blobs/uploads/", nil, "X-Test", who)
	}
	c.want(push("ann"), http.StatusAccepted)
	a := push("")
	c.refused(a, http.StatusUnauthorized, "UNAUTHORIZED")
	if got := a.header.Get("WWW-Authenticate"); got != ask.Header {
		t.Errorf("WWW-Authenticate %q", got)
	}
	c.refused(push("eve"), http.StatusForbidden, "DENIED")
	c.refused(push("bob"), http.StatusServiceUnavailable, "UNAVAILABLE")
	c.refused(push("broken"), http.StatusServiceUnavailable, "UNAVAILABLE")
	c.refused(c.send("DELETE", "/v2/acme/hello/manifests/1.0.0", nil, "X-Test", "ann"), http.StatusForbidden, "DENIED")

	hidden := newClient(t, s).blob("acme/hidden", []byte("secret"))
	mount := "/v2/acme/eve/blobs/uploads/?mount=" + hidden.Digest.String() + "&from=acme/hidden"
	c.want(c.send("POST", mount, nil, "X-Test", "eve"), http.StatusAccepted)
	c.want(c.get("acme/eve", "blobs", hidden.Digest.String()), http.StatusNotFound)
	c.want(c.send("POST", mount, nil, "X-Test", "ann"), http.StatusCreated)
}

func TestReadOnlyRefusesEveryWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := registrytest.New(t, registrytest.Dir(dir))
	newClient(t, first).pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	c := newClient(t, registrytest.New(t, registrytest.Dir(dir), registrytest.With(func(o *registrytest.Options) { o.ReadOnly = true })))
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	a, _ := c.put("acme/hello", "2.0.0", plugin("acme/hello", "2.0.0", ""))
	c.refused(a, http.StatusMethodNotAllowed, "UNSUPPORTED")
	c.refused(c.send("POST", "/v2/acme/hello/blobs/uploads/", nil), http.StatusMethodNotAllowed, "UNSUPPORTED")
}
