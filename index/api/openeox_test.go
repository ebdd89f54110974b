package api_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy/ledger"
)

// ledgers are of when something was stated.
type ledgers map[string]time.Time

func (l ledgers) Ledger(ref format.Ref) ledger.State {
	return ledger.State{At: l[ref.Plugin().String()]}
}

func (l ledgers) PluginLedgers(want func(artifact.Name) bool) map[artifact.Name]ledger.State {
	out := map[artifact.Name]ledger.State{}
	for text, at := range l {
		if id, err := artifact.ParseName(text); err == nil && want(id) {
			out[id] = ledger.State{At: at}
		}
	}
	return out
}

// openEoX is what a document of OpenEoX Core 1.0 is held to.
func openEoX(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile("testdata/openeox-core.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("core.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("core.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func day(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Proves E13: each state of a plugin is a valid document of OpenEoX Core 1.0, in
// which no time is after the end of life (test 7.1.1 of the standard), and lists
// have those that something was stated about, page by page.
func TestEndOfLifeIsOpenEoX_E13(t *testing.T) {
	t.Parallel()
	const deprecated, suspended, said = "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-06-02T03:04:05Z"
	early, late := day(t, "2026-05-20T00:00:00+02:00"), day(t, "2027-01-01T00:00:00Z")
	rows := map[string]struct {
		state index.PluginState
		moves []index.Move
		want  index.EndOfLife
	}{
		"acme/active":     {index.StateActive, nil, index.EndOfLife{EndOfLife: "tba", EndOfFixes: "tba"}},
		"acme/deprecated": {index.StateDeprecated, []index.Move{{State: index.StateDeprecated, At: day(t, deprecated)}}, index.EndOfLife{EndOfLife: "tba", EndOfFixes: "tba"}},
		"acme/ending": {index.StateDeprecated, []index.Move{{State: index.StateDeprecated, At: day(t, deprecated), EndOfLife: &late}},
			index.EndOfLife{EndOfLife: "2027-01-01T00:00:00Z", EndOfFixes: "2027-01-01T00:00:00Z"}},
		"acme/suspended": {index.StateSuspended, []index.Move{{State: index.StateSuspended, At: day(t, suspended)}},
			index.EndOfLife{EndOfLife: "tba", EndOfFixes: "tba", EndOfSales: suspended}},
		"acme/late": {index.StateRemoved, []index.Move{{State: index.StateRemoved, At: day(t, suspended)}, {State: index.StateDeprecated, At: day(t, deprecated), EndOfLife: &early}},
			index.EndOfLife{EndOfLife: "2026-05-19T22:00:00Z", EndOfFixes: "2026-05-19T22:00:00Z", EndOfSales: "2026-05-19T22:00:00Z"}},
		"other/one": {index.StateActive, nil, index.EndOfLife{EndOfLife: "tba", EndOfFixes: "tba"}},
	}
	live, stated := catalog.NewLive(catalog.LiveOptions{}), ledgers{}
	all := []catalog.Plugin{plugin(t, "acme/silent", "1.0.0 >=1")}
	for id, row := range rows {
		p := plugin(t, id, "1.0.0 >=1")
		p.State, p.Moves = row.state, row.moves
		all = append(all, p)
		stated[id] = day(t, said)
	}
	if _, err := live.Swap(live.Current().Snapshot.With(all, nil)); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(api.New(api.Options{Live: live, Ready: func() error { return nil }, Visibility: api.EverythingUnsafe, Ledgers: stated}))
	t.Cleanup(s.Close)
	schema := openEoX(t)
	get := func(path string) []byte {
		t.Helper()
		resp, err := web.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var raw bytes.Buffer
		if _, err := raw.ReadFrom(resp.Body); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %s %s %v", path, resp.Status, raw.String(), err)
		}
		return raw.Bytes()
	}
	valid := func(id string, raw []byte) (got index.EndOfLife) {
		t.Helper()
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err == nil {
			err = schema.Validate(doc)
		}
		if err == nil {
			err = json.Unmarshal(raw, &got)
		}
		if err != nil {
			t.Errorf("%s: %s: %v", id, raw, err)
		}
		return got
	}
	for id, row := range rows {
		row.want.Schema, row.want.LastUpdated = index.OpenEoXCore, said
		if got := valid(id, get("/api/v1/plugins/"+id+"/openeox")); got != row.want {
			t.Errorf("%s: %+v, want %+v", id, got, row.want)
		}
	}
	if got := valid("acme/silent", get("/api/v1/plugins/acme/silent/openeox")); got.EndOfLife != "tba" || got.EndOfSales != "" {
		t.Errorf("of which nothing was stated: %+v", got)
	}
	for question, want := range map[string]int{"?limit=2": 6, "?publisher=acme&limit=3": 5, "?publisher=nobody": 0} {
		seen, next := 0, ""
		for pages := 0; pages == 0 || next != ""; pages++ {
			var page struct {
				Items []struct {
					ID   string
					Core json.RawMessage
				}
				Next string
			}
			if err := json.Unmarshal(get("/api/v1/openeox"+question+"&after="+next), &page); err != nil {
				t.Fatal(err)
			}
			for _, i := range page.Items {
				valid(i.ID, i.Core)
				if i.ID == "acme/silent" || i.ID <= next {
					t.Errorf("%s after %s has %s", question, next, i.ID)
				}
				seen++
			}
			next = page.Next
		}
		if seen != want {
			t.Errorf("%s has %d plugins, want %d", question, seen, want)
		}
	}
}
