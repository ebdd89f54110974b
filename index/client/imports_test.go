package client_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestHostsInheritLittle_L1: what a host application imports with the client
// is the floor, the words of the index, and no other room of the tree.
func TestHostsInheritLittle_L1(t *testing.T) {
	t.Parallel()
	const module = "github.com/oarlock/oarlock/"
	allowed := []string{"artifact", "artifact/bounded", "artifact/durable", "artifact/ledger", "artifact/logins", "artifact/outbound", "artifact/pack", "artifact/quirk", "index", "index/client"}
	foreign := []string{"oras.land/oras-go/v2", "github.com/opencontainers/image-spec", "github.com/opencontainers/go-digest",
		"github.com/Masterminds/semver/v3", "github.com/klauspost/compress", "github.com/gofrs/flock", "golang.org/x/sync", "golang.org/x/sys", "golang.org/x/text"}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for path := range strings.FieldsSeq(string(out)) {
		seen++
		own, ours := strings.CutPrefix(path, module)
		fine := ours && slices.Contains(allowed, own) || !ours && slices.ContainsFunc(foreign, func(p string) bool {
			return path == p || strings.HasPrefix(path, p+"/")
		})
		if !fine {
			t.Errorf("a host that imports the client inherits %s", path)
		}
	}
	if seen < len(allowed) {
		t.Errorf("go list named %d packages", seen)
	}
}
