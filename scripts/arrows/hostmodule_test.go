package arrows_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const hostProgram = `package main

import (
	_ "github.com/oarlock/oarlock/artifact"
	_ "github.com/oarlock/oarlock/index/client"
)

func main() {}
`

// A host application lists in its own go.mod only the modules that the client
// needs, though the server in the same module needs hundreds: module graph
// pruning (https://go.dev/ref/mod#graph-pruning) leaves the others out. That is
// why the client is no nested module.
func TestHostModuleRequiresOnlyWhatTheClientNeeds(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", string(sum))
	write("main.go", hostProgram)
	write("go.mod", "module example.org/host\n\ngo 1.26\n\nrequire github.com/oarlock/oarlock v0.0.0\n\nreplace github.com/oarlock/oarlock => "+root+"\n")
	goIn(t, dir, "build", "-mod=mod", "-o", filepath.Join(dir, "host"), ".")

	var mod struct{ Require []struct{ Path string } }
	if err := json.Unmarshal([]byte(goIn(t, dir, "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	if len(mod.Require) < 2 {
		t.Fatalf("the host's go.mod requires %v: without the client's own modules this test sees nothing", mod.Require)
	}
	for _, module := range mod.Require {
		allowed := func(path string) bool { return strings.HasPrefix(strings.TrimSuffix(path, "$")+"/", module.Path+"/") }
		if !slices.ContainsFunc(lines(clientAllow), allowed) {
			t.Errorf("a host that imports artifact and index/client has to require %s, which client.allow does not have", module.Path)
		}
	}
}

func goIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
