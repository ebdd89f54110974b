package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

var draftConfig = []byte("{}")

// A drafted version is what is checked and then pushed.
type draftedVersion struct {
	id, version string
	layers      [][]byte
	change      func(*ocispec.Manifest)
}

func (d draftedVersion) manifest(t *testing.T) []byte {
	t.Helper()
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypePlugin,
		Config: ocispec.DescriptorEmptyJSON, Annotations: map[string]string{
			"dev.oarlock.plugin.id": d.id, "dev.oarlock.plugin.engine.acme-host": ">=1.0.0",
			ocispec.AnnotationVersion: d.version, ocispec.AnnotationCreated: "2026-01-02T03:04:05Z"}}
	m.Config.Data = nil
	for i, layer := range d.layers {
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromBytes(layer), Size: int64(len(layer)),
			Annotations: map[string]string{ocispec.AnnotationTitle: string(rune('a'+i)) + ".bin"}})
	}
	if d.change != nil {
		d.change(&m)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// check gives the first code that a check answers, "" for none.
func (d draftedVersion) check(t *testing.T, s *Server, token string) string {
	t.Helper()
	body, err := json.Marshal(index.Draft{MediaType: ocispec.MediaTypeImageManifest, Manifest: d.manifest(t), Parts: [][]byte{draftConfig}})
	if err != nil {
		t.Fatal(err)
	}
	status, text := d.send(t, "POST", s.URL()+"/api/v1/plugins/"+d.id+"/versions/"+d.version+"/check", "application/json", body, func(r *http.Request) {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
	})
	if status != http.StatusOK {
		var p index.Problem
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatalf("%d %s", status, text)
		}
		return p.Code
	}
	var out index.Drafted
	if err := json.Unmarshal(text, &out); err != nil || out.OK != (len(out.Refusals) == 0) {
		t.Fatalf("%v: %s", err, text)
	}
	if out.OK {
		return ""
	}
	return out.Refusals[0].Code
}

// push uploads what is needed and the manifest, and gives the first code that
// any of it is answered with.
func (d draftedVersion) push(t *testing.T, s *Server, token string) string {
	t.Helper()
	refused := func(status int, text []byte) string {
		if status < 300 {
			return ""
		}
		var e struct {
			Errors []struct {
				Detail struct {
					Code string `json:"code"`
				} `json:"detail"`
			} `json:"errors"`
		}
		if err := json.Unmarshal(text, &e); err != nil || len(e.Errors) == 0 {
			t.Fatalf("%d %s", status, text)
		}
		return e.Errors[0].Detail.Code
	}
	for _, blob := range append([][]byte{draftConfig}, d.layers...) {
		status, text := upload(t, s, token, d.id, blob, false)
		if code := refused(status, []byte(text)); code != "" {
			return code
		}
	}
	return refused(d.send(t, "PUT", s.URL()+"/v2/"+d.id+"/manifests/"+d.version, ocispec.MediaTypeImageManifest, d.manifest(t), func(r *http.Request) {
		r.SetBasicAuth("admin", token)
	}))
}

func (draftedVersion) send(t *testing.T, method, url, contentType string, body []byte, as func(*http.Request)) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	as(r)
	resp, text := answerTo(t, r)
	return resp.StatusCode, []byte(text)
}

// Proves D1, B7: what a check says of a version that nobody pushed yet is what the
// push is then answered, and the check changes nothing.
func TestACheckSaysWhatThePushIsAnswered_D1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) {
		c.Quota.Bytes, c.Quota.ArtifactBytes, c.Quota.Layers = 1<<20, 700<<10, 3
	})
	for _, name := range []string{"acme", "closed", "full"} {
		ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name}, 201)
	}
	type made struct {
		Token string `json:"secret"`
	}
	reader := ask[made](t, s, admin, "POST", "/api/v1/tokens", map[string]any{"kind": "robot", "label": "r", "namespace": "acme", "scopes": []string{"repository:acme/*:pull"}, "expires_at": soon()}, 201).Token
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": "ada"}, 201)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:ada", map[string]any{"role": "reader"}, 204)
	ada := ask[made](t, s, admin, "POST", "/api/v1/accounts/person:ada/tokens", map[string]any{"label": "a", "expires_at": soon()}, 201).Token
	if code := (draftedVersion{id: "acme/hello", version: "1.0.0"}).push(t, s, admin); code != "" {
		t.Fatal(code)
	}
	small, half := []byte("a layer"), bytes.Repeat([]byte("x"), 600<<10)
	if code := (draftedVersion{id: "full/hello", version: "1.0.0", layers: [][]byte{half}}).push(t, s, admin); code != "" {
		t.Fatal(code)
	}
	if status, text := upload(t, s, admin, "acme/hello", small, false); status != 201 {
		t.Fatal(text)
	}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces/closed/close", nil, 200)
	usage := func(id string) string {
		namespace, _, _ := strings.Cut(id, "/")
		status, text := draftedVersion{}.send(t, "GET", s.URL()+"/api/v1/namespaces/"+namespace+"/usage", "application/json", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+admin) })
		if status != http.StatusOK {
			return "" // there is no such namespace
		}
		return string(text)
	}
	for name, row := range map[string]struct {
		draftedVersion
		token, want string
	}{
		"nothing":             {draftedVersion{id: "acme/hello", version: "1.1.0", layers: [][]byte{small}}, admin, ""},
		"the same again":      {draftedVersion{id: "acme/hello", version: "1.0.0"}, admin, ""},
		"a taken version":     {draftedVersion{id: "acme/hello", version: "1.0.0", layers: [][]byte{small}}, admin, index.CodeVersionTaken},
		"a closed namespace":  {draftedVersion{id: "closed/hello", version: "1.0.0"}, admin, index.CodeNamespaceClosed},
		"an unclaimed one":    {draftedVersion{id: "nobody/hello", version: "1.0.0"}, admin, index.CodeNamespaceUnclaimed},
		"a token to read":     {draftedVersion{id: "acme/hello", version: "3.0.0"}, reader, index.CodeNotAuthorised},
		"a role to read":      {draftedVersion{id: "acme/hello", version: "3.0.0"}, ada, index.CodeNotAuthorised},
		"another namespace":   {draftedVersion{id: "full/hello", version: "3.0.0"}, reader, index.CodeNotAuthorised},
		"a reserved name":     {draftedVersion{id: "oarlock/hello", version: "1.0.0"}, admin, index.CodeNotAuthorised},
		"too many layers":     {draftedVersion{id: "acme/hello", version: "3.0.0", layers: [][]byte{[]byte("1"), []byte("2"), []byte("3"), []byte("4")}}, admin, index.CodeQuota},
		"too large":           {draftedVersion{id: "acme/hello", version: "3.0.0", layers: [][]byte{bytes.Repeat([]byte("y"), 800<<10)}}, admin, index.CodeQuota},
		"no room":             {draftedVersion{id: "full/hello", version: "1.1.0", layers: [][]byte{bytes.Repeat([]byte("z"), 600<<10)}}, admin, index.CodeQuota},
		"held bytes are free": {draftedVersion{id: "full/hello", version: "1.2.0", layers: [][]byte{half}}, admin, ""},
		"a wrong size": {draftedVersion{id: "acme/hello", version: "3.0.0", layers: [][]byte{small},
			change: func(m *ocispec.Manifest) { m.Layers[0].Size++ }}, admin, index.CodeInvalid},
		"a bad annotation": {draftedVersion{id: "acme/hello", version: "3.0.0",
			change: func(m *ocispec.Manifest) { m.Annotations["dev.oarlock.plugin.nonsense"] = "x" }}, admin, index.CodeInvalid},
		"another version inside": {draftedVersion{id: "acme/hello", version: "3.0.0",
			change: func(m *ocispec.Manifest) { m.Annotations[ocispec.AnnotationVersion] = "3.0.1" }}, admin, index.CodeInvalid},
		"no manifest": {draftedVersion{id: "acme/hello", version: "3.0.0",
			change: func(m *ocispec.Manifest) { m.SchemaVersion = 1 }}, admin, index.CodeInvalid},
	} {
		before := usage(row.id)
		checked := row.check(t, s, row.token)
		if after := usage(row.id); after != before {
			t.Errorf("%s: after the check %s is held, before %s", name, after, before)
		}
		if checked != row.want {
			t.Errorf("%s: the check says %q, want %q", name, checked, row.want)
		}
		if pushed := row.push(t, s, row.token); pushed != checked {
			t.Errorf("%s: the check says %q, the push is answered %q", name, checked, pushed)
		}
	}
	if code := (draftedVersion{id: "acme/hello", version: "1.0.0"}).check(t, s, ""); code != index.CodeUnauthorized {
		t.Errorf("nobody is told %q", code)
	}
}
