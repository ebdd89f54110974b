package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// FuzzForeignBackup reads a vault that somebody else wrote: a manifest and a
// listing with good checksums, and any content.
func FuzzForeignBackup(f *testing.F) {
	f.Add([]byte(`{"format":1,"created_at":"2030-01-01T00:00:00Z","files":[{"path":"../x","digest":"sha256:ab"}],"database":{"tables":[{"parts":[{}]}]},"catalog":{"policy":{}}}`),
		[]byte(`{"repository":"acme/hello","tags":[{"name":"1.0.0","digest":"x"}],"manifests":[{"digest":"sha256:ff"}]}`))
	f.Fuzz(func(t *testing.T, manifest, content []byte) {
		var m Manifest
		if json.Unmarshal(manifest, &m) != nil {
			return
		}
		var l Listing
		if json.Unmarshal(content, &l) != nil {
			return
		}
		v, err := Create(filepath.Join(t.TempDir(), "vault"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = v.Close() }()
		o, _, err := v.putBytes(t.Context(), listings, content)
		if err != nil {
			t.Fatal(err)
		}
		m.Format, m.Repositories = format, append(m.Repositories, Repository{Name: l.Repository, Listing: o})
		id, raw, err := m.encode()
		if err != nil || !isID(id) {
			return
		}
		if err := os.WriteFile(v.path("backups", id+".json"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := v.Load(id)
		if err != nil || !bytes.Equal(raw, must(read.encode())) {
			t.Fatalf("%v", err)
		}
		ctx := context.Background()
		_ = v.Verify(ctx, []string{id}, nil, func(string, Damage) {})
		g, err := registrytest.Open(ctx, registrytest.InMemory())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = v.Restore(ctx, read, NewIntake(g.Storage, g.Blocks), nil)
		if view, err := v.View(ctx, read, storage.Options{}); err == nil {
			_, _ = view.Resolve(ctx, "acme/hello", "1.0.0")
			_ = view.Close()
		}
		_, _ = v.Prune(ctx, 1)
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func must(_ string, content []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return content
}
