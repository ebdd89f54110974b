// Host is an application that loads plugins: it asks a catalog what fits it,
// installs that by digest, verifies every signature before a byte is unpacked,
// and runs WebAssembly commands in a sandbox.
//
//	go run ./examples/host --server http://127.0.0.1:7117 --policy trust.yaml examples/hello-wasm
//
// Exit codes: 0 all ran, 1 one did not, 2 usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// hostID is what this application calls itself in "engines".
const hostID = "example-host"

type flags struct {
	server, version, dir, policy string
	plugins                      []string
}

func main() {
	var f flags
	flag.StringVar(&f.server, "server", "http://127.0.0.1:7117", "`URL` of the catalog")
	flag.StringVar(&f.version, "version", "2.3.0", "version that this host pretends to be")
	flag.StringVar(&f.dir, "dir", "host-plugins", "directory of the installed plugins")
	flag.StringVar(&f.policy, "policy", "", "trust policy `FILE`: whose signatures count")
	flag.Parse()
	f.plugins = flag.Args()
	if f.policy == "" || len(f.plugins) == 0 {
		fmt.Fprintln(os.Stderr, "usage: host --policy FILE [--server URL] [--version V] [--dir DIR] PLUGIN…")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, f, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(1)
	}
}

// run installs what is asked for and runs it, dependencies known to it.
func run(ctx context.Context, f flags, out io.Writer) error {
	store, err := openStore(f)
	if err != nil {
		return err
	}
	var wants []index.Want
	asked := map[string]bool{}
	for _, id := range f.plugins {
		wants = append(wants, index.Want{ID: id})
		asked[id] = true
	}
	if _, err := store.Install(ctx, wants...); err != nil {
		return err
	}
	all, err := store.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		fmt.Fprintf(out, "installed %s %s %s, signed by %s\n", p.ID, p.Version, p.Digest, p.Signature.Signer)
	}
	for _, p := range all {
		if !asked[p.ID.String()] {
			continue
		}
		fmt.Fprintf(out, "running %s %s\n", p.ID, p.Version)
		if err := load(ctx, p, all, out); err != nil {
			return fmt.Errorf("%s: %w", p.ID, err)
		}
	}
	return nil
}

func openStore(f flags) (*client.Store, error) {
	catalog, err := client.New(f.server, client.Options{UserAgent: hostID})
	if err != nil {
		return nil, err
	}
	verifier, err := newVerifier(f.policy)
	if err != nil {
		return nil, err
	}
	puller, err := client.NewPuller(client.PullOptions{Verifier: verifier, UserAgent: hostID})
	if err != nil {
		return nil, err
	}
	if _, err := artifact.ParseHostVersion(f.version); err != nil {
		return nil, err
	}
	return client.OpenStore(f.dir, client.StoreOptions{Client: catalog, Puller: puller, Host: index.HostQuery{ID: hostID, Version: f.version}})
}
