package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	orasremote "oras.land/oras-go/v2/registry/remote"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// Proves E1 and E12: an image index in the repository of a plugin is no ledger
// without its tag, though it looks like one: the plugin is suspended, and is what it
// was after a start without any memory.
func TestAnIndexIsNoLostLedger_E1_E12(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	for _, id := range []string{"acme/hello", "acme/free"} {
		publish(t, s, admin, `{"id": "`+id+`", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
		pushIndexes(t, s, admin, id)
	}
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/lifecycle", map[string]any{"move": "suspend", "reason": "security_review"}, http.StatusOK)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	forgetCatalog(t, c.Data)
	s, _ = startWith(t, c, &notice)
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK)
	if len(page.Items) != 1 || page.Items[0].ID != "acme/free" {
		t.Errorf("listed after the start: %+v", page.Items)
	}
}

// pushIndexes pushes, by digest, what looks like a ledger's index: one of builds, and
// one that says that it is a ledger.
func pushIndexes(t *testing.T, s *Server, token, id string) {
	t.Helper()
	repo, err := orasremote.NewRepository(s.Addr() + "/" + id)
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	repo.Client = &orasauth.Client{Client: visitor, Credential: orasauth.StaticCredential(s.Addr(), orasauth.Credential{Username: "ci", Password: token})}
	child, err := repo.Resolve(t.Context(), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"", format.TypeLedger} {
		raw, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, ArtifactType: kind,
			Manifests: []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageManifest, Digest: child.Digest, Size: child.Size}}})
		if err != nil {
			t.Fatal(err)
		}
		of := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
		if err := repo.Manifests().Push(t.Context(), of, bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
	}
}
