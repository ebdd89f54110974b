package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/oarlock/oarlock/index"
)

const hostile = "T\u001b[2J\u001b]0;pwned\u0007\u202eX\u009b31m\u200f\u2028\U000e0041\x7f\tcell\nacme/forged  1.0.0  verified  MIT\r\nmore"

func unsafeRune(s string) (rune, bool) {
	for _, r := range s {
		if r != '\n' && r != '\t' && r != '\ufffd' && steers(r) {
			return r, true
		}
	}
	return 0, false
}

func render(t *testing.T, output string, columns int, r result) string {
	t.Helper()
	c := &console{output: output}
	if columns > 0 {
		p := &page{columns: columns}
		if err := r.text(p); err != nil {
			t.Fatal(err)
		}
		return p.String()
	}
	raw, err := c.render(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// What a publisher wrote never steers a terminal, in no output, and never makes
// a row of its own. Proves L3.
func TestWhatOthersWroteSteersNothing_L3(t *testing.T) {
	t.Parallel()
	row := index.Row{ID: "acme/hello", Name: hostile, Version: "1.0.0", License: hostile, Description: hostile}
	row.Signature.Signer = hostile
	for name, r := range map[string]result{
		"search": searchResult{&index.Page{Items: []index.Row{row}}},
		"show": showResult{&index.Detail{Row: row, Readme: hostile, Permissions: []string{hostile}, Notices: []index.Notice{{Detail: hostile}}},
			[]index.Choice{{Move: hostile, By: []string{hostile}, Legal: true}}},
		"why":  whyResult{&index.Why{ID: "acme/hello", Versions: []index.WhyVersion{{Version: hostile, Reasons: []index.Reason{{Code: hostile, Detail: hostile}}}}}},
		"done": doneResult{hostile},
	} {
		for _, output := range []string{"text", "json", "yaml"} {
			got := render(t, output, 0, r)
			if bad, ok := unsafeRune(got); ok {
				t.Errorf("%s as %s prints %U:\n%q", name, output, bad, got)
			}
			for one := range strings.Lines(got) {
				if output == "text" && strings.HasPrefix(one, "acme/forged") {
					t.Errorf("%s forges a row:\n%s", name, got)
				}
			}
		}
	}
}

// JSON and YAML say the same text, escaped.
func TestEscapedOutputIsTheSameText_L3(t *testing.T) {
	t.Parallel()
	type one struct{ doneResult }
	for output, read := range map[string]func([]byte, any) error{"json": json.Unmarshal, "yaml": func(b []byte, v any) error { return yaml.Unmarshal(b, v) }} {
		var got map[string]string
		raw := render(t, output, 0, one{doneResult{hostile}})
		if err := read([]byte(raw), &got); err != nil || got["did"] != hostile {
			t.Errorf("%s: read back %q, %v, from\n%s", output, got["did"], err, raw)
		}
	}
}

// A refusal of a registry or a server is shown without what would steer, and
// its lines are not taken for oarlock's own. Proves L3.
func TestRefusalsSteerNothing_L3(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		if strings.HasPrefix(r.URL.Path, "/v2/") {
			json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": "DENIED", "message": hostile, "detail": hostile}}})
			return
		}
		json.NewEncoder(w).Encode(index.Problem{Title: hostile, Code: hostile, Detail: hostile, Fixes: []string{hostile}})
	}))
	defer server.Close()
	host, dir := strings.TrimPrefix(server.URL, "http://"), t.TempDir()
	for _, args := range [][]string{
		{"search"}, {"whoami"}, {"pull", host + "/acme/hello:1.0.0", "-d", dir + "/x", "--insecure-skip-signatures"},
		{"mirror", host, host + "/copy", "--repository", "acme/hello"}, {"login", host, "-u", "a", "-p", "b"}, {"verify", host + "/acme/hello:1.0.0", "--key", dir + "/none"},
	} {
		code, out := runWith(t, []string{"OARLOCK_SERVER=" + server.URL}, args...)
		if bad, ok := unsafeRune(out); ok || code == exitOK {
			t.Errorf("%v: exit code %d, prints %U:\n%q", args, code, bad, out)
		}
		for one := range strings.Lines(out) {
			if strings.HasPrefix(one, "acme/forged") {
				t.Errorf("%v forges a line:\n%s", args, out)
			}
		}
	}
}

// A table that does not fit is told row by row, and nothing is cut.
func TestTablesAreNotTorn_L3(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("ab", 32)
	var r result = tableResult{{"PLUGIN", "VERSION", "DIGEST"}, {"acme/hello", "1.0.0", digest}, {"", "", "it goes on"}, {"acme/world", "2.0.0", digest}}
	want := "PLUGIN   acme/hello\nVERSION  1.0.0\nDIGEST   " + digest + "\nDIGEST   it goes on\n\nPLUGIN   acme/world\nVERSION  2.0.0\nDIGEST   " + digest + "\n"
	if got := render(t, "text", 60, r); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := render(t, "text", 120, r); !strings.HasPrefix(got, "PLUGIN      VERSION  DIGEST\n") {
		t.Errorf("at 120 columns\n%s", got)
	}
}

type tableResult [][]string

func (r tableResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		for _, cells := range r {
			row(cells...)
		}
	})
}

// Whatever the text is, it steers nothing and reads back the same.
func TestAnyTextIsPrintedSafely_L3(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(hostile))), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		for what, got := range map[string]string{"line": line(s), "lines": lines(s), "indented": indented(s)} {
			if bad, ok := unsafeRune(got); ok {
				t.Errorf("%s(%q) lets %U through", what, s, bad)
			}
		}
		if strings.ContainsAny(line(s), "\n\r\t") {
			t.Errorf("line(%q) has more than one", s)
		}
		raw, err := asJSON(map[string]string{"k": s})
		if err != nil {
			t.Fatal(err)
		}
		var back, plain map[string]string
		whole, err := json.Marshal(map[string]string{"k": s})
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(whole, &plain) != nil || json.Unmarshal(raw, &back) != nil || back["k"] != plain["k"] {
			t.Errorf("JSON of %q reads back as %q", s, back["k"])
		}
		if out, err := asYAML(map[string]string{"k": s}); err != nil {
			t.Errorf("YAML of %q: %v", s, err)
		} else if err := yaml.Unmarshal(out, &back); err != nil || back["k"] != plain["k"] {
			t.Errorf("YAML of %q reads back as %q, %v:\n%s", s, back["k"], err, out)
		} else if bad, ok := unsafeRune(string(out)); ok {
			t.Errorf("YAML of %q lets %U through", s, bad)
		}
	})
}
