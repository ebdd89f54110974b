package api

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/oarlock/oarlock/index/catalog"
)

//go:generate go test -run TestDescriptionIsWrittenDown . -update

var update = flag.Bool("update", false, "write openapi.json anew")

// The description is in the tree, so that a change of the API is visible in
// review and other programs can generate clients from it (L2).
func TestDescriptionIsWrittenDown_L2(t *testing.T) {
	t.Parallel()
	s := New(Options{Live: catalog.NewLive(catalog.LiveOptions{}), Version: "1"})
	got := append(bytes.Clone(s.spec), '\n')
	if *update {
		if err := os.WriteFile("openapi.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("openapi.json is not what is served: go generate ./index/api")
	}
}
