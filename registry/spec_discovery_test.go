package registry_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// tags lists tags with a query; next is the target of the Link, if any.
func (c *client) tags(repo, query string) (tags []string, next string) {
	c.t.Helper()
	path := "/v2/" + repo + "/tags/list"
	if query != "" {
		path += "?" + query
	}
	a := c.want(c.send("GET", path, nil), 200)
	var body struct {
		Name string    `json:"name"`
		Tags *[]string `json:"tags"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil || body.Name != repo || body.Tags == nil {
		c.t.Fatalf("%s: %s", path, a.body)
	}
	return *body.Tags, c.next(a)
}

var link = regexp.MustCompile(`^<([^>]*)>; rel="next"$`)

func (c *client) next(a answer) string {
	c.t.Helper()
	text := a.header.Get("Link")
	if text == "" {
		return ""
	}
	m := link.FindStringSubmatch(text)
	if m == nil {
		c.t.Fatalf("Link %q", text)
	}
	return m[1]
}

func (c *client) tagged(repo string, tags ...string) {
	c.t.Helper()
	for _, tag := range tags {
		c.pushed(repo, tag, image(nil))
	}
}

var discoveryClauses = []clause{
	{"MUST", "the list of tags is 200 in lexical order, whatever the order of pushes", func(c *client, repo string) {
		c.tagged(repo, "b", "C", "a", "A", "1.10.0", "1.9.0", "_x")
		got, next := c.tags(repo, "")
		want := []string{"1.10.0", "1.9.0", "_x", "A", "a", "b", "C"}
		if diff := cmp.Diff(want, got); diff != "" || next != "" {
			c.t.Errorf("next %q, tags (-want +got):\n%s", next, diff)
		}
	}},
	{"MAY", "the list of tags may be empty", func(c *client, repo string) {
		c.pushed(repo, "", image(nil))
		if got, _ := c.tags(repo, ""); len(got) != 0 {
			c.t.Errorf("got %v", got)
		}
	}},
	{"MUST", "n gives that many tags from the beginning", func(c *client, repo string) {
		c.tagged(repo, "a", "b", "c", "d")
		got, _ := c.tags(repo, "n=2")
		if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
			c.t.Error(diff)
		}
	}},
	{"MUST", "n=0 gives an empty list and no Link", func(c *client, repo string) {
		c.tagged(repo, "a", "b")
		if got, next := c.tags(repo, "n=0"); len(got) != 0 || next != "" {
			c.t.Errorf("got %v, Link %q", got, next)
		}
	}},
	{"MUST", "fewer than n come only when there are fewer", func(c *client, repo string) {
		c.tagged(repo, "a", "b", "c")
		for n, want := range map[string]int{"1": 1, "3": 3, "4": 3, "1000000": 3} {
			if got, _ := c.tags(repo, "n="+n); len(got) != want {
				c.t.Errorf("n=%s: %d tags, want %d", n, len(got), want)
			}
		}
	}},
	{"MUST", "last begins after that tag, with or without n", func(c *client, repo string) {
		c.tagged(repo, "a", "b", "c", "d")
		for query, want := range map[string][]string{
			"last=b": {"c", "d"}, "last=b&n=1": {"c"}, "last=d": {}, "last=bb": {"c", "d"}, "last=B&n=2": {"b", "c"},
		} {
			got, _ := c.tags(repo, query)
			if diff := cmp.Diff(want, got); diff != "" {
				c.t.Errorf("%s: %s", query, diff)
			}
		}
	}},
	{"MUST", "Link has rel=next, and following it lists every tag once", func(c *client, repo string) {
		var want, got []string
		for i := range 11 {
			want = append(want, fmt.Sprintf("t%02d", i))
		}
		c.tagged(repo, want...)
		page, next := c.tags(repo, "n=4")
		for got = append(got, page...); next != ""; got = append(got, page...) {
			u, err := url.Parse(next)
			if err != nil {
				c.t.Fatal(err)
			}
			page, next = c.tags(repo, u.RawQuery)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			c.t.Error(diff)
		}
	}},
	{"MUST", "no Link follows the last page, full or not", func(c *client, repo string) {
		c.tagged(repo, "a", "b")
		if _, next := c.tags(repo, "n=2"); next != "" {
			c.t.Errorf("Link %q after the last", next)
		}
	}},
	{"MUST", "a page number that is none is 400", func(c *client, repo string) {
		c.tagged(repo, "a")
		for _, n := range []string{"-1", "x", "1.5", "99999999999999999999"} {
			c.want(c.get(repo, "tags", "list?n="+n), 400)
		}
	}},
	{"MUST", "tags of a repository that is not there are 404", func(c *client, repo string) {
		c.refused(c.get(repo+"/none", "tags", "list"), 404, "NAME_UNKNOWN")
	}},
}

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
