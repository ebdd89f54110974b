package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// Proves B3: a publisher takes nothing away that speaks about his version, in
// whatever way it is found.
func TestWhatSpeaksAboutAVersionCannotBeDeleted_B3(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	const repo = "acme/hello"
	content := encode(t, plugin(repo, "1.0.0", ""))
	of := c.pushed(repo, "1.0.0", content)
	named := func(text string, change ...func(*ocispec.Manifest)) ocispec.Manifest {
		return image(func(m *ocispec.Manifest) {
			for _, f := range change {
				f(m)
			}
			m.Annotations = map[string]string{"is": text}
		})
	}
	review := c.pushed(repo, "", named("a review", withSubject(of.Digest)))
	part := c.pushed(repo, "", named("a part of an SBOM"))
	evidence := map[string]ocispec.Descriptor{
		"a review":                       review,
		"a signature of the review":      c.pushed(repo, "", named("signature", withSubject(review.Digest))),
		"a review of the sha512 digest":  c.pushed(repo, "", named("by sha512", withSubject(digest.SHA512.FromBytes(content)))),
		"an index that is a referrer":    c.pushed(repo, "", index(func(i *ocispec.Index) { i.Subject = &of }, part)),
		"a child of that index":          part,
		"the version, which a tag means": of,
	}
	for name, d := range evidence {
		text := c.refused(c.send("DELETE", "/v2/"+repo+"/manifests/"+d.Digest.String(), nil), http.StatusMethodNotAllowed, "UNSUPPORTED")
		if !strings.Contains(text, "1.0.0") || !strings.Contains(text, "push") && !strings.Contains(text, "publish") {
			t.Errorf("%s: the refusal does not help: %s", name, text)
		}
		c.want(c.get(repo, "manifests", d.Digest.String()), http.StatusOK)
	}
	for name, v := range map[string]any{
		"what nothing keeps":                  named("loose"),
		"a referrer of what is not here":      named("orphan", withSubject(digest.FromString("nothing"))),
		"a referrer of what nothing keeps":    named("of loose", withSubject(part.Digest)),
		"an index that lists a kept manifest": index(nil, of),
	} {
		if name == "a referrer of what nothing keeps" {
			v = named("of loose", withSubject(c.pushed(repo, "", named("loose too")).Digest))
		}
		d := c.pushed(repo, "", v)
		if a := c.send("DELETE", "/v2/"+repo+"/manifests/"+d.Digest.String(), nil); a.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// deletes is an Admitter that writes deletes down, or cannot.
type deletes struct {
	mu     sync.Mutex
	told   []registry.Removal
	refuse error
}

func (d *deletes) Admit(context.Context, registry.Access) error { return nil }

func (d *deletes) AdmitDelete(_ context.Context, _ registry.Access, what registry.Removal) (func(error) error, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return nil, d.refuse
	}
	d.told = append(d.told, what)
	return func(err error) error { return err }, nil
}

// Proves J3: nothing is deleted that could not be written down before.
func TestEveryDeleteIsWrittenDownFirst_J3(t *testing.T) {
	t.Parallel()
	log := &deletes{}
	s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) { o.Deletes = log }))
	c := newClient(t, s)
	const repo = "free/x"
	subject := c.pushed(repo, "one", image(nil))
	c.want(c.send("PUT", "/v2/"+repo+"/manifests/two", c.get(repo, "manifests", "one").body, "Content-Type", ocispec.MediaTypeImageManifest), http.StatusCreated)
	note := c.pushed(repo, "", image(withSubject(subject.Digest)))
	blob := c.blob(repo, []byte("a blob"))
	ways := []string{"/manifests/one", "/manifests/" + note.Digest.String(), "/manifests/" + subject.Digest.String(), "/blobs/" + blob.Digest.String()}

	log.refuse = errors.New("the log is full")
	for _, way := range ways {
		c.refused(c.send("DELETE", "/v2/"+repo+way, nil), http.StatusServiceUnavailable, "UNAVAILABLE")
		c.want(c.send("GET", "/v2/"+repo+way, nil), http.StatusOK)
	}
	log.refuse = nil
	for _, way := range ways {
		c.want(c.send("DELETE", "/v2/"+repo+way, nil), http.StatusAccepted)
	}
	want := []registry.Removal{
		{Tag: "one", Digest: subject.Digest},
		{Digest: note.Digest, Subject: subject.Digest},
		{Tag: "two", Digest: subject.Digest}, {Digest: subject.Digest},
		{Digest: blob.Digest, Blob: true},
	}
	if len(log.told) != len(want) {
		t.Fatalf("written down: %+v", log.told)
	}
	for i, got := range log.told {
		got.ArtifactType = ""
		if got != want[i] {
			t.Errorf("row %d: %+v, want %+v", i, got, want[i])
		}
	}
}
