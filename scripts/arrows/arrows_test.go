package arrows_test

import (
	_ "embed"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/scripts/arrows"
)

//go:embed client.allow
var clientAllow string

func rules() []arrows.Rule {
	return append([]arrows.Rule{
		arrows.Never("artifact is the floor", "artifact", "registry", "policy", "index", "cmd", "examples", "scripts"),
		arrows.Never("policy judges what artifact says", "policy", "registry", "index", "cmd", "examples", "scripts"),
		arrows.Never("the registry keeps bytes and is a stranger to the index", "registry", "policy", "index", "cmd", "examples", "scripts"),
		arrows.Never("the storage driver is the floor of the registry", "registry/storage/driver",
			"registry$", "registry/storage$", "registry/internal", "registry/block", "registry/integrity", "registry/gc", "registry/backup", "registry/mirror", "registry/remote", "registry/registrytest"),
		arrows.Never("what repositories hold knows no rule and no server", "registry/storage",
			"registry$", "registry/block", "registry/integrity", "registry/gc", "registry/backup", "registry/mirror", "registry/remote", "registry/registrytest"),
		arrows.Never("blocks know what is stored, and neither the gate nor a collector", "registry/block",
			"registry$", "registry/integrity", "registry/gc", "registry/backup", "registry/mirror", "registry/remote", "registry/registrytest"),
		arrows.Never("checks know what is stored, and neither the gate nor a collector", "registry/integrity",
			"registry$", "registry/block", "registry/gc", "registry/backup", "registry/mirror", "registry/remote", "registry/registrytest"),
		arrows.Never("a collector stands above the gate", "registry/gc", "registry/backup", "registry/mirror", "registry/registrytest"),
		arrows.Never("copies stand above the gate", "registry/backup", "registry/gc", "registry/mirror", "registry/registrytest"),
		arrows.Never("words of a refusal stand below everything that refuses", "registry/internal/errcode",
			"registry$", "registry/storage", "registry/block", "registry/integrity", "registry/gc", "registry/backup", "registry/mirror", "registry/remote", "registry/registrytest"),
		arrows.Never("the index is a stranger to the registry", "index", "registry", "cmd", "examples", "scripts"),
		arrows.Never("jobs are judged by nobody", "index/jobs", "policy"),
		arrows.Never("what is published is judged elsewhere", "index/publog", "policy"),
		arrows.Never("a catalog is derived from verdicts and makes none", "index/catalog", "policy"),
		arrows.Never("a configuration is read without the server that runs by it", "cmd/internal/config",
			"cmd/internal/app", "cmd/internal/cli", "index/store", "index/api", "index/web"),
		arrows.Never("what a catalog is derived by is no part of a server", "cmd/internal/derive",
			"cmd/internal/app", "cmd/internal/cli", "index/store", "index/api", "index/web"),
		arrows.Never("a backup is made and brought back without a server", "cmd/internal/sitebackup",
			"cmd/internal/app", "cmd/internal/cli", "index/api", "index/web"),
		arrows.Within("hosts inherit what artifact imports", "artifact", append(lines(clientAllow), arrows.Module+"/artifact", "github.com/github/go-spdx",
			"github.com/santhosh-tekuri/jsonschema", "golang.org/x/text")...),
		arrows.Only("github.com/github/go-spdx", "artifact/lint"),
		arrows.Only("github.com/santhosh-tekuri/jsonschema", "artifact/configschema", "policy/attest"),
		arrows.Within("hosts inherit what the client imports", "index/client", lines(clientAllow)...),
		arrows.Only("github.com/KimMachineGun/automemlimit", "cmd/internal/edge"),
		arrows.Only("github.com/gofrs/flock", "artifact/durable"),
		arrows.Only("github.com/cyberphone/json-canonicalization", "index/tenant"),
		arrows.Only("github.com/sigstore/cosign", "policy/signature"),
		arrows.Only("github.com/sigstore/sigstore-go", "policy/signature", "policy/attest"),
		arrows.Only("github.com/distribution/distribution", "registry"),
		arrows.Only("github.com/theupdateframework/go-tuf", "index/signed"),
		arrows.Only("github.com/labstack/echo", "index/api", "index/web"),
		arrows.Only("github.com/yuin/goldmark", "index/web"),
		arrows.Only("github.com/microcosm-cc/bluemonday", "index/web"),
		arrows.Only("github.com/danielgtaylor/huma", "index/api"),
		arrows.Only("github.com/spf13/cobra", "cmd"),
		arrows.Only("github.com/uptrace/bun", "index/store"),
		arrows.Only("github.com/jackc/pgx", "index/store"),
		arrows.Only("github.com/pressly/goose", "index/store"),
		arrows.Only("modernc.org/sqlite", "index/store"),
	}, append(siblingRules(), acrossRules()...)...)
}

func TestArrowsHold(t *testing.T) {
	t.Parallel()
	watch(t, "../..")
	graph, err := arrows.Load(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(graph.Packages(arrows.Module+"/artifact")) == 0 {
		t.Fatalf("go list found no package of %s/artifact among %d", arrows.Module, len(graph))
	}
	for _, rule := range rules() {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			for _, offence := range rule.Check(graph) {
				t.Error(offence)
			}
		})
	}
}

func TestRulesNameTheOffendingImport(t *testing.T) {
	t.Parallel()
	const m = arrows.Module
	graph := arrows.Graph{
		m + "/artifact":         {"oras.land/oras-go/v2/content"},
		m + "/registry":         {m + "/artifact", m + "/registry/link"},
		m + "/registry/link":    {m + "/index"},
		m + "/index":            {m + "/artifact"},
		m + "/index/client":     {m + "/artifact", "github.com/spf13/cobra"},
		m + "/policy/signature": {"github.com/sigstore/cosign/v2/pkg/cosign"},
	}
	for name, row := range map[string]struct {
		rule arrows.Rule
		want []string
	}{
		"a room that reaches a stranger is named with the chain": {
			arrows.Never("strangers", "registry", "index"),
			[]string{
				m + "/registry reaches " + m + "/index: strangers (" + m + "/registry → " + m + "/registry/link → " + m + "/index)",
				m + "/registry/link reaches " + m + "/index: strangers (" + m + "/registry/link → " + m + "/index)",
			},
		},
		"what is not on the allow-list is named": {
			arrows.Within("small", "index/client", m+"/artifact", "oras.land/oras-go/v2"),
			[]string{m + "/index/client reaches github.com/spf13/cobra: small (" + m + "/index/client → github.com/spf13/cobra)"},
		},
		"an allowed path with a dollar allows nothing below it": {
			arrows.Within("small", "registry/link", m+"/index$"),
			[]string{m + "/registry/link reaches " + m + "/artifact: small (" + m + "/registry/link → " + m + "/index → " + m + "/artifact)"},
		},
		"a big dependency outside its room is named": {
			arrows.Only("github.com/spf13/cobra", "cmd"),
			[]string{m + "/index/client imports github.com/spf13/cobra: only cmd may"},
		},
		"a big dependency inside its room is fine":         {arrows.Only("github.com/sigstore/cosign", "policy/signature"), nil},
		"a room whose name merely starts alike is another": {arrows.Never("strangers", "regis", "index"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, row.rule.Check(graph)); diff != "" {
				t.Errorf("offences (-want +got):\n%s", diff)
			}
		})
	}
}

// watch reads every folder below root itself: the go command runs a cached test
// again only when something changed that the test opened, and what go list
// opens is not counted.
func watch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lines(text string) []string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return kept
}
