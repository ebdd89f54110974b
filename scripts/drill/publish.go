//go:build e2e

package drill

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/oarlock/oarlock/registry/remote"
)

// Publish pushes a plugin that its manifest describes, with files of these contents,
// and returns when the push was acknowledged.
func (s *Server) Publish(t *testing.T, token, manifest string, files ...[]byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, pack.ManifestFile), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, content := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file-%d", i)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := pack.Dir(t.Context(), dir, pack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = remote.Push(t.Context(), p.Store, p.Root, s.Addr+"/"+p.Plugin.ID.String()+":"+p.Plugin.Version.Tag(), remote.Options{
		HTTPClient: Web, PlainHTTP: true, Credential: orasauth.StaticCredential(s.Addr, orasauth.Credential{Username: "ci", Password: token}),
	})
	if err != nil {
		t.Fatal(err)
	}
}
