package attest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/attest/attesttest"
)

// changed is the good predicate with the value at a dotted path replaced, or
// removed where value is "".
func changed(t testing.TB, predicateType, path, value string) string {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(attesttest.Good[predicateType]), &doc); err != nil {
		t.Fatal(err)
	}
	at, keys := doc, strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		if list, ok := at.([]any); ok {
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil {
				t.Fatal(err)
			}
			at = list[i]
			continue
		}
		at = at.(map[string]any)[key]
	}
	last := keys[len(keys)-1]
	if value == "" {
		delete(at.(map[string]any), last)
	} else {
		at.(map[string]any)[last] = json.RawMessage(value)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPredicatesFollowTheirSchema_G2 changes one thing of a good predicate.
func TestPredicatesFollowTheirSchema_G2(t *testing.T) {
	t.Parallel()
	const cyclone, spdx, v1, v02 = attest.TypeCycloneDX, attest.TypeSPDX, attest.TypeProvenanceV1, attest.TypeProvenanceV02
	for name, row := range map[string]struct {
		predicateType, path, value string
		problem                    string // "" where it is good
	}{
		"CycloneDX 1.4":                              {cyclone, "specVersion", `"1.4"`, ""},
		"CycloneDX 1.5 by its versioned type":        {cyclone + "/v1.5", "specVersion", `"1.5"`, ""},
		"CycloneDX of a later version":               {cyclone, "specVersion", `"2.0"`, "specVersion"},
		"another format":                             {cyclone, "bomFormat", `"SPDX"`, "bomFormat"},
		"no format":                                  {cyclone, "bomFormat", "", "bomFormat"},
		"a serial number that is none":               {cyclone, "serialNumber", `"7"`, "serialNumber"},
		"a component without a name":                 {cyclone, "components.0.name", "", "name"},
		"a component of no known type":               {cyclone, "components.0.type", `"thing"`, "components.0.type"},
		"a component inside without a type":          {cyclone, "components.0.components.0.type", "", "components.0.components.0"},
		"components that are no list":                {cyclone, "components", `{}`, "components"},
		"two components of one reference":            {cyclone, "components.0.components.0.bom-ref", `"lib"`, "that of components.0.bom-ref"},
		"a component with the reference of the root": {cyclone, "components.0.bom-ref", `"root"`, "that of metadata.component"},
		"a hash that is none":                        {cyclone, "components.0.hashes.0.content", `"xyz"`, "hashes.0.content"},
		"a time that is none":                        {cyclone, "metadata.timestamp", `"yesterday"`, "metadata.timestamp"},
		"a dependency without a reference":           {cyclone, "dependencies.0.ref", "", "dependencies.0"},
		"fields that CycloneDX does not have":        {cyclone, "future", `{"x":1}`, "'future' not allowed"},
		"CycloneDX 1.7":                              {cyclone, "specVersion", `"1.7"`, ""},
		"another version than the type names":        {cyclone + "/v1.5", "specVersion", `"1.6"`, "expected one of 1.5"},
		"a version that is a number":                 {cyclone, "specVersion", `1.6`, "specVersion"},
		"a licence that there is not":                {cyclone, "components.0.licenses", `[{"license":{"id":"ACME-1.0"}}]`, "licenses.0"},
		"a licence of the list":                      {cyclone, "components.0.licenses", `[{"license":{"id":"MIT"}}]`, ""},
		"an external reference without a URL":        {cyclone, "components.0.externalReferences", `[{"type":"vcs"}]`, "url"},
		"a relationship of no known type":            {spdx, "relationships.0.relationshipType", `"LIKES"`, "relationshipType"},
		"a checksum of no known algorithm":           {spdx, "files.0.checksums.0.algorithm", `"CRC"`, "algorithm"},
		"fields that SPDX does not have":             {spdx, "future", `{"x":1}`, "'future' not allowed"},
		"SPDX 2.3 by its versioned type":             {spdx + "/v2.3", "name", `"x"`, ""},
		"SPDX 2.2":                                   {spdx, "spdxVersion", `"SPDX-2.2"`, "spdxVersion"},
		"SPDX under another licence":                 {spdx, "dataLicense", `"MIT"`, "dataLicense"},
		"a namespace with a fragment":                {spdx, "documentNamespace", `"https://example.org/#x"`, "documentNamespace"},
		"nobody created it":                          {spdx, "creationInfo.creators", `[]`, "creators"},
		"a creator of no kind":                       {spdx, "creationInfo.creators", `["me"]`, "creators.0"},
		"a package without a place":                  {spdx, "packages.0.downloadLocation", "", "downloadLocation"},
		"a package with the id of the document":      {spdx, "packages.0.SPDXID", `"SPDXRef-DOCUMENT"`, "that of the document"},
		"a package and a file of one id":             {spdx, "files.0.SPDXID", `"SPDXRef-hello"`, "that of packages.0.SPDXID"},
		"a relationship to nothing":                  {spdx, "relationships.0.relatedSpdxElement", "", "relatedSpdxElement"},
		"provenance without a builder":               {v1, "runDetails.builder", "", "builder"},
		"provenance with an empty builder":           {v1, "runDetails.builder.id", `""`, "builder.id"},
		"provenance without parameters":              {v1, "buildDefinition.externalParameters", "", "externalParameters"},
		"provenance with a build type that is none":  {v1, "buildDefinition.buildType", `"make"`, "buildType"},
		"a dependency that names nothing":            {v1, "buildDefinition.resolvedDependencies", `[{"name":"x"}]`, "resolvedDependencies.0"},
		"a build that began at no time":              {v1, "runDetails.metadata.startedOn", `"soon"`, "startedOn"},
		"provenance 0.2 without a builder":           {v02, "builder.id", "", "builder"},
		"provenance 0.2 without a build type":        {v02, "buildType", "", "buildType"},
		"provenance 0.2 with no metadata":            {v02, "metadata", "null", ""},
		"a test result of no kind":                   {attest.TypeTestResult, "result", `"GREEN"`, "result"},
		"a test result without configuration":        {attest.TypeTestResult, "configuration", `[]`, "configuration"},
		"passed with failed tests":                   {attest.TypeTestResult, "failedTests", `["unit"]`, "failedTests"},
		"a failed test result is a result":           {attest.TypeTestResult, "result", `"FAILED"`, ""},
		"a scan without a scanner":                   {attest.TypeCosignVuln, "scanner", "", "scanner"},
		"a scan without a result":                    {attest.TypeCosignVuln, "scanner.result", "", "result"},
		"a scan that did not end":                    {attest.TypeCosignVuln, "metadata.scanFinishedOn", "", "scanFinishedOn"},
		"a vulnerability without an id":              {attest.TypeVulns, "scanner.result.0.id", "", "result.0"},
		"a scan of no results":                       {attest.TypeVulns, "scanner.result", `[]`, ""},
		"a review without a verdict":                 {attest.TypeReview, "verdict", "", "verdict"},
		"a review by nobody":                         {attest.TypeReview, "reviewer", `""`, "reviewer"},
		"a review at no time":                        {attest.TypeReview, "reviewed_at", `"2026"`, "reviewed_at"},
		"a rejection without a reason":               {attest.TypeReview, "verdict", `"rejected"`, "reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := strings.TrimSuffix(strings.TrimSuffix(row.predicateType, "/v1.5"), "/v2.3")
			err := attest.Check(row.predicateType, []byte(changed(t, base, row.path, row.value)))
			switch {
			case row.problem == "" && err != nil:
				t.Errorf("got %v, want good", err)
			case row.problem != "" && (!errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), row.problem)):
				t.Errorf("got %v, want an invalid that says %q", err, row.problem)
			}
		})
	}
}

// The official schemas are as their authors published them, and each compiles.
func TestOfficialSchemasAreWhole_A5(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.4", "1.5", "1.6", "1.7"} {
		for _, predicateType := range []string{attest.TypeCycloneDX, attest.TypeCycloneDX + "/v" + version} {
			content := changed(t, attest.TypeCycloneDX, "specVersion", `"`+version+`"`)
			if err := attest.Check(predicateType, []byte(content)); err != nil {
				t.Errorf("%s of version %s: %v", predicateType, version, err)
			}
		}
	}
}

func TestEveryTypeHasAGoodPredicate(t *testing.T) {
	t.Parallel()
	for predicateType, content := range attesttest.Good {
		if err := attest.Check(predicateType, []byte(content)); err != nil || attest.KindOf(predicateType) == "" {
			t.Errorf("%s of kind %q: %v", predicateType, attest.KindOf(predicateType), err)
		}
	}
	for _, content := range []string{"", "null", "[]", "7", `{"a":1} {}`, `"text"`} {
		for _, predicateType := range []string{attest.TypeSPDX, "https://example.org/own"} {
			if err := attest.Check(predicateType, []byte(content)); !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("%s %q: got %v, want invalid", predicateType, content, err)
			}
		}
	}
	if err := attest.Check("https://example.org/own", []byte(`{"any":"thing"}`)); err != nil || attest.KindOf("https://example.org/own") != "" {
		t.Errorf("an unknown type: got %v of kind %q", err, attest.KindOf("https://example.org/own"))
	}
}

func TestTypesHaveCosignsNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"cyclonedx": attest.TypeCycloneDX, "spdxjson": attest.TypeSPDX, "slsaprovenance": attest.TypeProvenanceV02,
		"slsaprovenance1": attest.TypeProvenanceV1, "vuln": attest.TypeCosignVuln, "https://example.org/x": "https://example.org/x", "bom": "", "": "", "://": "", "http:// x": ""} {
		got, err := attest.TypeOf(name)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: got %q, %v, want %q", name, got, err, want)
		}
	}
}

// FuzzPredicate reads any bytes as each type.
func FuzzPredicate(f *testing.F) {
	for predicateType, content := range attesttest.Good {
		f.Add(predicateType, []byte(content))
	}
	f.Add(attest.TypeCycloneDX, []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"components":[null]}]}`))
	f.Add(attest.TypeSPDX, []byte(`{"packages":[null],"files":{}}`))
	f.Fuzz(func(t *testing.T, predicateType string, content []byte) {
		if err := attest.Check(predicateType, content); err != nil && !errors.Is(err, artifact.ErrInvalid) {
			t.Fatalf("%q is no invalid", err)
		}
	})
}
