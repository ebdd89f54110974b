package registry_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/registrytest"
)

// client speaks the distribution API to one registry, as plain HTTP.
type client struct {
	t   testing.TB
	url string
	do  func(*http.Request) (*http.Response, error)
}

func newClient(t testing.TB, s *registrytest.Server) *client {
	return &client{t: t, url: s.URL, do: web.Do}
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) send(method, path string, body []byte, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, header...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (c *client) try(method, path string, body []byte, header ...string) (answer, error) {
	if !strings.HasPrefix(path, "http") {
		path = c.url + path
	}
	req, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, content}, err
}

// later sends it beside the test; what comes back is in the channel.
func (c *client) later(method, path string, body []byte, header ...string) <-chan answer {
	answered := make(chan answer, 1)
	go func() {
		got, err := c.try(method, path, body, header...)
		if err != nil {
			c.t.Errorf("%s %s: %v", method, path, err)
		}
		answered <- got
	}()
	return answered
}

// want fails unless the status is one of the given.
func (c *client) want(a answer, status ...int) answer {
	c.t.Helper()
	for _, s := range status {
		if a.status == s {
			return a
		}
	}
	c.t.Fatalf("status %d, want %v: %s", a.status, status, a.body)
	return a
}

// refused fails unless the answer is an error of that status and code, and
// gives its message.
func (c *client) refused(a answer, status int, code string) string {
	c.t.Helper()
	c.want(a, status)
	var body struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(a.body, &body); err != nil || len(body.Errors) == 0 {
		c.t.Fatalf("no OCI error body: %s", a.body)
	}
	var text []string
	for _, e := range body.Errors {
		if e.Code != code {
			c.t.Fatalf("code %q, want %q: %s", e.Code, code, a.body)
		}
		text = append(text, e.Message)
	}
	return strings.Join(text, "\n")
}

// blob pushes content and gives its descriptor.
func (c *client) blob(repo string, content []byte) ocispec.Descriptor {
	c.t.Helper()
	d := digest.FromBytes(content)
	c.want(c.putBlob(repo, content, d), http.StatusCreated)
	return ocispec.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: int64(len(content)),
		Annotations: map[string]string{ocispec.AnnotationTitle: d.Encoded()[:12]}}
}

func (c *client) putBlob(repo string, content []byte, d digest.Digest) answer {
	c.t.Helper()
	a := c.want(c.send("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusAccepted)
	return c.send("PUT", c.at(a.header.Get("Location"), "digest", d.String()), content, "Content-Type", "application/octet-stream")
}

// at adds query parameters to a location.
func (c *client) at(location string, query ...string) string {
	c.t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		c.t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

var emptyConfig = []byte("{}")

// image is an OCI manifest over config {} and the given layers.
func image(change func(*ocispec.Manifest), layers ...ocispec.Descriptor) ocispec.Manifest {
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: digest.FromBytes(emptyConfig), Size: 2},
		Layers:    layers,
	}
	m.SchemaVersion = 2
	if m.Layers == nil {
		m.Layers = []ocispec.Descriptor{}
	}
	if change != nil {
		change(&m)
	}
	return m
}

func index(change func(*ocispec.Index), manifests ...ocispec.Descriptor) ocispec.Index {
	x := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: manifests}
	x.SchemaVersion = 2
	if x.Manifests == nil {
		x.Manifests = []ocispec.Descriptor{}
	}
	if change != nil {
		change(&x)
	}
	return x
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// put pushes a manifest or index under ref; "" means its digest.
func (c *client) put(repo, ref string, v any) (answer, ocispec.Descriptor) {
	c.t.Helper()
	content, ok := v.([]byte)
	if !ok {
		content = encode(c.t, v)
	}
	var said struct{ MediaType string }
	if json.Unmarshal(content, &said) != nil || said.MediaType == "" {
		said.MediaType = ocispec.MediaTypeImageManifest
	}
	d := digest.FromBytes(content)
	if ref == "" {
		ref = d.String()
	}
	a := c.send("PUT", "/v2/"+repo+"/manifests/"+ref, content, "Content-Type", said.MediaType)
	return a, ocispec.Descriptor{MediaType: said.MediaType, Digest: d, Size: int64(len(content))}
}

// pushed is put that must succeed, with the empty config pushed before.
func (c *client) pushed(repo, ref string, v any) ocispec.Descriptor {
	c.t.Helper()
	c.blob(repo, emptyConfig)
	a, d := c.put(repo, ref, v)
	c.want(a, http.StatusCreated)
	return d
}

func (c *client) get(repo, kind, ref string, header ...string) answer {
	c.t.Helper()
	return c.send("GET", "/v2/"+repo+"/"+kind+"/"+ref, nil, header...)
}
