package registry_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"

	"github.com/google/go-cmp/cmp"
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
