package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/index"
)

const plugins = "/api/v1/plugins"

func TestEachHostGetsTheNewestVersionThatFits_C2(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2", "2.0.0 >=2"), plugin(t, "acme/old", "1.0.0 <2"))
	for name, c := range map[string]struct {
		query string
		want  []string
	}{
		"nobody in particular gets the newest":       {"", []string{"acme/hello 2.0.0", "acme/old 1.0.0"}},
		"host 1.4 gets what runs there":              {"?host=acme-editor&host_version=1.4.0", []string{"acme/hello 1.0.0", "acme/old 1.0.0"}},
		"host 2 gets what runs there":                {"?host=acme-editor&host_version=2.0.0", []string{"acme/hello 2.0.0"}},
		"a leading v and missing parts are forgiven": {"?host=acme-editor&host_version=v2", []string{"acme/hello 2.0.0"}},
		"a host that nobody names gets nothing":      {"?host=other&host_version=1.0.0", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := read[index.Page](t, s.do(t, "GET", plugins+c.query, ""))
			var got []string
			for _, row := range page.Items {
				got = append(got, row.ID+" "+row.Version)
				if !strings.HasSuffix(row.Reference, "/"+row.ID+"@"+row.Digest.String()) || !strings.HasPrefix(row.Reference, s.Listener.Addr().String()) {
					t.Errorf("reference %q", row.Reference)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if page.Total != len(c.want) || page.Items == nil {
				t.Errorf("total %d, items %v", page.Total, page.Items)
			}
		})
	}
}

func TestAnswersAreStampedAndConditionalRequestsCostNothing_C6(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	for _, path := range []string{plugins, plugins + "?q=hello", plugins + "/acme/hello", plugins + "/acme/hello/versions/1.0.0", plugins + "/acme/hello/why", "/api/v1/catalog"} {
		first := s.do(t, "GET", path, "")
		stamp := read[index.Stamp](t, first)
		if first.StatusCode != 200 || stamp.Generation != 1 || stamp.CatalogDigest == "" {
			t.Fatalf("%s: status %d, stamp %+v", path, first.StatusCode, stamp)
		}
		etag := first.Header.Get("ETag")
		if !strings.HasPrefix(etag, `"`) {
			t.Errorf("%s: ETag %q is not strong", path, etag)
		}
		again := s.do(t, "GET", path, "", "If-None-Match", etag)
		if again.StatusCode != 304 || len(again.body) != 0 || again.Header.Get("ETag") != etag {
			t.Errorf("%s: status %d, %d bytes, ETag %q", path, again.StatusCode, len(again.body), again.Header.Get("ETag"))
		}
		head := s.do(t, "HEAD", path, "")
		if head.StatusCode != 200 || len(head.body) != 0 || head.ContentLength != int64(len(first.body)) || head.Header.Get("ETag") != etag {
			t.Errorf("%s: HEAD %d with length %d, expected %d", path, head.StatusCode, head.ContentLength, len(first.body))
		}
	}
	const wants = `{"plugins":[{"id":"acme/hello"}]}`
	chosen := s.do(t, "POST", "/api/v1/resolve", wants)
	of := chosen.Header.Get("ETag")
	again := s.do(t, "POST", "/api/v1/resolve", wants, "If-None-Match", of)
	if chosen.StatusCode != 200 || !strings.HasPrefix(of, `"`) || again.StatusCode != 304 || len(again.body) != 0 {
		t.Errorf("resolve: %d with ETag %q, and again %d", chosen.StatusCode, of, again.StatusCode)
	}
	etag := s.do(t, "GET", plugins, "").Header.Get("ETag")
	s.swap(t, plugin(t, "acme/other", "1.0.0 >=1"))
	if r := s.do(t, "POST", "/api/v1/resolve", wants, "If-None-Match", of); r.StatusCode != 200 {
		t.Errorf("resolve after a change: %d", r.StatusCode)
	}
	if r := s.do(t, "GET", plugins, "", "If-None-Match", etag); r.StatusCode != 200 || read[index.Page](t, r).Total != 2 {
		t.Errorf("after a change: status %d %s", r.StatusCode, r.body)
	}
}

func TestTheSameQuestionInAnotherOrderHasTheSameETag_C6(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	a := s.do(t, "GET", plugins+"?host=acme-editor&host_version=1.2", "").Header.Get("ETag")
	b := s.do(t, "GET", plugins+"?host_version=1.2&host=acme-editor", "").Header.Get("ETag")
	c := s.do(t, "GET", plugins+"?host_version=1.3&host=acme-editor", "").Header.Get("ETag")
	if a != b || a == c {
		t.Errorf("ETags %s, %s, and of another question %s", a, b, c)
	}
}

func TestAnEarlierGenerationAnswersUntilItIsGone_C5_C6(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	s.swap(t, plugin(t, "acme/other", "1.0.0 >=1"))
	old := read[index.Page](t, s.do(t, "GET", plugins+"?generation=1", ""))
	if old.Generation != 1 || old.Total != 1 {
		t.Errorf("generation %d, total %d", old.Generation, old.Total)
	}
	s.clock = s.clock.Add(time.Hour)
	r := s.do(t, "GET", plugins+"?generation=1", "")
	if p := read[index.Problem](t, r); r.StatusCode != 410 || p.Code != index.CodeGenerationGone {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
}

func TestPagesHoldOnToTheirGeneration_C4(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 7 {
		s.swap(t, plugin(t, fmt.Sprintf("acme/p%d", i), "1.0.0 >=1"))
	}
	first := read[index.Page](t, s.do(t, "GET", plugins+"?limit=3", ""))
	s.swap(t, plugin(t, "acme/aaa", "1.0.0 >=1"))
	seen := map[string]bool{}
	for page := first; ; {
		for _, row := range page.Items {
			if seen[row.ID] {
				t.Errorf("%s came twice", row.ID)
			}
			seen[row.ID] = true
		}
		if page.NextCursor == "" {
			break
		}
		page = read[index.Page](t, s.do(t, "GET", plugins+"?limit=3&cursor="+page.NextCursor, ""))
		if page.Generation != first.Generation {
			t.Errorf("generation %d, expected %d", page.Generation, first.Generation)
		}
	}
	if len(seen) != 7 || seen["acme/aaa"] {
		t.Errorf("seen %v", seen)
	}
	s.clock = s.clock.Add(time.Hour)
	if r := s.do(t, "GET", plugins+"?limit=3&cursor="+first.NextCursor, ""); r.StatusCode != 410 {
		t.Errorf("a cursor of a generation that is gone: %d", r.StatusCode)
	}
	r := s.do(t, "GET", plugins+"?limit=3&q=other&cursor="+first.NextCursor, "")
	if r.StatusCode != 400 && r.StatusCode != 410 {
		t.Errorf("a cursor of another question: %d", r.StatusCode)
	}
}

func TestLargeAnswersAreCompressedForThoseWhoAsk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	small := s.do(t, "GET", plugins, "", "Accept-Encoding", "gzip")
	if small.Header.Get("Content-Encoding") != "" {
		t.Error("a small answer was compressed")
	}
	for i := range 20 {
		s.swap(t, plugin(t, fmt.Sprintf("acme/p%02d", i), "1.0.0 >=1"))
	}
	if all := read[index.Page](t, s.do(t, "GET", plugins+"?limit=1000", "")); len(all.Items) != 20 {
		t.Errorf("a large limit gives %d of 20", len(all.Items))
	}
	plain := s.do(t, "GET", plugins, "")
	packed := s.do(t, "GET", plugins, "", "Accept-Encoding", "gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("ETag") == plain.Header.Get("ETag") {
		t.Fatalf("encoding %q, ETag %s and %s", packed.Header.Get("Content-Encoding"), packed.Header.Get("ETag"), plain.Header.Get("ETag"))
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.body) {
		t.Errorf("unpacked %d bytes, error %v", len(got), err)
	}
	if r := s.do(t, "GET", plugins, "", "If-None-Match", packed.Header.Get("ETag")); r.StatusCode != 304 {
		t.Errorf("its ETag gives %d", r.StatusCode)
	}
}

func TestDetailHoldsVersionsAndReadme(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2", "2.0.0 >=2"))
	d := read[index.Detail](t, s.do(t, "GET", plugins+"/acme/hello?host=acme-editor&host_version=1", ""))
	if d.Version != "1.0.0" || len(d.Versions) != 2 || d.Readme != "# Hello" {
		t.Errorf("version %s, %d versions, readme %q", d.Version, len(d.Versions), d.Readme)
	}
	if r := s.do(t, "GET", plugins+"/acme/hello?host=other", ""); r.StatusCode != 404 {
		t.Errorf("a host that nothing fits: %d", r.StatusCode)
	}
	v := read[index.VersionDetail](t, s.do(t, "GET", plugins+"/acme/hello/versions/1.0.0", ""))
	if v.Version.Version != "1.0.0" || v.ID != "acme/hello" {
		t.Errorf("version %+v", v)
	}
}

func TestWhyNamesEachReason_C9(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2", "2.0.0 >=2"))
	why := read[index.Why](t, s.do(t, "GET", plugins+"/acme/hello/why?host=acme-editor&host_version=1", ""))
	if len(why.Versions) != 2 || why.Versions[0].Included || !why.Versions[1].Included {
		t.Fatalf("%+v", why.Versions)
	}
	if got := why.Versions[0].Reasons[0].Code; got != index.ReasonHostVersion {
		t.Errorf("reason %q", got)
	}
}

func TestResolveGivesDigests_D2(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2", "2.0.0 >=2"))
	r := s.do(t, "POST", "/api/v1/resolve", `{"host":{"id":"acme-editor","version":"1.5"},"plugins":[{"id":"acme/hello","range":"*"}]}`)
	got := read[index.Resolution](t, r)
	if len(got.Resolved) != 1 || got.Resolved[0].Version != "1.0.0" || got.Generation != 1 {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
	r = s.do(t, "POST", "/api/v1/resolve", `{"plugins":[{"id":"acme/hello"}]}`, "Content-Type", "application/x-www-form-urlencoded")
	if got := read[index.Resolution](t, r); len(got.Resolved) != 1 || got.Resolved[0].Version != "2.0.0" {
		t.Errorf("nobody in particular: status %d: %s", r.StatusCode, r.body)
	}
	r = s.do(t, "POST", "/api/v1/resolve", `{"host":{"id":"acme-editor","version":"1.5"},"plugins":[{"id":"acme/hello","range":"^2"}]}`)
	if p := read[index.Problem](t, r); r.StatusCode != 409 || p.Explanation == "" || len(p.Hints) != 1 || p.Hints[0].Change != index.HintRange || p.Hints[0].To != "^1" {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
}

// A damaged readme costs the readme and nothing else, and nobody keeps that answer.
func TestADamagedReadmeIsToldAndNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	s.engine.failWith = errBroken
	r := s.do(t, "GET", plugins+"/acme/hello", "")
	d := read[index.Detail](t, r)
	if r.StatusCode != 200 || d.Readme != "" || len(d.Notices) != 1 || d.Notices[0].Kind != index.ReasonUnreadable || r.Header.Get("ETag") != "" {
		t.Errorf("status %d, ETag %q: %s", r.StatusCode, r.Header.Get("ETag"), r.body)
	}
	s.engine.failWith = nil
	if d := read[index.Detail](t, s.do(t, "GET", plugins+"/acme/hello", "")); d.Readme != "# Hello" {
		t.Errorf("after the repair: %q", d.Readme)
	}
}

// A version that waits for its signature is in no answer; its own page and why
// say what it waits for.
func TestAPendingVersionIsInNoAnswer_C9(t *testing.T) {
	t.Parallel()
	p := plugin(t, "acme/hello", "1.0.0 >=1 <2")
	p.Versions[0].Pending = []index.Reason{{Code: index.ReasonUnsigned, Detail: "there is no signature"}}
	s := newSite(t, p)
	if page := read[index.Page](t, s.do(t, "GET", plugins, "")); page.Total != 0 {
		t.Errorf("total %d", page.Total)
	}
	r := s.do(t, "GET", plugins+"/acme/hello", "")
	if p := read[index.Problem](t, r); r.StatusCode != 404 || p.Code != "plugin_not_found" || !strings.Contains(p.Fixes[0], "why") {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
	v := read[index.VersionDetail](t, s.do(t, "GET", plugins+"/acme/hello/versions/1.0.0", ""))
	if v.Pending == nil || v.Pending.Reasons[0].Code != index.ReasonUnsigned {
		t.Errorf("pending %+v", v.Pending)
	}
}
