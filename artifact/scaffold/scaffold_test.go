package scaffold_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/lint"
	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/oarlock/oarlock/artifact/scaffold"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// run runs a WASI command and gives what it prints.
func run(t *testing.T, wasm []byte) string {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	var out bytes.Buffer
	if _, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithStdout(&out)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestStarterIsCleanPacksAndRuns_A8(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "My first-Plugin 2")
	names, err := scaffold.Write(dir, scaffold.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"plugin.json", "plugin.wasm", "main.go", "go.mod", "README.md", "CHANGELOG.md", ".oarlockignore"} {
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
			t.Errorf("%s is missing among %q", want, names)
		}
	}
	problems, err := lint.Dir(dir)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	r, err := pack.Dir(t.Context(), dir, pack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Plugin.ID.String(); got != "examples/my-first-plugin-2" {
		t.Errorf("id %s", got)
	}
	wasm, err := os.ReadFile(filepath.Join(dir, r.Plugin.Entrypoint))
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, wasm); got != "Hello from examples/my-first-plugin-2.\n" {
		t.Errorf("it prints %q", got)
	}
	if _, err := scaffold.Write(dir, scaffold.Options{}); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("a second time: %v, expected a conflict", err)
	}
}

// The source is a module of its own that the go command takes; whatever the
// plugin is called, also like a package of the standard library.
func TestStarterSourceIsAGoModule_A8(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plugin", "fmt", "hello-world"} {
		dir := filepath.Join(t.TempDir(), name)
		if _, err := scaffold.Write(dir, scaffold.Options{}); err != nil {
			t.Fatal(err)
		}
		list := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Name}} {{.ImportPath}}", ".")
		list.Dir = dir
		list.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
		out, err := list.CombinedOutput()
		if err != nil || string(out) != "main example.org/"+name+"\n" {
			t.Errorf("%s: %s%v", name, out, err)
		}
	}
}

func TestStarterTakesItsNameAndHost_A8(t *testing.T) {
	t.Parallel()
	id, _ := artifact.ParseName("acme/tool")
	host, _ := artifact.ParseHostID("acme-editor")
	dir := t.TempDir()
	if _, err := scaffold.Write(dir, scaffold.Options{ID: id, Host: host}); err != nil {
		t.Fatal(err)
	}
	p, _, err := pack.Inspect(dir, pack.Options{})
	if err != nil || p.ID != id || p.Engines[host].IsZero() {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAnyDirectoryNameGivesAPluginName_A8(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x", "2024", "Ünï", "...", "a--b", strings.Repeat("a", 63) + "-b", "UPPER_case"} {
		if _, err := scaffold.Write(filepath.Join(t.TempDir(), name), scaffold.Options{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCommandsOfAnyLengthRun(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 127, 128, 70_000} {
		text := strings.Repeat("x", n)
		if got := run(t, scaffold.Command(text)); got != text {
			t.Errorf("%d bytes came, expected %d", len(got), n)
		}
	}
}
