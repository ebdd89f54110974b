package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// A host application installs a plugin and loads what is active.
func Example() {
	ctx := context.Background()
	catalog, err := client.New("https://plugins.example.org", client.Options{UserAgent: "acme-editor/2.1.0"})
	if err != nil {
		log.Fatal(err)
	}
	var trust client.Verifier // the host's judge of signatures
	puller, err := client.NewPuller(client.PullOptions{Verifier: trust})
	if err != nil {
		log.Fatal(err)
	}
	store, err := client.OpenStore("plugins", client.StoreOptions{
		Client: catalog, Puller: puller,
		Host: index.HostQuery{ID: "acme-editor", Version: "2.1.0"},
		Check: func(ctx context.Context, i client.Installed) error {
			return nil // start i from i.Dir and ask whether it is well
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := store.Install(ctx, index.Want{ID: "acme/hello", Range: "^1"}); err != nil {
		log.Fatal(err) // of an unsatisfiable request it says who wants what
	}
	plugins, err := store.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range plugins {
		fmt.Println(p.ID, p.Version, p.Dir, p.Plugin.Entrypoint)
	}
}
