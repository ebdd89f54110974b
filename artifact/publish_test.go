package artifact_test

import (
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// Proves A2: a range that no version satisfies is told from one that some does.
func TestSatisfiable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"*": true, "^1.4 || ^2": true, "~1.2": true, ">=1.2 <3": true, "1.x": true, "<1": true, ">1.2.3": true, "1.0.0 - 2.0.0": true,
		"=1.2.3-beta.1": true, "1.0.0-2.0.0": true, "!=1.0.0": true, "!=0.0.0": true, ">1.2.3 <1.2.4": true, // 1.2.4-rc.1
		">=1.2.3 <1.2.5 !=1.2.3": true, "<0.0.1": true, "=0.0.0": true, ">18446744073709551614": true,
		"<1 >2": false, "<0.0.0": false, ">=2 <2": false, "=1.0.0 =2.0.0": false, "^1 ^2": false, ">3 <2 || <1 >1": false,
	} {
		r, err := artifact.ParseRange(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := r.Satisfiable(); got != want {
			t.Errorf("%q: satisfiable %v, want %v", text, got, want)
		}
	}
}

// Whatever version lies in a range, the range is satisfiable.
func FuzzSatisfiable(f *testing.F) {
	f.Add(">=1.2 <3", "2.0.0")
	f.Add("!=1.2.3 >1.2.2 <1.2.4-rc.1", "1.2.4-beta")
	f.Add("<0.0.0", "0.0.0-a")
	f.Fuzz(func(t *testing.T, text, version string) {
		r, err := artifact.ParseRange(text)
		v, bad := artifact.ParseVersion(version)
		if err != nil || bad != nil || v.IsPrerelease() {
			return
		}
		if r.Contains(v, false) && !r.Satisfiable() {
			t.Errorf("%q holds %s and is said to hold nothing", text, version)
		}
	})
}

func TestSlip(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1.0.0-2.0.0": "1.0.0 - 2.0.0", ">=3 || 1.2-2.0": "1.2 - 2.0", "1.0.0 - 2.0.0": "", "=1.0.0-rc.1": "", ">=1.0.0-2.0.0": "",
	} {
		r, err := artifact.ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := r.Slip(); got != want {
			t.Errorf("%q: slip %q, want %q", text, got, want)
		}
	}
}

func TestPortablePath(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "a/b.txt", "auxiliary", "com", "com10.txt", "nul-x", ".hidden", "größe", "a b", "日本.txt", "console"} {
		if err := artifact.PortablePath(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "/a", "../a", `a\b`, "C:x", "aux.js", "x/con", "NUL.txt", "com1.log", "LPT¹", "CONIN$", "nul .txt", "prn.a.b", "trail.", "trail ", "d./x",
		"q?.txt", "st*r", "pi|pe", "lt<gt", `qu"ote`, "plugin.wasm:evil", "nl\nname", "a\x1b", "a\u202eb", "a\u200db", "a\xff", strings.Repeat("a", 256),
	} {
		if err := artifact.PortablePath(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Proves A8: what people read holds no byte that drives a terminal and no
// character that shows them another text, wherever it stands.
func TestPublishableLooksAtEveryText(t *testing.T) {
	t.Parallel()
	const evil = `\u001b[2J`
	for place, field := range map[string]string{
		"/name": `"name":"` + evil + `"`, "/description": `"description":"` + evil + `"`, "/readme": `"readme":"` + evil + `"`,
		"/keywords/0": `"keywords":["` + evil + `"]`, "/permissions/0/reason": `"permissions":[{"name":"net","reason":"` + evil + `"}]`,
		"/contributes/x/0/title": `"contributes":{"x":[{"id":"a","title":"` + evil + `"}]}`, "/support/email": `"support":{"email":"` + evil + `"}`,
		"/migrations/0/description": `"migrations":[{"from":"*","description":"` + evil + `"}]`,
		"/screenshots/0/alt":        `"screenshots":[{"path":"a.png","alt":"` + evil + `"}]`, "/pricing": `"pricing":"` + evil + `"`,
		"/vendor": `"vendor":"\u202eevil"`, "/entrypoint": `"entrypoint":"aux.wasm"`, "/tier": `"tier":"a\nb"`,
	} {
		p, err := artifact.ParsePlugin([]byte(`{"id":"acme/hello","version":"1.0.0",` + field + `}`))
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		if got := p.Publishable(); len(got) != 1 || got[0].Place != place {
			t.Errorf("%s: problems %v", place, got)
		}
	}
	if p, err := artifact.ParsePlugin([]byte(`{"id":"acme/nul","version":"1.0.0"}`)); err != nil || len(p.Publishable()) != 1 || p.Publishable()[0].Place != "/id" {
		t.Errorf("a plugin that no folder of Windows can be named after: %v, %v", err, p.Publishable())
	}
	p, err := artifact.ParsePlugin([]byte(`{"id":"acme/hello","version":"1.0.0","description":"two\nlines,\ta tab, 👩‍🚀 and \u200eשלום","readme":"# x\r\ny"}`))
	if err != nil || len(p.Publishable()) != 0 {
		t.Errorf("a good text: %v, %v", err, p.Publishable())
	}
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ text, want string }{
		"plain": {"{}", ""}, "a byte order mark": {"\xef\xbb\xbf{}", "byte order mark"},
		"UTF-16, little end first": {"\xff\xfe{\x00}\x00", "UTF-16"}, "UTF-16, big end first": {"\xfe\xff\x00{\x00}", "UTF-16"},
		"Latin 1": {"{\n\"a\":\"\xe9\"}", "line 2"},
	} {
		if got := artifact.Encoding([]byte(row.text)); !strings.Contains(got, row.want) || row.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
		if _, err := artifact.ParsePlugin([]byte(row.text)); row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: ParsePlugin says %v", name, err)
		}
	}
}
