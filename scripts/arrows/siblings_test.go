package arrows_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/scripts/arrows"
)

// indexRows: engines know the words, who may, the record of acts, ledgers, the
// catalog, jobs and the publication log. None knows another engine, SQL, a route,
// a page or a client; what it needs of those is an interface of its own, and
// cmd/internal/app joins.
var indexRows = map[string][]string{
	".": nil,

	"auth":    {"."},                    // who and may he: asks for what is stored by interfaces
	"audit":   {".", "auth"},            // writes down who did what
	"catalog": {".", "lifecycle/table"}, // derived from what it is handed, and reads nothing
	"jobs":    nil,                      // knows nobody who asks for one
	"seal":    nil,                      // knows nobody whose secrets it seals
	"publog":  {"."},                    // knows nobody who publishes
	"ledger":  {".", "jobs"},
	"resolve": {".", "catalog", "lifecycle/table"},

	"lifecycle/table": {"."}, // what each state answers, as data

	"account":   {".", "auth"},
	"emergency": {".", "audit", "auth", "jobs", "ledger"},
	"ingest":    {".", "catalog", "ledger", "publog"}, // no account and no right: what is listed is the same for whoever asks
	"notify":    {".", "auth", "jobs", "seal"},

	"notify/mail":          {".", "jobs", "notify"},
	"notify/mail/mailtest": nil,

	"lifecycle": {".", "audit", "auth", "catalog", "ledger", "lifecycle/table"},
	"feed":      {".", "catalog", "lifecycle/table", "publog"},
	"license":   {"."},
	"publisher": {".", "audit", "auth", "jobs", "ledger"},
	"quota":     {"."},
	"signed":    {".", "catalog", "client", "resolve"}, // reads back what it published as every reader does
	"tenant":    {".", "audit", "auth", "catalog", "lifecycle/table", "resolve", "seal"},

	"api":       {".", "catalog", "explained", "lifecycle/table", "resolve"},
	"client":    {"."},
	"explained": {"."},
	"store":     {".", "audit", "auth", "emergency", "jobs", "lifecycle", "notify", "publog", "quota", "seal", "tenant"},
	"web":       {"."},
}

// registryRows: storage holds, blocks and checks stand on it, the gate serves,
// and collection and copies stand above.
var registryRows = map[string][]string{
	"internal":     nil,
	"storage":      {"internal"},
	"block":        {"internal", "storage"},
	"integrity":    {"storage"},
	".":            {"block", "internal", "storage"},
	"gc":           {".", "block", "storage"},
	"backup":       {"block", "storage"},
	"remote":       nil,
	"mirror":       {"remote"},
	"registrytest": {".", "block", "integrity", "storage"},
}

// commandRows: app is the roof of what serves, cli of what is typed.
var commandRows = map[string][]string{
	"edge":       nil,
	"periodic":   nil,
	"reserve":    nil,
	"config":     {"edge"},
	"derive":     {"config"},
	"lostkeys":   {"config"},
	"notices":    {"config", "periodic"},
	"replicas":   {"periodic"},
	"sitebackup": {"config", "derive", "reserve"},
	"upkeep":     {"config", "periodic"},
	"app":        {"config", "derive", "edge", "lostkeys", "notices", "periodic", "replicas", "reserve", "sitebackup", "upkeep"},
	"cli":        {"app", "config", "edge", "sitebackup"},
}

func siblingRules() []arrows.Rule {
	return []arrows.Rule{
		arrows.Siblings("index", indexRows),
		arrows.Siblings("registry", registryRows),
		arrows.Siblings("cmd/internal", commandRows),
		arrows.Only(arrows.Module+"/index/ingest", "index/ingest", "cmd"),
		arrows.Only(arrows.Module+"/index/signed", "index/signed", "cmd"),
	}
}

func TestSiblingsAreNamed(t *testing.T) {
	t.Parallel()
	const m = arrows.Module
	graph := arrows.Graph{
		m + "/index":              {m + "/artifact"},
		m + "/index/auth":         {m + "/index", m + "/index/store"},
		m + "/index/auth/inner":   {m + "/index/auth", m + "/index/jobs"},
		m + "/index/jobs":         nil,
		m + "/index/store":        {m + "/index"},
		m + "/index/stranger":     {m + "/policy"},
		m + "/indexer/of/nothing": {m + "/index/jobs"},
	}
	rule := arrows.Siblings("index", map[string][]string{
		".": nil, "auth": {".", "jobs"}, "jobs": nil, "store": {".", "auth"}, "gone": nil,
	})
	want := []string{
		m + "/index/auth imports " + m + "/index/store: its row allows [. jobs] of index",
		m + "/index/stranger has no row: say which other packages of index it may import",
		"index/gone is no package: take its row away",
		"index/store does not import auth: take it from the row",
	}
	if diff := cmp.Diff(want, rule.Check(graph)); diff != "" {
		t.Errorf("offences (-want +got):\n%s", diff)
	}
}
