package feed_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/feed"
	"github.com/oarlock/oarlock/policy/ledger"
)

// site is a catalog made in code, and what ledgers say.
type site struct {
	gen    *catalog.Generation
	sees   catalog.Visibility
	ledger map[artifact.Name][]index.LedgerStatement
	read   int // ledgers that were read
	broken map[artifact.Name]bool
}

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (s *site) Known(context.Context) (*catalog.Generation, catalog.Visibility, error) {
	return s.gen, s.sees, nil
}

func (s *site) PluginLedgers(want func(artifact.Name) bool) map[artifact.Name]ledger.State {
	out := map[artifact.Name]ledger.State{}
	for id, all := range s.ledger {
		if want(id) {
			last := all[len(all)-1]
			out[id] = ledger.State{Head: format.Head{Sequence: last.Sequence, Digest: last.Digest}, At: last.At}
		}
	}
	return out
}

func (s *site) History(_ context.Context, id artifact.Name, after, limit int) (index.LedgerPage, error) {
	s.read++
	if s.broken[id] {
		return index.LedgerPage{}, artifact.ErrUnverified
	}
	all := s.ledger[id][after:]
	return index.LedgerPage{Items: all[:min(len(all), limit)]}, nil
}

func (s *site) handler() http.Handler {
	return feed.New(feed.Options{Catalog: s, Ledgers: s, PublicURL: "https://plugins.example.org", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Refuse: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), index.ProblemOf(err).Status)
		}})
}

func name(t *testing.T, s string) artifact.Name {
	t.Helper()
	id, err := artifact.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// plugin has versions that came one minute after the other, from minute on.
func plugin(t *testing.T, id string, minute, versions int) catalog.Plugin {
	t.Helper()
	p := catalog.Plugin{ID: name(t, id)}
	for n := range versions {
		v, err := artifact.ParseVersion(fmt.Sprintf("1.%d.0", n))
		if err != nil {
			t.Fatal(err)
		}
		p.Versions = append(p.Versions, catalog.Version{Version: v, Digest: digest.FromString(id + v.String()), PublishedAt: begin.Add(time.Duration(minute+n) * time.Minute),
			Plugin: &artifact.Plugin{ID: p.ID, Version: v, Description: "A <b>bold</b> & \x01 tool"}})
	}
	return p
}

func statement(minute, sequence int, kind format.Kind, body map[string]any) index.LedgerStatement {
	return index.LedgerStatement{Sequence: sequence, Digest: digest.FromString(fmt.Sprint(minute, kind)), Kind: string(kind), At: begin.Add(time.Duration(minute) * time.Minute), Actor: "person:ada", Body: body}
}

func newSite(t *testing.T, plugins ...catalog.Plugin) *site {
	t.Helper()
	return &site{gen: &catalog.Generation{Number: 1, Snapshot: catalog.Empty().With(plugins, nil)}, sees: catalog.Everything(), ledger: map[artifact.Name][]index.LedgerStatement{}, broken: map[artifact.Name]bool{}}
}

func get(t *testing.T, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// entry is what both formats say of an item.
type entry struct{ id, title, at, url string }

// readAtom holds an Atom document to RFC 4287 and gives its entries and the next page.
func readAtom(t *testing.T, raw []byte) (out []entry, next string) {
	t.Helper()
	type link struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
		Type string `xml:"type,attr"`
	}
	type person struct {
		Name string `xml:"name"`
	}
	var f struct {
		XMLName xml.Name
		ID      []string `xml:"http://www.w3.org/2005/Atom id"`
		Title   []string `xml:"http://www.w3.org/2005/Atom title"`
		Updated []string `xml:"http://www.w3.org/2005/Atom updated"`
		Author  []person `xml:"http://www.w3.org/2005/Atom author"`
		Links   []link   `xml:"http://www.w3.org/2005/Atom link"`
		Entries []struct {
			ID        []string `xml:"http://www.w3.org/2005/Atom id"`
			Title     []string `xml:"http://www.w3.org/2005/Atom title"`
			Updated   []string `xml:"http://www.w3.org/2005/Atom updated"`
			Published []string `xml:"http://www.w3.org/2005/Atom published"`
			Author    []person `xml:"http://www.w3.org/2005/Atom author"`
			Links     []link   `xml:"http://www.w3.org/2005/Atom link"`
			Summary   []string `xml:"http://www.w3.org/2005/Atom summary"`
		} `xml:"http://www.w3.org/2005/Atom entry"`
	}
	if err := xml.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	if f.XMLName.Space != "http://www.w3.org/2005/Atom" || f.XMLName.Local != "feed" {
		t.Fatalf("root element %v", f.XMLName)
	}
	one := func(what string, all []string) string {
		if len(all) != 1 || strings.TrimSpace(all[0]) == "" {
			t.Fatalf("%s: %q, expected one", what, all)
		}
		return all[0]
	}
	iri := func(what, s string) string {
		if u, err := url.Parse(s); err != nil || !u.IsAbs() {
			t.Fatalf("%s: %q is no absolute IRI: %v", what, s, err)
		}
		return s
	}
	date := func(what, s string) string {
		if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return s
	}
	iri("feed id", one("feed id", f.ID))
	one("feed title", f.Title)
	updated := date("feed updated", one("feed updated", f.Updated))
	if len(f.Author) != 1 || f.Author[0].Name == "" {
		t.Fatalf("feed authors %v", f.Author)
	}
	rels := map[string]string{}
	for _, l := range f.Links {
		if rels[l.Rel] != "" {
			t.Fatalf("two links %s", l.Rel)
		}
		rels[l.Rel] = iri("link "+l.Rel, l.Href)
	}
	if rels["self"] == "" || rels["alternate"] == "" {
		t.Fatalf("links %v", f.Links)
	}
	for _, e := range f.Entries {
		one("summary", e.Summary)
		if len(e.Links) != 1 || e.Links[0].Rel != "alternate" || len(e.Author) != 1 {
			t.Fatalf("links and authors of an entry: %+v", e)
		}
		out = append(out, entry{iri("entry id", one("entry id", e.ID)), one("entry title", e.Title), date("updated", one("updated", e.Updated)), iri("entry link", e.Links[0].Href)})
		date("published", one("published", e.Published))
	}
	if len(out) > 0 && rels["first"] == "" && out[0].at != updated {
		t.Errorf("the feed is of %s, and its newest entry of %s", updated, out[0].at)
	}
	return out, rels["next"]
}

// readJSON holds a document to JSON Feed 1.1.
func readJSON(t *testing.T, raw []byte) (out []entry, next string) {
	t.Helper()
	var f struct {
		Version string `json:"version"`
		Title   string `json:"title"`
		Home    string `json:"home_page_url"`
		Feed    string `json:"feed_url"`
		Next    string `json:"next_url"`
		Items   []struct {
			ID        string `json:"id"`
			URL       string `json:"url"`
			Title     string `json:"title"`
			Text      string `json:"content_text"`
			Published string `json:"date_published"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	if f.Version != "https://jsonfeed.org/version/1.1" || f.Title == "" || f.Items == nil || f.Home == "" || f.Feed == "" {
		t.Fatalf("JSON Feed %+v", f)
	}
	for _, i := range f.Items {
		if _, err := time.Parse(time.RFC3339Nano, i.Published); err != nil || i.ID == "" || i.Text == "" {
			t.Fatalf("item %+v: %v", i, err)
		}
		out = append(out, entry{i.ID, i.Title, i.Published, i.URL})
	}
	return out, f.Next
}

// Proves K2: every entry is on exactly one page, the newest first, in both formats,
// and a feed ends after a bounded number of them.
func TestPagesHaveEachEntryOnce_K2(t *testing.T) {
	t.Parallel()
	busy := newSite(t, plugin(t, "acme/hello", 0, 120), plugin(t, "acme/other", 60, 30), plugin(t, "zeta/far", 300, 400), plugin(t, "zeta/quiet", 1, 1))
	busy.ledger[name(t, "zeta/quiet")] = []index.LedgerStatement{statement(650, 1, format.PluginDeprecated, nil)}
	busy.ledger[name(t, "acme/hello")] = []index.LedgerStatement{statement(33, 1, format.PluginDeprecated, map[string]any{"reason": "superseded"}), statement(400, 2, format.PluginUndeprecated, nil)}
	h := busy.handler()
	for path, want := range map[string]int{"/feeds/plugins/acme/hello": 122, "/feeds/publishers/acme": 152, "/feeds/publishers/zeta": 402, "/feeds/site": 500} {
		var formats [2][]entry
		for i, ending := range []string{".atom", ".json"} {
			read := []func(*testing.T, []byte) ([]entry, string){readAtom, readJSON}[i]
			next, pages := path+ending, 0
			for next != "" {
				w := get(t, h, strings.TrimPrefix(next, "https://plugins.example.org"))
				if w.Code != http.StatusOK {
					t.Fatalf("%s: %d %s", next, w.Code, w.Body)
				}
				var page []entry
				page, next = read(t, w.Body.Bytes())
				if pages++; len(page) > 50 || len(page) == 0 || pages > 20 {
					t.Fatalf("page %d of %s has %d entries", pages, path, len(page))
				}
				formats[i] = append(formats[i], page...)
			}
			all := formats[i]
			seen := map[string]bool{}
			for n, e := range all {
				if seen[e.id] || n > 0 && all[n-1].at < e.at && len(all[n-1].at) == len(e.at) {
					t.Fatalf("%s%s: entry %d %+v is there again, or is newer than the one before", path, ending, n, e)
				}
				seen[e.id] = true
			}
			if len(all) != want {
				t.Errorf("%s%s has %d entries, want %d", path, ending, len(all), want)
			}
		}
		if !slices.Equal(formats[0], formats[1]) {
			t.Errorf("%s: the formats differ: %+v\n%+v", path, formats[0][:1], formats[1][:1])
		}
	}
}

// Proves K2: an id is of what happened, not of the feed or of when it is asked.
func TestIdsStay_K2(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", 0, 2))
	s.ledger[name(t, "acme/hello")] = []index.LedgerStatement{statement(33, 1, format.VersionYanked, map[string]any{"reason": "broken", "version": "1.0.0", "text": "It\ncrashes."})}
	all, _ := readAtom(t, get(t, s.handler(), "/feeds/plugins/acme/hello.atom").Body.Bytes())
	if len(all) != 3 || all[0].title != "acme/hello 1.0.0 is yanked" || all[2].title != "acme/hello 1.0.0" || all[2].url != "https://plugins.example.org/plugins/acme/hello/1.0.0" {
		t.Fatalf("%+v", all)
	}
	s.gen = &catalog.Generation{Number: 7, Snapshot: s.gen.Snapshot.With([]catalog.Plugin{plugin(t, "other/one", 400, 1)}, nil)}
	for _, path := range []string{"/feeds/plugins/acme/hello.atom", "/feeds/publishers/acme.atom", "/feeds/site.atom"} {
		again, _ := readAtom(t, get(t, s.handler(), path).Body.Bytes())
		if again = again[len(again)-3:]; !slices.Equal(all, again) {
			t.Errorf("%s: %+v, before it was %+v", path, again, all)
		}
	}
	if id := all[2].id; !strings.HasPrefix(id, "urn:uuid:") || id[len("urn:uuid:")+14] != '8' {
		t.Errorf("id %s is no UUID of version 8", id)
	}
}

// A feed is sent whole once, and not again while nothing changed.
func TestAFeedIsNotSentTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", 0, 2))
	s.ledger[name(t, "acme/hello")] = []index.LedgerStatement{statement(33, 1, format.PluginDeprecated, nil)}
	h := s.handler()
	first := get(t, h, "/feeds/site.atom")
	etag := first.Header().Get("ETag")
	if etag == "" || first.Header().Get("Content-Type") != "application/atom+xml; charset=utf-8" {
		t.Fatalf("headers %v", first.Header())
	}
	if w := get(t, h, "/feeds/site.atom", "If-None-Match", etag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	s.gen = &catalog.Generation{Number: 2, Snapshot: s.gen.Snapshot.With([]catalog.Plugin{plugin(t, "acme/new", 90, 1)}, nil)}
	if w := get(t, h, "/feeds/site.atom", "If-None-Match", etag); w.Code != http.StatusOK || w.Header().Get("ETag") == etag {
		t.Errorf("after a change: %d, %s", w.Code, w.Header().Get("ETag"))
	}
	if s.read != 1 {
		t.Errorf("a ledger that did not change was read %d times", s.read)
	}
}

// What a reader may not know of is in no feed, and its own is not there.
func TestFeedsTellNothingHidden_B9(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", 0, 2), plugin(t, "secret/tool", 5, 3))
	s.ledger[name(t, "secret/tool")] = []index.LedgerStatement{statement(33, 1, format.PluginDeprecated, nil)}
	live := catalog.NewLive(catalog.LiveOptions{})
	whole, err := live.Swap(s.gen.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	s.sees = catalog.Visibility{Class: "public", Sees: func(id artifact.Name) bool { return id.Publisher() != "secret" }}
	s.gen = live.Visible(whole, s.sees)
	h := s.handler()
	for path, want := range map[string]int{
		"/feeds/site.atom": 200, "/feeds/site.json": 200, "/feeds/publishers/acme.atom": 200, "/feeds/publishers/secret.atom": 404, "/feeds/plugins/secret/tool.json": 404,
		"/feeds/plugins/secret/tool": 404, "/feeds/plugins/a%00/b.atom": 404, "/feeds/": 404, "/feeds/site.atom?before=x": 400, "/feeds/site.atom?before=9-../../": 400,
		"/feeds/publishers/oarlock.atom": 404, "/feeds/publishers/a/b.atom": 404,
	} {
		w := get(t, h, path)
		if w.Code != want || strings.Contains(w.Body.String(), "secret/tool 1") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if s.read != 0 {
		t.Error("the ledger of a hidden plugin was read")
	}
}

// A ledger that cannot be read is said in the feed of its plugin, and keeps no
// other plugin from being told.
func TestABrokenLedgerHidesNoOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", 0, 1), plugin(t, "acme/other", 5, 1))
	for _, id := range []string{"acme/hello", "acme/other"} {
		s.ledger[name(t, id)] = []index.LedgerStatement{statement(33, 1, format.PluginDeprecated, nil)}
	}
	s.broken[name(t, "acme/hello")] = true
	if w := get(t, s.handler(), "/feeds/plugins/acme/hello.atom"); w.Code == http.StatusOK {
		t.Errorf("the feed of the plugin: %d %s", w.Code, w.Body)
	}
	if all, _ := readAtom(t, get(t, s.handler(), "/feeds/site.atom").Body.Bytes()); len(all) != 3 {
		t.Errorf("the feed of the site: %+v", all)
	}
}

// FuzzPaths: no path is a panic or an error of the server's own.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{"site.atom", "plugins/acme/hello.json?before=1-2", "publishers/%ff.atom", "plugins/acme/hello.atom?before=1767225600000000-00000000-0000-0000-0000-000000000000"} {
		f.Add(s)
	}
	s := &site{gen: &catalog.Generation{Number: 1, Snapshot: catalog.Empty()}, sees: catalog.Everything()}
	h := s.handler()
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.Parse("/feeds/" + path)
		if err != nil {
			return // no server is asked for what is no path
		}
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.URL = u
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	})
}
