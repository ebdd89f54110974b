package registry_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// referrers asks the referrers API.
func (c *client) referrers(repo string, subject digest.Digest, query string) ([]ocispec.Descriptor, answer) {
	c.t.Helper()
	path := "/v2/" + repo + "/referrers/" + subject.String()
	if query != "" {
		path += "?" + query
	}
	a := c.want(c.send("GET", path, nil), 200)
	if ct := a.header.Get("Content-Type"); ct != ocispec.MediaTypeImageIndex {
		c.t.Errorf("Content-Type %q", ct)
	}
	var x struct {
		SchemaVersion int                   `json:"schemaVersion"`
		MediaType     string                `json:"mediaType"`
		Manifests     *[]ocispec.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(a.body, &x); err != nil || x.SchemaVersion != 2 || x.MediaType != ocispec.MediaTypeImageIndex || x.Manifests == nil {
		c.t.Fatalf("%s: no image index: %s", path, a.body)
	}
	return *x.Manifests, a
}

// refer pushes a referrer of subject.
func (c *client) refer(repo string, subject digest.Digest, kind, note string) ocispec.Descriptor {
	c.t.Helper()
	d := c.pushed(repo, "", image(func(m *ocispec.Manifest) {
		withSubject(subject)(m)
		m.ArtifactType = kind
		m.Annotations = map[string]string{"note": note}
	}))
	d.ArtifactType, d.Annotations = kind, map[string]string{"note": note}
	return d
}

func byDigest(a, b ocispec.Descriptor) int {
	return strings.Compare(string(a.Digest), string(b.Digest))
}

var referrersClauses = []clause{
	{"MUST", "referrers are 200 and an empty index for a digest or repository that is not there, never 404", func(c *client, repo string) {
		for _, r := range []string{repo, repo + "/none"} {
			if got, _ := c.referrers(r, missingDigest, ""); len(got) != 0 {
				c.t.Errorf("got %v", got)
			}
		}
	}},
	{"MUST", "a digest that is none is 400", func(c *client, repo string) {
		for _, d := range []string{"sha256:short", "latest", "md5:d41d8cd98f00b204e9800998ecf8427e"} {
			c.refused(c.get(repo, "referrers", d), 400, "DIGEST_INVALID")
		}
	}},
	{"MUST", "the list has exactly those with that subject, with size, type and annotations", func(c *client, repo string) {
		subject := c.pushed(repo, "one", image(nil))
		want := []ocispec.Descriptor{c.refer(repo, subject.Digest, "application/a", "1"), c.refer(repo, subject.Digest, "application/b", "2")}
		c.refer(repo, missingDigest, "application/a", "other")
		slices.SortFunc(want, byDigest)
		got, _ := c.referrers(repo, subject.Digest, "")
		if diff := cmp.Diff(want, got); diff != "" {
			c.t.Error(diff)
		}
	}},
	{"MUST", "artifactType is the config's media type where the manifest has none, and left out for an index", func(c *client, repo string) {
		c.pushed(repo, "", image(func(m *ocispec.Manifest) {
			withSubject(missingDigest)(m)
			m.Config.MediaType = "application/from-config"
		}))
		c.pushed(repo, "", index(func(x *ocispec.Index) {
			x.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: missingDigest, Size: 1}
		}))
		_, a := c.referrers(repo, missingDigest, "")
		var x struct{ Manifests []map[string]any }
		if err := json.Unmarshal(a.body, &x); err != nil || len(x.Manifests) != 2 {
			c.t.Fatalf("%s", a.body)
		}
		for _, m := range x.Manifests {
			kind, there := m["artifactType"]
			if m["mediaType"] == ocispec.MediaTypeImageIndex && there || m["mediaType"] != ocispec.MediaTypeImageIndex && kind != "application/from-config" {
				c.t.Errorf("%v", m)
			}
		}
	}},
	{"MUST", "an index with artifactType keeps it", func(c *client, repo string) {
		c.pushed(repo, "", index(func(x *ocispec.Index) {
			x.ArtifactType = "application/of-index"
			x.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: missingDigest, Size: 1}
		}))
		got, _ := c.referrers(repo, missingDigest, "")
		if len(got) != 1 || got[0].ArtifactType != "application/of-index" {
			c.t.Errorf("%+v", got)
		}
	}},
	{"SHOULD", "artifactType filters, and OCI-Filters-Applied says so", func(c *client, repo string) {
		want := c.refer(repo, missingDigest, "application/a", "1")
		c.refer(repo, missingDigest, "application/b", "2")
		got, a := c.referrers(repo, missingDigest, "artifactType=application/a")
		if diff := cmp.Diff([]ocispec.Descriptor{want}, got); diff != "" || a.header.Get("OCI-Filters-Applied") != "artifactType" {
			c.t.Errorf("filters %q\n%s", a.header.Get("OCI-Filters-Applied"), diff)
		}
		if got, a = c.referrers(repo, missingDigest, "artifactType=application/none"); len(got) != 0 || a.header.Get("OCI-Filters-Applied") == "" {
			c.t.Errorf("got %v", got)
		}
		if _, a = c.referrers(repo, missingDigest, ""); a.header.Get("OCI-Filters-Applied") != "" {
			c.t.Error("OCI-Filters-Applied without a filter")
		}
	}},
	{"MUST", "a list that does not fit one answer goes on in Link, with the filter", func(c *client, repo string) {
		var want, got []string
		for i := range 7 {
			want = append(want, c.refer(repo, missingDigest, "application/a", fmt.Sprint(i)).Digest.String())
			c.refer(repo, missingDigest, "application/b", fmt.Sprint(i))
		}
		slices.Sort(want)
		query := "n=3&artifactType=application/a"
		for query != "" {
			page, a := c.referrers(repo, missingDigest, query)
			for _, d := range page {
				got = append(got, d.Digest.String())
			}
			if query = ""; c.next(a) != "" {
				u, err := url.Parse(c.next(a))
				if err != nil {
					c.t.Fatal(err)
				}
				query = u.RawQuery
			}
			if len(page) > 3 || a.header.Get("OCI-Filters-Applied") != "artifactType" {
				c.t.Fatalf("a page of %d, filters %q", len(page), a.header.Get("OCI-Filters-Applied"))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			c.t.Error(diff)
		}
	}},
	{"MUST", "descriptors that would make the answer too large go on in Link", func(c *client, repo string) {
		for i := range 3 {
			c.refer(repo, missingDigest, "application/a", fmt.Sprint(i)+strings.Repeat("x", 2<<20))
		}
		first, a := c.referrers(repo, missingDigest, "")
		if len(a.body) > 5<<20 || len(first) == 3 || c.next(a) == "" {
			c.t.Errorf("%d bytes, %d descriptors, Link %q", len(a.body), len(first), c.next(a))
		}
	}},
	{"MUST", "a referrer pushed before its subject is there when the subject comes", func(c *client, repo string) {
		content := encode(c.t, image(func(m *ocispec.Manifest) { m.Annotations = map[string]string{"late": "yes"} }))
		subject := digest.FromBytes(content)
		want := c.refer(repo, subject, "application/a", "early")
		a, _ := c.put(repo, "one", content)
		c.want(a, 201)
		got, _ := c.referrers(repo, subject, "")
		if diff := cmp.Diff([]ocispec.Descriptor{want}, got); diff != "" {
			c.t.Error(diff)
		}
	}},
	{"MUST", "manifests listed under the referrers tag with that subject are in the answer, each once", func(c *client, repo string) {
		subject := c.pushed(repo, "one", image(nil))
		real := c.refer(repo, subject.Digest, "application/a", "1")
		stranger := c.pushed(repo, "", image(func(m *ocispec.Manifest) { m.Annotations = map[string]string{"no": "subject"} }))
		c.pushed(repo, artifact.DigestTag(subject.Digest, ""), index(nil, real, stranger))
		got, _ := c.referrers(repo, subject.Digest, "")
		if diff := cmp.Diff([]ocispec.Descriptor{real}, got); diff != "" {
			c.t.Error(diff)
		}
	}},
	{"MUST", "a new referrer is in the next answer, and a deleted one is not", func(c *client, repo string) {
		for i := range 3 {
			d := c.refer(repo, missingDigest, "application/a", fmt.Sprint(i))
			if got, _ := c.referrers(repo, missingDigest, ""); len(got) != i+1 {
				c.t.Fatalf("%d referrers after %d pushes", len(got), i+1)
			}
			if i == 2 {
				c.want(c.send("DELETE", "/v2/"+repo+"/manifests/"+d.Digest.String(), nil), 202)
			}
		}
		if got, _ := c.referrers(repo, missingDigest, ""); len(got) != 2 {
			c.t.Errorf("%d referrers after a delete, want 2", len(got))
		}
	}},
}
