package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/client"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// What a plugin may use: it sees files only to read, no network, no clock to
// speak of, and ends when its time is over.
const (
	memoryPages = 1024 // of 64 KiB
	runtimeMost = 30 * time.Second
)

// load runs the plugin p, a WebAssembly command, with what it prints on out.
// The files of p and of the plugins that it needs are below /plugins/<id>.
func load(ctx context.Context, p client.Installed, all []client.Installed, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, runtimeMost)
	defer cancel()
	if filepath.Ext(p.Plugin.Entrypoint) != ".wasm" {
		return fmt.Errorf("entry point %q: this host loads WebAssembly commands only: %w", p.Plugin.Entrypoint, artifact.ErrInvalid)
	}
	wasm, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(p.Plugin.Entrypoint)))
	if err != nil {
		return err
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithMemoryLimitPages(memoryPages))
	defer runtime.Close(context.WithoutCancel(ctx))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return err
	}
	config := wazero.NewModuleConfig().WithName(p.ID.String()).WithArgs(p.ID.String()).WithStdout(out).WithStderr(out).WithFSConfig(files(p, all))
	_, err = runtime.InstantiateWithConfig(ctx, wasm, config)
	return err
}

// files gives p its own directory and those of the plugins that it names.
func files(p client.Installed, all []client.Installed) wazero.FSConfig {
	seen := map[artifact.Name]bool{p.ID: true}
	for _, d := range p.Plugin.Dependencies {
		seen[d.ID] = true
	}
	fs := wazero.NewFSConfig()
	for _, one := range all {
		if seen[one.ID] {
			fs = fs.WithReadOnlyDirMount(one.Dir, "/plugins/"+one.ID.String())
		}
	}
	return fs
}
