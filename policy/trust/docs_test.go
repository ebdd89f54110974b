package trust_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/oarlock/oarlock/policy/trust"
)

// The first policy that the documentation shows is one that can be pasted.
func TestTheFirstPolicyOfTheDocumentsLoads_C2(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/trust.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(doc)
	if block == nil {
		t.Fatal("docs/trust.md shows no policy")
	}
	dir := t.TempDir()
	const key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
	if err := os.WriteFile(filepath.Join(dir, "acme.pub"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "trust.yaml")
	if err := os.WriteFile(path, block[1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := trust.Load(path); err != nil {
		t.Error(err)
	}
}
