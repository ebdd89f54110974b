package registry_test

import (
	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var managementClauses = []clause{
	{"MUST", "DELETE of a tag is 202, the tag is 404 afterwards and the manifest stays", func(c *client, repo string) {
		d := c.pushed(repo, "one", image(nil))
		c.pushed(repo, "two", image(nil))
		c.want(c.send("DELETE", "/v2/"+repo+"/manifests/one", nil), 202)
		c.want(c.get(repo, "manifests", "one"), 404)
		c.want(c.get(repo, "manifests", "two"), 200)
		c.want(c.get(repo, "manifests", d.Digest.String()), 200)
		if got, _ := c.tags(repo, ""); !cmp.Equal(got, []string{"two"}) {
			c.t.Errorf("tags %v", got)
		}
	}},
	{"MUST", "DELETE of a manifest is 202, and its digest and every tag of it are 404 afterwards", func(c *client, repo string) {
		d := c.pushed(repo, "one", image(nil))
		c.pushed(repo, "two", image(nil))
		c.pushed(repo, "other", index(nil))
		c.want(c.send("DELETE", "/v2/"+repo+"/manifests/"+d.Digest.String(), nil), 202)
		for _, ref := range []string{"one", "two", d.Digest.String()} {
			c.want(c.get(repo, "manifests", ref), 404)
		}
		if got, _ := c.tags(repo, ""); !cmp.Equal(got, []string{"other"}) {
			c.t.Errorf("tags %v", got)
		}
	}},
	{"MUST", "a deleted manifest can be pushed again", func(c *client, repo string) {
		d := c.pushed(repo, "one", image(nil))
		c.want(c.send("DELETE", "/v2/"+repo+"/manifests/"+d.Digest.String(), nil), 202)
		c.pushed(repo, "one", image(nil))
		c.want(c.get(repo, "manifests", "one"), 200)
	}},
	{"MUST", "DELETE in a repository that is not there is 404", func(c *client, repo string) {
		c.want(c.send("DELETE", "/v2/"+repo+"/none/manifests/"+missingDigest, nil), 404)
		c.want(c.send("DELETE", "/v2/"+repo+"/none/manifests/tag", nil), 404)
	}},
	{"MUST", "DELETE of what is not there is 404", func(c *client, repo string) {
		c.pushed(repo, "one", image(nil))
		c.want(c.send("DELETE", "/v2/"+repo+"/manifests/"+missingDigest, nil), 404)
		c.want(c.send("DELETE", "/v2/"+repo+"/manifests/none", nil), 404)
		c.want(c.send("DELETE", "/v2/"+repo+"/blobs/"+missingDigest, nil), 404)
	}},
	{"MUST", "DELETE of a blob is 202, and it is 404 afterwards, here and only here", func(c *client, repo string) {
		d := c.blob(repo, []byte("to delete"))
		c.blob(repo+"/other", []byte("to delete"))
		c.want(c.send("DELETE", "/v2/"+repo+"/blobs/"+d.Digest.String(), nil), 202)
		c.want(c.get(repo, "blobs", d.Digest.String()), 404)
		c.want(c.get(repo+"/other", "blobs", d.Digest.String()), 200)
	}},
	{"MUST", "where deletes are disabled they are 405 with UNSUPPORTED", func(c *client, _ string) {
		const repo = "acme/kept"
		c.blob(repo, emptyConfig)
		d := c.pushed(repo, "1.0.0", plugin(repo, "1.0.0", ""))
		child := c.blob(repo, []byte("kept"))
		c.pushed(repo, "", image(nil, child))
		for _, path := range []string{"/manifests/1.0.0", "/manifests/" + d.Digest.String(), "/blobs/" + child.Digest.String()} {
			c.refused(c.send("DELETE", "/v2/"+repo+path, nil), 405, "UNSUPPORTED")
		}
	}},
	{"MUST", "a deleted referrer is gone, and its subject stays", func(c *client, repo string) {
		subject := c.pushed(repo, "one", image(nil))
		d := c.refer(repo, subject.Digest, "application/a", "1")
		c.want(c.send("DELETE", "/v2/"+repo+"/manifests/"+d.Digest.String(), nil), 202)
		if got, _ := c.referrers(repo, subject.Digest, ""); len(got) != 0 {
			c.t.Errorf("got %v", got)
		}
		c.want(c.get(repo, "manifests", "one"), 200)
	}},
	{"MUST", "a deleted subject keeps its referrers for when it comes again", func(c *client, repo string) {
		subject := c.pushed(repo, "one", image(nil))
		d := c.refer(repo, subject.Digest, "application/a", "1")
		c.want(c.send("DELETE", "/v2/"+repo+"/manifests/"+subject.Digest.String(), nil), 202)
		got, _ := c.referrers(repo, subject.Digest, "")
		if diff := cmp.Diff([]ocispec.Descriptor{d}, got); diff != "" {
			c.t.Error(diff)
		}
	}},
}
