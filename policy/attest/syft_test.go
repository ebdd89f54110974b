package attest_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/attest"
)

// The documents below testdata/syft are what syft 1.52.0 wrote about
// scripts/tools/oras, in each form that it writes and we read.
func TestRealDocumentsFollowTheirSchemas_A5(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/syft/*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			form, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
			predicateType := map[string]string{"cyclonedx": attest.TypeCycloneDX, "spdx": attest.TypeSPDX}[form]
			for _, one := range []string{predicateType, predicateType + "/v" + version} {
				if err := attest.Check(one, raw); err != nil {
					t.Errorf("%s: %v", one, err)
				}
			}
			broken := map[string]string{"cyclonedx": "components", "spdx": "packages"}[form]
			if err := attest.Check(predicateType, without(t, raw, broken)); !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "name") {
				t.Errorf("without the name of its last part: got %v", err)
			}
		})
	}
}

// without is a document whose last part has no name.
func without(t *testing.T, raw []byte, list string) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	all := doc[list].([]any)
	delete(all[len(all)-1].(map[string]any), "name")
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func BenchmarkCheckSBOM(b *testing.B) {
	for _, row := range []struct{ file, predicateType string }{{"cyclonedx-1.6", attest.TypeCycloneDX}, {"spdx-2.3", attest.TypeSPDX}} {
		b.Run(row.file, func(b *testing.B) {
			raw, err := os.ReadFile("testdata/syft/" + row.file + ".json")
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if err := attest.Check(row.predicateType, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
