package feed_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// manyAtOnce is a site where versions and statements come close to one another: many
// within one microsecond, some of them with more digits than a cursor has. It
// gives the times of all that its feeds could tell, the newest first.
func manyAtOnce(t *rapid.T) (*site, []int64) {
	moments := rapid.IntRange(1, 60).Draw(t, "moments")
	at := func(what string) time.Time {
		return begin.Add(time.Duration(rapid.IntRange(0, moments).Draw(t, what))*time.Microsecond + time.Duration(rapid.IntRange(0, 3).Draw(t, "digits"))*100)
	}
	s := &site{sees: catalog.Everything(), ledger: map[artifact.Name][]index.LedgerStatement{}, broken: map[artifact.Name]bool{}}
	var plugins []catalog.Plugin
	var times []int64
	for n := range rapid.IntRange(1, 12).Draw(t, "plugins") {
		id := must(artifact.ParseName(fmt.Sprintf("%s/p%d", []string{"acme", "zeta"}[n%2], n)))
		p := catalog.Plugin{ID: id}
		for k := range rapid.IntRange(1, 40).Draw(t, "versions") {
			v := must(artifact.ParseVersion(fmt.Sprintf("1.%d.0", k)))
			one := catalog.Version{Version: v, Digest: digest.FromString(id.String() + v.String()), PublishedAt: at("published"), Plugin: &artifact.Plugin{ID: id, Version: v}}
			p.Versions, times = append(p.Versions, one), append(times, one.PublishedAt.UnixMicro())
		}
		plugins = append(plugins, p)
		var stated []time.Time
		for range rapid.IntRange(0, 30).Draw(t, "statements") {
			stated = append(stated, at("stated"))
		}
		slices.SortFunc(stated, time.Time.Compare) // a statement is never older than the one before it
		for k, of := range stated {
			s.ledger[id] = append(s.ledger[id], index.LedgerStatement{Sequence: k + 1, Digest: digest.FromString(fmt.Sprint(id, k)),
				Kind: string(format.PluginDeprecated), At: of, Actor: "person:ada"})
			times = append(times, of.UnixMicro())
		}
	}
	s.gen = &catalog.Generation{Number: 1, Snapshot: catalog.Empty().With(plugins, nil)}
	slices.Sort(times)
	slices.Reverse(times)
	return s, times
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestTheNewestOfAllComeFirst_K2: whatever order things happened in, the pages of
// a feed together are its newest 500 items, each once, in the order of their time.
// So a page stops reading only where all that is left is older.
func TestTheNewestOfAllComeFirst_K2(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s, want := manyAtOnce(r)
		want = want[:min(len(want), 500)]
		var all []entry
		h := s.handler()
		for next := "/feeds/site.json"; next != ""; {
			w := get(t, h, strings.TrimPrefix(next, "https://plugins.example.org"))
			if w.Code != http.StatusOK {
				r.Fatalf("%s: %d %s", next, w.Code, w.Body)
			}
			var page []entry
			page, next = readJSON(t, w.Body.Bytes())
			all = append(all, page...)
		}
		var got []int64
		for i, e := range all {
			at := must(time.Parse(time.RFC3339Nano, e.at)).UnixMicro()
			if got = append(got, at); i > 0 && (got[i-1] < at || got[i-1] == at && all[i-1].id >= e.id) {
				r.Fatalf("item %d, %+v, is there again or comes after %+v", i, e, all[i-1])
			}
		}
		if !slices.Equal(got, want) {
			r.Fatalf("the pages have %d items of %v, expected %d of %v", len(got), got, len(want), want)
		}
	})
}

// TestAFeedReadsNoMoreThanItTells_K2: a ledger whose newest statement is older than
// all that the first page has is not read for it.
func TestAFeedReadsNoMoreThanItTells_K2(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/busy", 1000, 60), plugin(t, "acme/old", 0, 2), plugin(t, "acme/lately", 1, 1))
	s.ledger[name(t, "acme/old")] = []index.LedgerStatement{statement(5, 1, format.PluginDeprecated, nil)}
	s.ledger[name(t, "acme/lately")] = []index.LedgerStatement{statement(2000, 1, format.PluginDeprecated, nil)}
	first, _ := readJSON(t, get(t, s.handler(), "/feeds/site.json").Body.Bytes())
	if len(first) != 50 || first[0].title != "acme/lately is deprecated" || s.read != 1 {
		t.Errorf("%d items from %d ledgers, the first %+v", len(first), s.read, first[0])
	}
}
