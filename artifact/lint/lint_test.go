package lint_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/lint"
)

const clean = `{
  "id": "acme/hello",
  "version": "1.2.0",
  "name": "Hello",
  "description": "Says hello.",
  "license": "MIT OR Apache-2.0",
  "engines": {"acme-editor": ">=1.4 <3"},
  "entrypoint": "run"
}`

func plugin(t testing.TB, manifest string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range append(files, "plugin.json", "README.md", "run") {
		p := filepath.Join(dir, filepath.FromSlash(f))
		text := "x"
		if f == "plugin.json" {
			text = manifest
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestACleanPluginHasNoProblem_A8(t *testing.T) {
	t.Parallel()
	got, err := lint.Dir(plugin(t, clean))
	if err != nil || got != nil {
		t.Errorf("problems %v, %v", got, err)
	}
}

// Each row changes one line of the clean plugin and names the one problem that
// follows: its place, a part of its detail, a part of its mend, and whether it
// is only a warning.
func TestEachProblemHasItsPlaceAndItsMend_A8(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		old, new            string
		place, detail, mend string
		warning             bool
	}{
		"an unknown field near a known one":     {`"name"`, `"nmae"`, "plugin.json:4:3", `field "nmae" is not known`, `did you mean "name"?`, true},
		"a field of another format":             {`"name"`, `"displayName"`, "plugin.json:4:3", `field "displayName" is not known`, `did you mean "name"?`, true},
		"an unknown field near none":            {`"engines"`, `"quux": 1, "engines"`, "plugin.json:7:3", `field "quux" is not known`, "drop it", true},
		"a field with other case":               {`"name"`, `"Name"`, "plugin.json:4:3", `field "Name" is not known`, `did you mean "name"?`, true},
		"an unknown field deep inside":          {`"entrypoint"`, `"support": {"polcy": "x"}, "entrypoint"`, "plugin.json:8:15", `field "polcy" is not known`, `did you mean "policy"?`, true},
		"a field twice":                         {`"name": "Hello"`, `"name": "Hello", "name": "Hi"`, "plugin.json:4:20", `"name" is there twice`, "keep one", false},
		"a version that is none":                {`"1.2.0"`, `"1.2"`, "plugin.json:3:3", `version "1.2": expected SemVer`, "", false},
		"a version that is a number":            {`"1.2.0"`, `1.2`, "plugin.json:3:3", `"version" is 1.2, expected a text`, "", false},
		"an id that is none":                    {`"acme/hello"`, `"hello"`, "plugin.json:2:3", `plugin name "hello"`, "", false},
		"a reserved publisher":                  {`"acme/hello"`, `"oarlock/hello"`, "plugin.json:2:3", "registry's own", "your own namespace", false},
		"no version":                            {`"version": "1.2.0",`, ``, "plugin.json:1:1", "version: missing", "add the field", false},
		"a range that is none":                  {`">=1.4 <3"`, `"newest"`, "plugin.json:7:15", `range "newest"`, "", false},
		"a host that is none":                   {`"acme-editor"`, `"Acme"`, "plugin.json:7:15", `host id "Acme"`, "", false},
		"a range without end":                   {`">=1.4 <3"`, `">=1.4"`, "plugin.json:7:15", "promises to work with every later acme-editor", "end the range", true},
		"no engines":                            {`"engines": {"acme-editor": ">=1.4 <3"},`, ``, "plugin.json:1:1", "no host will find", `add "engines"`, true},
		"a licence that is no SPDX expression":  {`"MIT OR Apache-2.0"`, `"Apache License"`, "plugin.json:6:3", "not an SPDX licence expression", "spdx.org/licenses", false},
		"no licence":                            {`"license": "MIT OR Apache-2.0",`, ``, "plugin.json:1:1", "no license", "SPDX", true},
		"no description":                        {`"description": "Says hello.",`, ``, "plugin.json:1:1", "no description", "add a sentence", true},
		"an entry point that is not there":      {`"run"`, `"bin/run"`, "plugin.json:8:3", `there is no file "bin/run"`, "build it first", false},
		"an entry point outside":                {`"run"`, `"../run"`, "plugin.json:8:3", "relative path inside the plugin", "", false},
		"a schema that reads a file":            {`"entrypoint"`, `"config_schema": {"$ref": "file:///etc/passwd"}, "entrypoint"`, "plugin.json:8:21", "of this document", "", false},
		"a schema with a long pattern":          {`"entrypoint"`, `"config_schema": {"pattern": "` + strings.Repeat("a", 257) + `"}, "entrypoint"`, "plugin.json:8:21", "expected at most 256", "", false},
		"a schema that is none":                 {`"entrypoint"`, `"config_schema": {"type": "text"}, "entrypoint"`, "plugin.json:8:21", "expected", "", false},
		"no entry point":                        {",\n  \"entrypoint\": \"run\"", "", "plugin.json:1:1", "no entrypoint", "add the file", true},
		"an icon that is not there":             {`"entrypoint"`, `"icon": "i.svg", "entrypoint"`, "plugin.json:8:3", `there is no file "i.svg"`, "add the picture", true},
		"a permission of the wrong kind":        {`"entrypoint"`, `"permissions": ["net", 7], "entrypoint"`, "plugin.json:8:26", `"permissions" is 7, expected an object`, "", false},
		"a second dependency of the wrong kind": {`"entrypoint"`, "\"dependencies\": [\n{\"id\":\"acme/aa\",\"range\":\"*\"},\n{\"id\":\"acme/bb\",\"range\":\"\"}], \"entrypoint\"", "plugin.json:10:17", "range \"\": empty", "", false},
		"a dependency that is twice":            {`"entrypoint"`, "\"dependencies\": [\n{\"id\":\"acme/aa\",\"range\":\"*\"},\n{\"id\":\"acme/aa\",\"range\":\"*\"}], \"entrypoint\"", "plugin.json:10:1", "is there twice", "", false},
		"a null":                                {`"Hello"`, `null`, "plugin.json:4:3", `"name" is null`, "drop it", true},
		"a text that is not JSON":               {`"Hello",`, `"Hello"`, "plugin.json:5:3", "not JSON", "here or just before", false},
		"a text that ends too early":            {"\n}", "", "plugin.json:8:22", "not JSON", "here or just before", false},
		"a text with more behind it":            {"\n}", "\n} x", "plugin.json:9:3", "not JSON", "", false},
		"a byte order mark":                     {"{\n  \"id\"", "\xef\xbb\xbf{\n  \"id\"", "plugin.json:1:1", "byte order mark", "save it again as UTF-8", false},
		"a range that nothing satisfies":        {`">=1.4 <3"`, `"<1 >2"`, "plugin.json:7:15", "no version satisfies it", "correct its ends", false},
		"a hyphen range without spaces":         {`">=1.4 <3"`, `"1.0.0-2.0.0"`, "plugin.json:7:15", "one version with a prerelease", `"1.0.0 - 2.0.0"`, true},
		"a name that drives a terminal":         {`"Hello"`, `"\u001b[2J"`, "plugin.json:4:3", "U+001B", "", false},
		"a name that reads backward":            {`"Hello"`, `"\u202eolleH"`, "plugin.json:4:3", "U+202E", "", false},
		"a payload that Windows cannot have":    {`"entrypoint"`, `"payloads": [{"url":"https://example.org/x","digest":"sha256:` + strings.Repeat("0", 64) + `","path":"aux.bin"}], "entrypoint"`, "plugin.json:8:130", "name of a device", "", false},
		"a platform without files":              {`"entrypoint"`, `"platforms": ["linux/amd64", "linux/arm64"], "entrypoint"`, "plugin.json:8:32", "linux/arm64 has no files", "add them", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest := strings.Replace(clean, row.old, row.new, 1)
			if manifest == clean {
				t.Fatalf("%q is not in the clean plugin", row.old)
			}
			files := []string{}
			if strings.Contains(manifest, `"platforms"`) {
				files = append(files, "platforms/linux-amd64/x")
			}
			problems, err := lint.Dir(plugin(t, manifest, files...))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				if p.Place == row.place && strings.Contains(p.Detail, row.detail) && strings.Contains(p.Fix, row.mend) && p.Warning == row.warning {
					return
				}
			}
			t.Errorf("problems %+v, expected %q at %s", problems, row.detail, row.place)
		})
	}
}

func TestLintLooksAtTheFiles_A8(t *testing.T) {
	t.Parallel()
	dir := plugin(t, clean, "A", "a")
	if err := os.Remove(filepath.Join(dir, "README.md")); err != nil {
		t.Fatal(err)
	}
	problems, err := lint.Dir(dir)
	if err != nil || !lint.Failed(problems) || len(problems) != 2 || problems[1].Place != "a" { // and there is no readme
		t.Errorf("names that collide: %v, %v", problems, err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "a")), os.Truncate(filepath.Join(dir, "A"), 60<<20)); err != nil {
		t.Fatal(err)
	}
	problems, err = lint.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, p := range problems {
		places = append(places, p.Place+" "+p.Detail)
	}
	want := []string{"plugin.json:1:1 no readme", "A 60 MiB"}
	if diff := cmp.Diff(want, places); diff != "" || lint.Failed(problems) {
		t.Errorf("no readme and a big file (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeLookedAt_A8(t *testing.T) {
	t.Parallel()
	if _, err := lint.Dir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a directory that is not there: %v", err)
	}
	problems, err := lint.Dir(t.TempDir())
	if err != nil || len(problems) != 1 || problems[0].Place != "plugin.json" {
		t.Errorf("a directory without plugin.json: %v, %v", problems, err)
	}
}

// Whatever plugin.json holds, lint answers, and agrees with the parser: what
// is refused there has a problem here.
func FuzzDir(f *testing.F) {
	f.Add(clean)
	f.Add(`{"id":"acme/hello","version":"1.0.0","engines":[1],"permissions":[{}]}`)
	f.Add(`[[[[`)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "plugin.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		problems, err := lint.Dir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := artifact.ParsePlugin([]byte(text)); err != nil && !lint.Failed(problems) {
			t.Errorf("the parser says %v, lint says %v", err, problems)
		}
		for _, p := range problems {
			if p.Place == "" || p.Detail == "" {
				t.Errorf("%+v has no place or no detail", p)
			}
		}
	})
}

// Names that Windows cannot have, and texts of another encoding, are named
// where they are (proves A7, A8).
func TestLintNamesTheFileAtFault_A8(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"aux.js", "con", "NUL.txt", "com1.log", "LPT¹", "CONIN$", "trail.", "trail ", "q?.txt", "plugin.wasm:evil", "nl\nname", "a\u202eb"} {
		problems, err := lint.Dir(plugin(t, clean, name))
		if err != nil || !lint.Failed(problems) || problems[0].Place != name {
			t.Errorf("%q: %v, %v", name, problems, err)
		}
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", ".oarlockignore"} {
		dir := plugin(t, clean)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("\xff\xfe#\x00 \x00"), 0o644); err != nil {
			t.Fatal(err)
		}
		problems, err := lint.Dir(dir)
		if err != nil || !lint.Failed(problems) || problems[0].Place != name || !strings.Contains(problems[0].Detail, "UTF-16") {
			t.Errorf("%s in UTF-16: %v, %v", name, problems, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("\xef\xbb\xbf# x\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if problems, err := lint.Dir(dir); err != nil || problems != nil {
			t.Errorf("%s with a byte order mark: %v, %v", name, problems, err)
		}
	}
}

// Proves A8: one thing that is wrong hides no other, and what it does hide is
// said.
func TestEverythingIsSaidInOneGo_A8(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct {
		manifest  string
		files     []string
		says      []string
		unchecked []string
		silent    []string
	}{
		"a broken version": {
			`{"id": "acme/hello", "version": "1.2", "license": "Apache License", "engines": {"acme-editor": ">=1"}, "entrypoint": "bin/run", "icon": "i.svg"}`, nil,
			[]string{`version "1.2"`, "SPDX", "promises to work", `"bin/run"`, `"i.svg"`, "no description", "no name: people will see acme/hello"},
			[]string{"whether the version can be published"}, []string{"version: missing"}},
		"a list for engines": {
			`{"id": "acme/hello", "version": "1.2.0", "engines": [1], "entrypoint": "bin/run"}`, nil,
			[]string{"expected an object", `"bin/run"`, "no license"}, []string{"whether the ranges of the hosts end"}, []string{"no engines"}},
		"wrong platforms and entrypoint": {
			`{"id": "acme/hello", "version": "1.2.0", "platforms": ["dos"], "entrypoint": 7}`, []string{"aux.js"},
			[]string{"dos", `"entrypoint" is 7`, "name of a device", "no engines"},
			[]string{"whether the file of the entrypoint is there", "whether each platform has its files", "whether the files that plugin.json names are there"}, []string{"no entrypoint"}},
		"no id": {
			`{"version": "1.2.0", "entrypoint": "bin/run", "permissions": ["net", 7]}`, nil,
			[]string{"id: missing", `"bin/run"`, `"permissions" is 7`}, []string{"whose the namespace is"}, nil},
		"no JSON":   {`{"id": `, []string{"A", "a"}, []string{"not JSON", "a: "}, []string{"what plugin.json says"}, []string{"no engines"}},
		"no object": {`[]`, []string{"con"}, []string{"is a list", "name of a device"}, []string{"what plugin.json says"}, []string{"no engines"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r, err := lint.Look(plugin(t, row.manifest, row.files...))
			if err != nil {
				t.Fatal(err)
			}
			said, left := "", ""
			for _, p := range r.Problems {
				said += p.String() + "\n"
			}
			for _, u := range r.Unchecked {
				left += u.What + ", because " + u.Because + "\n"
			}
			for _, want := range row.says {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not said:\n%s", want, said)
				}
			}
			for _, want := range row.unchecked {
				if !strings.Contains(left, want) {
					t.Errorf("%q is not said to be unchecked:\n%s", want, left)
				}
			}
			for _, not := range row.silent {
				if strings.Contains(said, not) {
					t.Errorf("%q is said:\n%s", not, said)
				}
			}
			lines := strings.Split(strings.TrimSpace(said), "\n")
			seen := map[string]bool{}
			for _, line := range lines {
				if seen[line] {
					t.Errorf("said twice: %s", line)
				}
				seen[line] = true
			}
		})
	}
}
