package registry_test

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var pushClauses = []clause{
	{"MUST", "a pushed manifest is 201 with a Location that pulls it and its digest", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		for _, ref := range []string{"tag", ""} {
			a, d := c.put(repo, ref, image(nil))
			c.want(a, 201)
			if got := a.header.Get("Docker-Content-Digest"); got != d.Digest.String() {
				c.t.Errorf("digest %q, want %s", got, d.Digest)
			}
			got := c.want(c.send("GET", a.header.Get("Location"), nil), 200)
			if digest.FromBytes(got.body) != d.Digest {
				c.t.Errorf("Location %q pulls %s, want %s", a.header.Get("Location"), digest.FromBytes(got.body), d.Digest)
			}
		}
	}},
	{"SHOULD", "parameters of the Content-Type are ignored", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		content := encode(c.t, image(nil))
		c.want(c.send("PUT", "/v2/"+repo+"/manifests/one", content, "Content-Type", ocispec.MediaTypeImageManifest+"; charset=utf-8"), 201)
		if ct := c.get(repo, "manifests", "one").header.Get("Content-Type"); ct != ocispec.MediaTypeImageManifest {
			c.t.Errorf("Content-Type %q", ct)
		}
	}},
	{"MUST", "a mediaType that is not the Content-Type is refused", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		a := c.send("PUT", "/v2/"+repo+"/manifests/one", encode(c.t, image(nil)), "Content-Type", ocispec.MediaTypeImageIndex)
		c.refused(a, 400, "MANIFEST_INVALID")
	}},
	{"MAY", "a manifest may leave out mediaType", func(c *client, repo string) {
		d := c.pushed(repo, "one", image(func(m *ocispec.Manifest) { m.MediaType = "" }))
		got := c.want(c.get(repo, "manifests", "one"), 200)
		if digest.FromBytes(got.body) != d.Digest || got.header.Get("Content-Type") != ocispec.MediaTypeImageManifest {
			c.t.Errorf("got %s as %q", digest.FromBytes(got.body), got.header.Get("Content-Type"))
		}
	}},
	{"MUST", "a manifest whose blob is not there is refused with MANIFEST_BLOB_UNKNOWN, one error per blob", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		one, two := digest.FromString("one"), digest.FromString("two")
		a, _ := c.put(repo, "one", image(nil,
			ocispec.Descriptor{MediaType: "text/plain", Digest: one, Size: 3}, ocispec.Descriptor{MediaType: "text/plain", Digest: two, Size: 3}))
		text := c.refused(a, 404, "MANIFEST_BLOB_UNKNOWN")
		if !strings.Contains(text, one.String()) || !strings.Contains(text, two.String()) {
			c.t.Errorf("not both are named: %s", text)
		}
		c.want(c.get(repo, "manifests", "one"), 404)
		c.want(c.get(repo, "tags", "list"), 404)
	}},
	{"MUST", "an index whose child is not there is refused with MANIFEST_BLOB_UNKNOWN", func(c *client, repo string) {
		a, _ := c.put(repo, "one", index(nil, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: missingDigest, Size: 3}))
		c.refused(a, 404, "MANIFEST_BLOB_UNKNOWN")
	}},
	{"MUST", "a blob of another repository does not count as there", func(c *client, repo string) {
		d := c.blob(repo+"/other", []byte("elsewhere"))
		c.blob(repo, emptyConfig)
		a, _ := c.put(repo, "one", image(nil, d))
		c.refused(a, 404, "MANIFEST_BLOB_UNKNOWN")
	}},
	{"MUST", "a manifest with a subject that is not there is taken", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		a, _ := c.put(repo, "", image(withSubject(missingDigest)))
		c.want(a, 201)
	}},
	{"MUST", "a manifest or index with a subject is answered with OCI-Subject, one without is not", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		a, _ := c.put(repo, "", image(withSubject(missingDigest)))
		if got := a.header.Get("OCI-Subject"); got != missingDigest {
			c.t.Errorf("manifest: OCI-Subject %q", got)
		}
		a, _ = c.put(repo, "", index(func(x *ocispec.Index) {
			x.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: missingDigest, Size: 1}
		}))
		if got := a.header.Get("OCI-Subject"); got != missingDigest {
			c.t.Errorf("index: OCI-Subject %q", got)
		}
		a, _ = c.put(repo, "", image(nil))
		if got, there := a.header["Oci-Subject"]; there {
			c.t.Errorf("none: OCI-Subject %q", got)
		}
	}},
	{"SHOULD", "a manifest of 4 MiB is taken, and one byte more is 413 and names the limit", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		fill := func(n int) []byte {
			m := image(func(m *ocispec.Manifest) { m.Annotations = map[string]string{"fill": ""} })
			m.Annotations["fill"] = strings.Repeat("x", n-len(encode(c.t, m)))
			return encode(c.t, m)
		}
		a, d := c.put(repo, "largest", fill(4<<20))
		c.want(a, 201)
		if got := c.want(c.get(repo, "manifests", "largest"), 200); digest.FromBytes(got.body) != d.Digest {
			c.t.Error("the largest manifest came back different")
		}
		a, _ = c.put(repo, "larger", fill(4<<20+1))
		if text := c.refused(a, http.StatusRequestEntityTooLarge, "SIZE_INVALID"); !strings.Contains(text, "4194304") {
			c.t.Errorf("the limit is not named: %s", text)
		}
	}},
	{"MUST", "a manifest pushed under another digest than its own is refused", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		a, _ := c.put(repo, missingDigest, image(nil))
		c.refused(a, 400, "DIGEST_INVALID")
		c.want(c.get(repo, "manifests", missingDigest), 404)
	}},
	{"MAY", "the list of layers may be empty", func(c *client, repo string) {
		c.pushed(repo, "one", image(nil))
	}},
	{"MUST", "pushing the same manifest again is 201 again", func(c *client, repo string) {
		c.pushed(repo, "one", image(nil))
		c.pushed(repo, "one", image(nil))
	}},
	{"MUST", "a tag that is pushed again means the newer manifest", func(c *client, repo string) {
		c.pushed(repo, "one", image(nil))
		d := c.pushed(repo, "one", index(nil))
		if got := c.get(repo, "manifests", "one"); digest.FromBytes(got.body) != d.Digest {
			c.t.Errorf("got %s, want %s", digest.FromBytes(got.body), d.Digest)
		}
	}},
	{"SHOULD", "sha512 digests name manifests and blobs too", func(c *client, repo string) {
		content := []byte("hashed by sha512")
		b := digest.SHA512.FromBytes(content)
		c.want(c.putBlob(repo, content, b), 201)
		if got := c.want(c.get(repo, "blobs", b.String()), 200); !bytes.Equal(got.body, content) || got.header.Get("Docker-Content-Digest") != b.String() {
			c.t.Errorf("got %q under %q", got.body, got.header.Get("Docker-Content-Digest"))
		}
		c.blob(repo, emptyConfig)
		m := encode(c.t, image(nil, ocispec.Descriptor{MediaType: "text/plain", Digest: b, Size: int64(len(content))}))
		d := digest.SHA512.FromBytes(m)
		a := c.want(c.send("PUT", "/v2/"+repo+"/manifests/"+d.String(), m, "Content-Type", ocispec.MediaTypeImageManifest), 201)
		if got := a.header.Get("Docker-Content-Digest"); got != d.String() {
			c.t.Errorf("pushed as %s, answered %q", d, got)
		}
		if got := c.want(c.get(repo, "manifests", d.String()), 200); !bytes.Equal(got.body, m) {
			c.t.Errorf("got %q", got.body)
		}
	}},
	{"MUST", "what is no manifest is refused, and says why", func(c *client, repo string) {
		c.blob(repo, emptyConfig)
		for what, content := range map[string]string{
			"not JSON":          `{"schemaVersion":`,
			"no schema version": `{"mediaType":"application/vnd.oci.image.manifest.v1+json"}`,
			"old schema":        `{"schemaVersion":1,"mediaType":"application/vnd.oci.image.manifest.v1+json"}`,
			"no config":         `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}`,
			"a bad digest":      `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":"sha256:xyz","size":1},"layers":[]}`,
			"a bad subject":     `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":"` + digest.FromBytes(emptyConfig).String() + `","size":2},"layers":[],"subject":{"mediaType":"a/b","digest":"nope","size":1}}`,
			"both kinds":        `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":"` + digest.FromBytes(emptyConfig).String() + `","size":2},"layers":[],"manifests":[]}`,
			"null":              `null`,
			"a list":            `[]`,
		} {
			a := c.send("PUT", "/v2/"+repo+"/manifests/bad", []byte(content), "Content-Type", ocispec.MediaTypeImageManifest)
			if a.status != 400 {
				c.t.Errorf("%s: status %d: %s", what, a.status, a.body)
			}
		}
		a := c.send("PUT", "/v2/"+repo+"/manifests/bad", encode(c.t, image(nil)), "Content-Type", "text/plain")
		c.refused(a, 400, "MANIFEST_INVALID")
		c.want(c.get(repo, "manifests", "bad"), 404)
	}},
}

func withSubject(d digest.Digest) func(*ocispec.Manifest) {
	return func(m *ocispec.Manifest) {
		m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d, Size: 1}
	}
}
