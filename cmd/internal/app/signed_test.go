package app

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry/gc"
)

// published publishes what serves now, and reads it as nobody in particular.
func published(t *testing.T, s *Server) (signed.Published, *signed.Catalog) {
	t.Helper()
	done, err := s.signing.publisher.Publish(t.Context(), s.index.live.Current())
	if err != nil {
		t.Fatal(err)
	}
	pin, err := signed.ReadPin(filepath.Join(s.cfg.Data, "catalog-keys", "1.root.json"))
	if err != nil {
		t.Fatal(err)
	}
	nobody := client.RepositoryOptions{HTTPClient: visitor, Credential: orasauth.StaticCredential("", orasauth.EmptyCredential)}
	c, err := signed.OpenRemote(t.Context(), s.Addr(), nobody, signed.Options{Root: pin})
	if err != nil {
		t.Fatal(err)
	}
	return done, c
}

func mustName(t *testing.T, s string) artifact.Name {
	t.Helper()
	id, err := artifact.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// C7, I7: what is private is in no signed catalog, from the moment on at which
// it is; and the API says of the catalog what was signed.
func TestSignedCatalogHoldsWhatIsPublic_C7_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Trust = everybodyListed(t) })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "secret", "private": true}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0"}`)
	publish(t, s, admin, `{"id": "secret/tool", "version": "1.0.0"}`)
	holds := func(want int) {
		t.Helper()
		done, c := published(t, s)
		page, err := c.Search(t.Context(), index.Query{})
		if err != nil || page.Total != want || done.Plugins != want {
			t.Errorf("%d plugins found, %d published, %v, expected %d", page.Total, done.Plugins, err, want)
		}
		_, err = c.Show(t.Context(), mustName(t, "secret/tool"), index.Query{})
		if hidden := errors.Is(err, artifact.ErrNotFound); hidden != (want == 1) {
			t.Errorf("the private one: %v", err)
		}
		for _, token := range []string{"", admin} { // who sees less, and who sees all
			sum, err := clientOf(t, s, token).Catalog(t.Context())
			if err != nil || !sum.ExpiresAt.Equal(done.Expires) || !sum.GeneratedAt.Equal(done.GeneratedAt) {
				t.Errorf("the API says %+v, %v, signed was %+v", sum, err, done)
			}
		}
	}
	holds(1)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secret", map[string]any{"private": false}, 200)
	holds(2)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secret", map[string]any{"private": true}, 200)
	holds(1)
}

func TestSignedCatalogCanBeSwitchedOffAndSetWrong_C7(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Catalog.Publish = "off"
	s, _ := start(t, c)
	if s.signing != nil {
		t.Error("off, it publishes")
	}
	ask[index.Problem](t, s, "", "POST", "/api/v1/admin/catalog/root", map[string]any{}, 404)
	c.Catalog = config.Signing{Publish: "maybe"}
	var wrong *config.Error
	if err := c.Validate(); !errors.As(err, &wrong) || len(wrong.Problems) != 7 {
		t.Errorf("%v, expected seven problems", err)
	}
}

// A manifest that was replaced stays for the grace period, then it goes, and
// nothing of the newest goes with it.
func TestReplacedCatalogStaysForTheGracePeriod_C7_B8(t *testing.T) {
	t.Parallel()
	clock := time.Now() // what the storage says of its files
	s, _ := start(t, configured(t))
	first, _ := published(t, s)
	publish(t, s, "", `{"id": "acme/hello", "version": "1.0.0"}`)
	second, _ := published(t, s)
	collect := func() {
		t.Helper()
		if _, err := gc.New(s.stored.Storage, s.stored.Blocks, s.registry, gc.Options{Grace: 24 * time.Hour, Now: func() time.Time { return clock }}).Run(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	there := func(p signed.Published) bool {
		_, _, err := s.stored.Storage.Manifest(t.Context(), signed.Repository, p.Manifest)
		return err == nil
	}
	collect()
	clock = clock.Add(23 * time.Hour)
	collect()
	if !there(first) || !there(second) {
		t.Fatalf("within the grace period: replaced %t, newest %t", there(first), there(second))
	}
	for range 4 {
		clock = clock.Add(48 * time.Hour)
		collect()
	}
	if there(first) || !there(second) {
		t.Errorf("past it: replaced %t, newest %t", there(first), there(second))
	}
	published(t, s)
}
