package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/scaffold"
	"github.com/oarlock/oarlock/index/client"
)

func installed(t *testing.T, entrypoint string, wasm []byte) client.Installed {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, entrypoint), wasm, 0o644); err != nil {
		t.Fatal(err)
	}
	id, err := artifact.ParseName("examples/hello")
	if err != nil {
		t.Fatal(err)
	}
	return client.Installed{ID: id, Dir: dir, Plugin: &artifact.Plugin{ID: id, Entrypoint: entrypoint}}
}

func TestTheHostRunsACommand_L1(t *testing.T) {
	t.Parallel()
	p := installed(t, "plugin.wasm", scaffold.Command("hello\n"))
	var out bytes.Buffer
	if err := load(t.Context(), p, []client.Installed{p}, &out); err != nil || out.String() != "hello\n" {
		t.Errorf("it printed %q, %v", out.String(), err)
	}
}

func TestTheHostLoadsNothingElse_L1(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		entrypoint string
		content    []byte
	}{
		"a native program":            {"run.sh", []byte("#!/bin/sh\n")},
		"bytes that are not a module": {"plugin.wasm", []byte("no module")},
		"a module that is cut":        {"plugin.wasm", scaffold.Command("hello")[:40]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := installed(t, row.entrypoint, row.content)
			if err := load(t.Context(), p, []client.Installed{p}, new(bytes.Buffer)); err == nil {
				t.Error("it was loaded")
			}
		})
	}
}

func TestWithoutATrustPolicyNothingIsInstalled_G1(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plugins")
	f := flags{server: "http://127.0.0.1:1", policy: filepath.Join(t.TempDir(), "none.yaml"), dir: dir, version: "2.0.0", plugins: []string{"examples/hello"}}
	err := run(t.Context(), f, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error %v, expected it to name the policy", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("there is a store all the same")
	}
}
