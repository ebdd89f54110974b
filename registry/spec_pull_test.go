package registry_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/registrytest"
)

var pullClauses = []clause{
	{"MUST", "GET of a manifest by digest is 200 with the bytes that were pushed", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		content := append(encode(c.t, image(nil)), " \n\t"...) // the white space is part of it
		a, d := c.put(repo, "", content)
		c.want(a, 201)
		got := c.want(c.get(repo, "manifests", d.Digest.String()), 200)
		if !bytes.Equal(got.body, content) {
			c.t.Errorf("got %q, want %q", got.body, content)
		}
	}},
	{"MUST", "GET of a manifest by tag is 200 with the bytes that were pushed", func(c *client, repo string) {
		d := c.pushed(repo, "Some_tag-1.0", image(nil))
		got := c.want(c.get(repo, "manifests", "Some_tag-1.0"), 200)
		if digest.FromBytes(got.body) != d.Digest {
			c.t.Errorf("got %s, want %s", digest.FromBytes(got.body), d.Digest)
		}
	}},
	{"MUST", "a tag has up to 128 characters, and no more", func(c *client, repo string) {
		c.pushed(repo, strings.Repeat("t", 128), image(nil))
		c.want(c.get(repo, "manifests", strings.Repeat("t", 128)), 200)
		a, _ := c.put(repo, strings.Repeat("t", 129), image(nil))
		c.want(a, 400)
	}},
	{"MUST", "a reference is a digest or a tag, and nothing else is found or taken", func(c *client, repo string) {
		c.pushed(repo, "1.0.0", image(nil))
		for _, ref := range []string{".dot", "-dash", "a+b", "%C3%A4"} {
			c.want(c.get(repo, "manifests", ref), 404)
			a, _ := c.put(repo, ref, image(nil))
			c.want(a, 400)
		}
	}},
	{"MUST", "a repository name follows the grammar", func(c *client, _ string) {
		for _, name := range []string{"free/UP", "free/a..b", "free/a-_b", "free/-a", "free/a-", "free/a___b", "free//a", "_free/a"} {
			c.want(c.send("POST", "/v2/"+name+"/blobs/uploads/", nil), 400, 404)
		}
		for _, name := range []string{"free/a.b", "free/a_b", "free/a__b", "free/a---b", "free/a/b/c/0"} {
			c.want(c.send("POST", "/v2/"+name+"/blobs/uploads/", nil), 202)
		}
	}},
	{"SHOULD", "the Content-Type of a manifest is the one it was pushed with, without parameters", func(c *client, repo string) {
		c.pushed(repo, "one", image(nil))
		c.pushed(repo, "two", index(nil))
		for tag, want := range map[string]string{"one": ocispec.MediaTypeImageManifest, "two": ocispec.MediaTypeImageIndex} {
			if ct := c.get(repo, "manifests", tag).header.Get("Content-Type"); ct != want {
				c.t.Errorf("%s: Content-Type %q, want %q", tag, ct, want)
			}
		}
	}},
	{"SHOULD", "a pulled manifest has its digest in Docker-Content-Digest", func(c *client, repo string) {
		d := c.pushed(repo, "one", image(nil))
		for _, ref := range []string{"one", d.Digest.String()} {
			if got := c.get(repo, "manifests", ref).header.Get("Docker-Content-Digest"); got != d.Digest.String() {
				c.t.Errorf("%s: got %q, want %s", ref, got, d.Digest)
			}
		}
	}},
	{"MUST", "a manifest that is not there is 404, by tag and by digest, in a known and an unknown repository", func(c *client, repo string) {
		c.pushed(repo, "one", image(nil))
		for _, r := range []string{repo, repo + "/unknown"} {
			c.want(c.get(r, "manifests", "none"), 404)
			c.want(c.get(r, "manifests", missingDigest), 404)
		}
	}},
	{"MUST", "a manifest of one repository is not found in another", func(c *client, repo string) {
		d := c.pushed(repo, "one", image(nil))
		c.pushed(repo+"/other", "two", index(nil))
		c.want(c.get(repo+"/other", "manifests", d.Digest.String()), 404)
		c.want(c.get(repo+"/other", "blobs", digest.FromString("elsewhere").String()), 404)
	}},
	{"MUST", "GET of a blob is 200 with its bytes", func(c *client, repo string) {
		d := c.blob(repo, []byte("some bytes"))
		if got := c.want(c.get(repo, "blobs", d.Digest.String()), 200); string(got.body) != "some bytes" {
			c.t.Errorf("got %q", got.body)
		}
	}},
	{"MUST", "Docker-Content-Digest of a blob is a digest of the body", func(c *client, repo string) {
		d := c.blob(repo, []byte("some bytes"))
		if got := c.get(repo, "blobs", d.Digest.String()).header.Get("Docker-Content-Digest"); got != d.Digest.String() {
			c.t.Errorf("got %q, want %s", got, d.Digest)
		}
	}},
	{"MUST", "a blob that is not there is 404", func(c *client, repo string) {
		c.blob(repo, []byte("x"))
		c.want(c.get(repo, "blobs", missingDigest), 404)
		c.want(c.get(repo+"/unknown", "blobs", missingDigest), 404)
	}},
	{"MUST", "an empty blob can be pushed and pulled", func(c *client, repo string) {
		d := c.blob(repo, nil)
		if got := c.want(c.get(repo, "blobs", d.Digest.String()), 200); len(got.body) != 0 {
			c.t.Errorf("got %q", got.body)
		}
	}},
	{"SHOULD", "Range asks for parts of a blob, as RFC 9110 has it", func(c *client, repo string) {
		d := c.blob(repo, []byte("0123456789"))
		for asked, want := range map[string]struct{ body, said string }{
			"bytes=2-4": {"234", "bytes 2-4/10"},
			"bytes=7-":  {"789", "bytes 7-9/10"},
			"bytes=-3":  {"789", "bytes 7-9/10"},
		} {
			got := c.want(c.get(repo, "blobs", d.Digest.String(), "Range", asked), 206)
			if string(got.body) != want.body || got.header.Get("Content-Range") != want.said {
				c.t.Errorf("%s: got %q, %q", asked, got.body, got.header.Get("Content-Range"))
			}
		}
		c.want(c.get(repo, "blobs", d.Digest.String(), "Range", "bytes=10-"), 416)
	}},
	{"MUST", "HEAD of a manifest and a blob is 200, with size and digest and no body", func(c *client, repo string) {
		m := c.pushed(repo, "one", image(nil))
		b := c.blob(repo, []byte("some bytes"))
		for path, d := range map[string]ocispec.Descriptor{
			"/manifests/one":                  m,
			"/manifests/" + m.Digest.String(): m,
			"/blobs/" + b.Digest.String():     b,
		} {
			a := c.want(c.send("HEAD", "/v2/"+repo+path, nil), 200)
			if got := a.header.Get("Docker-Content-Digest"); got != d.Digest.String() {
				c.t.Errorf("%s: digest %q, want %s", path, got, d.Digest)
			}
			if got := a.header.Get("Content-Length"); got != fmt.Sprint(d.Size) {
				c.t.Errorf("%s: length %q, want %d", path, got, d.Size)
			}
			if len(a.body) != 0 {
				c.t.Errorf("%s: a body: %q", path, a.body)
			}
		}
	}},
	{"MUST", "HEAD of what is not there is 404", func(c *client, repo string) {
		c.pushed(repo, "one", image(nil))
		for _, path := range []string{"/manifests/none", "/manifests/" + missingDigest, "/blobs/" + missingDigest} {
			c.want(c.send("HEAD", "/v2/"+repo+path, nil), 404)
		}
	}},
	{"MAY", "a known ETag is answered 304 without a body", func(c *client, repo string) {
		d := c.pushed(repo, "one", image(nil))
		etag := c.get(repo, "manifests", "one").header.Get("Etag")
		a := c.want(c.get(repo, "manifests", "one", "If-None-Match", etag), 304)
		if etag == "" || len(a.body) != 0 {
			c.t.Errorf("etag %q, body %q", etag, a.body)
		}
		c.want(c.get(repo, "manifests", d.Digest.String(), "If-None-Match", `"other"`), 200)
	}},
	{"MUST", "a legacy Docker manifest keeps its type and bytes", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		m := image(func(m *ocispec.Manifest) {
			m.MediaType = "application/vnd.docker.distribution.manifest.v2+json"
			m.Config.MediaType = "application/vnd.docker.container.image.v1+json"
		})
		a, d := c.put(repo, "docker", m)
		c.want(a, 201)
		got := c.want(c.get(repo, "manifests", "docker"), 200)
		if digest.FromBytes(got.body) != d.Digest || got.header.Get("Content-Type") != m.MediaType {
			c.t.Errorf("got %s of type %q", digest.FromBytes(got.body), got.header.Get("Content-Type"))
		}
	}},
}

// Proves F14: a range in other units than bytes is answered with the whole.
//
// Source: RFC 9110, section 14.2.
func TestARangeThatIsNotBytesIsIgnored_F14(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	for _, content := range [][]byte{[]byte("small"), large} {
		d := c.blob("acme/hello", content)
		for _, unit := range []string{"items=0-1", "seconds=1-2", "none", "bytesx=0-1", "=0-1"} {
			a := c.want(c.get("acme/hello", "blobs", d.Digest.String(), "Range", unit), http.StatusOK)
			if len(a.body) != len(content) || a.header.Get("Docker-Content-Digest") != d.Digest.String() {
				t.Errorf("Range %s: %d bytes, digest %q", unit, len(a.body), a.header.Get("Docker-Content-Digest"))
			}
		}
		c.want(c.get("acme/hello", "blobs", d.Digest.String(), "Range", "bytes=0-1"), http.StatusPartialContent)
	}
}
