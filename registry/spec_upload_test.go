package registry_test

import (
	"crypto/rand"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"
)

var uuid = regexp.MustCompile(`[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}`)

// start begins an upload and gives its location.
func (c *client) start(repo string) string {
	c.t.Helper()
	return c.want(c.send("POST", "/v2/"+repo+"/blobs/uploads/", nil), 202).header.Get("Location")
}

// chunk sends bytes of an upload with their range, "" for none.
func (c *client) chunk(location, span string, content []byte) answer {
	c.t.Helper()
	header := []string{"Content-Type", "application/octet-stream"}
	if span != "" {
		header = append(header, "Content-Range", span)
	}
	return c.send("PATCH", location, content, header...)
}

var uploadClauses = []clause{
	{"MUST", "POST is 202 with a Location that holds a session id of its own", func(c *client, repo string) {
		one, two := uuid.FindString(c.start(repo)), uuid.FindString(c.start(repo))
		if one == "" || one == two {
			c.t.Errorf("ids %q and %q", one, two)
		}
	}},
	{"MUST", "PUT of the whole blob is 201 with a Location that pulls it", func(c *client, repo string) {
		content := []byte(rand.Text())
		a := c.want(c.putBlob(repo, content, digest.FromBytes(content)), 201)
		if got := c.want(c.send("GET", a.header.Get("Location"), nil), 200); string(got.body) != string(content) {
			c.t.Errorf("got %q", got.body)
		}
	}},
	{"MUST", "a single POST with digest is 201 with a Location that pulls it", func(c *client, repo string) {
		content := []byte(rand.Text())
		a := c.want(c.send("POST", "/v2/"+repo+"/blobs/uploads/?digest="+digest.FromBytes(content).String(), content), 201)
		if got := c.want(c.send("GET", a.header.Get("Location"), nil), 200); string(got.body) != string(content) {
			c.t.Errorf("got %q", got.body)
		}
	}},
	{"MUST", "a digest that is not that of the bytes is refused, and nothing is stored", func(c *client, repo string) {
		content := []byte(rand.Text())
		wrong := digest.FromString("another")
		c.refused(c.putBlob(repo, content, wrong), 400, "DIGEST_INVALID")
		c.refused(c.send("POST", "/v2/"+repo+"/blobs/uploads/?digest="+wrong.String(), content), 400, "DIGEST_INVALID")
		c.want(c.get(repo, "blobs", wrong.String()), 404)
		c.want(c.get(repo, "blobs", digest.FromBytes(content).String()), 404)
	}},
	{"SHOULD", "an invalid or unsupported digest is 400", func(c *client, repo string) {
		for _, d := range []string{"", "sha256:short", "md5:d41d8cd98f00b204e9800998ecf8427e", "nonsense"} {
			c.refused(c.send("PUT", c.at(c.start(repo), "digest", d), []byte("x")), 400, "DIGEST_INVALID")
		}
		c.refused(c.send("POST", "/v2/"+repo+"/blobs/uploads/?digest=nonsense", []byte("x")), 400, "DIGEST_INVALID")
		c.refused(c.send("POST", "/v2/"+repo+"/blobs/uploads/?mount=nonsense&from="+repo, nil), 400, "DIGEST_INVALID")
		c.refused(c.send("POST", "/v2/"+repo+"/blobs/uploads/?digest-algorithm=md5", nil), 400, "DIGEST_INVALID")
	}},
	{"MUST", "chunks are 202 with Location and Range up to the last byte, and the closing PUT is 201", func(c *client, repo string) {
		content := []byte("0123456789abcdef")
		a := c.want(c.chunk(c.start(repo), "0-9", content[:10]), 202)
		if got := a.header.Get("Range"); got != "0-9" {
			c.t.Errorf("Range %q, want 0-9", got)
		}
		a = c.want(c.chunk(a.header.Get("Location"), "10-15", content[10:]), 202)
		if got := a.header.Get("Range"); got != "0-15" {
			c.t.Errorf("Range %q, want 0-15", got)
		}
		d := digest.FromBytes(content).String()
		a = c.want(c.send("PUT", c.at(a.header.Get("Location"), "digest", d), nil), 201)
		if got := c.want(c.send("GET", a.header.Get("Location"), nil), 200); string(got.body) != string(content) {
			c.t.Errorf("got %q", got.body)
		}
	}},
	{"MAY", "the final chunk may come with the closing PUT", func(c *client, repo string) {
		content := []byte("0123456789abcdef")
		a := c.want(c.chunk(c.start(repo), "0-9", content[:10]), 202)
		d := digest.FromBytes(content).String()
		c.want(c.send("PUT", c.at(a.header.Get("Location"), "digest", d), content[10:], "Content-Range", "10-15"), 201)
		c.want(c.get(repo, "blobs", d), 200)
	}},
	{"MAY", "one stream without a range is a chunk too", func(c *client, repo string) {
		content := []byte(rand.Text())
		a := c.want(c.chunk(c.start(repo), "", content), 202)
		c.want(c.send("PUT", c.at(a.header.Get("Location"), "digest", digest.FromBytes(content).String()), nil), 201)
	}},
	{"MUST", "a first chunk that does not begin at 0 is 416", func(c *client, repo string) {
		c.refused(c.chunk(c.start(repo), "5-9", []byte("56789")), 416, "BLOB_UPLOAD_INVALID")
	}},
	{"MUST", "a chunk out of order or sent again is 416, and the session goes on from its status", func(c *client, repo string) {
		start := c.start(repo)
		a := c.want(c.chunk(start, "0-4", []byte("01234")), 202)
		c.want(c.chunk(start, "0-4", []byte("01234")), 416)
		c.want(c.chunk(a.header.Get("Location"), "7-8", []byte("78")), 416)
		status := c.want(c.send("GET", a.header.Get("Location"), nil), 204)
		if got := status.header.Get("Range"); got != "0-4" {
			c.t.Errorf("Range %q, want 0-4", got)
		}
		a = c.want(c.chunk(status.header.Get("Location"), "5-8", []byte("5678")), 202)
		d := digest.FromString("012345678").String()
		c.want(c.send("PUT", c.at(a.header.Get("Location"), "digest", d), nil), 201)
		c.want(c.get(repo, "blobs", d), 200)
	}},
	{"MUST", "a final chunk out of order is 416", func(c *client, repo string) {
		a := c.want(c.chunk(c.start(repo), "0-4", []byte("01234")), 202)
		d := digest.FromString("0123456").String()
		c.want(c.send("PUT", c.at(a.header.Get("Location"), "digest", d), []byte("56"), "Content-Range", "9-10"), 416)
	}},
	{"MUST", "a range that is not <first>-<last> is refused", func(c *client, repo string) {
		for _, span := range []string{"bytes 0-4/5", "0-", "-4", "4-0", "a-b", "0-99999999999999999999"} {
			a := c.chunk(c.start(repo), span, []byte("01234"))
			if a.status != 416 && a.status != 400 {
				c.t.Errorf("%q: status %d", span, a.status)
			}
		}
		c.refused(c.chunk(c.start(repo), "0-9", []byte("01234")), 400, "SIZE_INVALID")
	}},
	{"MUST", "the status of an active upload is 204 with Location and Range", func(c *client, repo string) {
		a := c.want(c.chunk(c.start(repo), "", []byte("0123")), 202)
		status := c.want(c.send("GET", a.header.Get("Location"), nil), 204)
		if status.header.Get("Location") == "" || status.header.Get("Range") != "0-3" {
			c.t.Errorf("Location %q, Range %q", status.header.Get("Location"), status.header.Get("Range"))
		}
	}},
	{"MUST", "an upload that is not there is 404", func(c *client, repo string) {
		gone := uuid.ReplaceAllString(c.start(repo), "00000000-0000-4000-8000-000000000000")
		c.want(c.send("GET", gone, nil), 404)
		c.want(c.chunk(gone, "", []byte("x")), 404)
		c.want(c.send("GET", "/v2/"+repo+"/blobs/uploads/..", nil), 404)
	}},
	{"SHOULD", "DELETE cancels an upload with 204, and it is 404 afterwards", func(c *client, repo string) {
		location := c.start(repo)
		c.want(c.send("DELETE", location, nil), 204)
		c.want(c.send("GET", location, nil), 404)
	}},
	{"MUST", "a location of one repository does not work in another", func(c *client, repo string) {
		other := strings.Replace(c.start(repo), repo, repo+"/other", 1)
		a := c.chunk(other, "", []byte("x"))
		if a.status < 400 || a.status > 499 {
			c.t.Errorf("status %d, want 4xx", a.status)
		}
	}},
	{"MUST", "a mount is 201 with a Location that pulls the blob", func(c *client, repo string) {
		d := c.blob(repo, []byte(rand.Text()))
		a := c.want(c.send("POST", "/v2/"+repo+"/to/blobs/uploads/?mount="+d.Digest.String()+"&from="+repo, nil), 201)
		if got := a.header.Get("Docker-Content-Digest"); got != d.Digest.String() {
			c.t.Errorf("digest %q", got)
		}
		if got := c.want(c.send("GET", a.header.Get("Location"), nil), 200); digest.FromBytes(got.body) != d.Digest {
			c.t.Errorf("got %q", got.body)
		}
	}},
	{"SHOULD", "a mount that cannot be is an upload session, 202", func(c *client, repo string) {
		d := c.blob(repo, []byte(rand.Text()))
		for _, q := range []string{
			"mount=" + d.Digest.String(),
			"mount=" + missingDigest + "&from=" + repo,
			"mount=" + d.Digest.String() + "&from=free/none",
			"mount=" + d.Digest.String() + "&from=NOT/A/NAME",
		} {
			a := c.want(c.send("POST", "/v2/"+repo+"/to/blobs/uploads/?"+q, nil), 202)
			if a.header.Get("Location") == "" {
				c.t.Errorf("%s: no Location", q)
			}
		}
	}},
	{"MUST", "a form type does not eat the bytes of a blob", func(c *client, repo string) {
		content := []byte("a=1&digest=no&_state=no")
		d := digest.FromBytes(content).String()
		c.want(c.send("PUT", c.at(c.start(repo), "digest", d), content, "Content-Type", "application/x-www-form-urlencoded"), 201)
		c.want(c.get(repo, "blobs", d), 200)
	}},
	{"MUST", "a blob pushed twice is there once and pulls", func(c *client, repo string) {
		content := []byte(rand.Text())
		c.blob(repo, content)
		d := c.blob(repo, content)
		c.want(c.get(repo, "blobs", d.Digest.String()), 200)
	}},
}
