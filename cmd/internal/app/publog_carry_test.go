package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"oras.land/oras-go/v2"
	orascontent "oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/registry/remote"
)

// Proves G6: the proof of a version is a referrer of it, is taken along by a copy
// that stock tools make, to another site as well, and holds there by the key of the
// site that it comes from; nothing is derived anew for it; and a private plugin's is
// given to nobody who may not see it.
func TestProofsTravelWithCopies_G6(t *testing.T) {
	t.Parallel()
	var notices [2]strings.Builder
	var sites [2]*Server
	var admins [2]string
	for i := range sites {
		c := configured(t)
		c.Dev, c.Trust = false, everybodyListed(t)
		sites[i], _ = startBy(t, c, options(&notices[i]))
		admins[i] = tokenText.FindString(notices[i].String())
		for name, private := range map[string]bool{"acme": false, "hidden": true} {
			ask[any](t, sites[i], admins[i], "POST", "/api/v1/namespaces", map[string]any{"name": name}, 201)
			ask[any](t, sites[i], admins[i], "PATCH", "/api/v1/namespaces/"+name, map[string]any{"private": private}, 200)
		}
	}
	from, to := sites[0], sites[1]
	for _, name := range []string{"acme", "hidden"} {
		publish(t, from, admins[0], `{"id": "`+name+`/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	}
	generation := from.index.live.Current().Number
	if err := from.index.publog.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := from.engines.carrier.Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := from.index.live.Current().Number; now != generation {
		t.Errorf("a proof made generation %d of %d", now, generation)
	}
	repository := func(s *Server, token, repo string) oras.GraphTarget {
		r, _, err := remote.Open(s.Addr()+"/"+repo, remote.Options{HTTPClient: visitor, Credential: orasauth.StaticCredential(s.Addr(), orasauth.Credential{Username: "x", Password: token})})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := oras.ExtendedCopy(t.Context(), repository(from, "", "acme/hello"), "1.0.0", repository(to, admins[1], "acme/hello"), "1.0.0", oras.DefaultExtendedCopyOptions); err != nil {
		t.Fatal(err)
	}
	key := ask[index.Log](t, from, "", "GET", "/api/v1/log", nil, 200).Key
	by, err := publog.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	v := ask[index.VersionDetail](t, from, "", "GET", "/api/v1/plugins/acme/hello/versions/1.0.0", nil, 200)
	list := asAnybody[ocispec.Index](t, to, "/v2/acme/hello/referrers/"+v.Digest.String()+"?artifactType="+publog.TypeProof)
	var mine []ocispec.Descriptor
	for _, d := range list.Manifests {
		if d.Annotations[publog.KeyOrigin] == by.Name() {
			mine = append(mine, d)
		}
	}
	if len(mine) != 1 {
		t.Fatalf("proofs of the source at the mirror: %+v", list.Manifests)
	}
	raw, err := orascontent.FetchAll(t.Context(), repository(to, "", "acme/hello"), mine[0])
	if err != nil {
		t.Fatal(err)
	}
	layer, err := publog.ProofLayer(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := orascontent.FetchAll(t.Context(), repository(to, "", "acme/hello"), layer)
	if err != nil {
		t.Fatal(err)
	}
	p, err := publog.ParseProof(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if e, _, err := p.Verify(by); err != nil || e.Plugin != "acme/hello" || e.Digest != v.Digest || e.At.Before(*v.PublishedAt) {
		t.Errorf("proved %+v: %v", e, err)
	}
	if status, text := textOf(t, from, "", "GET", "/v2/hidden/hello/referrers/"+v.Digest.String()); status == 200 {
		t.Errorf("proofs of a private plugin: %d %s", status, text)
	}
	kept := memory.New()
	if _, err := oras.Copy(t.Context(), repository(from, "", publog.Repository), publog.Tag, kept, publog.Tag, oras.DefaultCopyOptions); err != nil {
		t.Errorf("the copy of the log is not for everybody: %v", err)
	}
}

// asAnybody asks for JSON of a registry, as anybody.
func asAnybody[T any](t *testing.T, s *Server, path string) (out T) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, text := answerTo(t, r)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
