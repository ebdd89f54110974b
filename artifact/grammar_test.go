package artifact_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// grammar runs one table: each row is a sentence, a text and what it reads as;
// "" means that it is refused, with its text in the error.
func grammar(t *testing.T, parse func(string) (string, error), rows map[string][2]string) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(row[0])
			if row[1] == "" {
				quoted := strings.Trim(strconv.Quote(row[0][:min(len(row[0]), 20)]), `"`)
				if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), quoted) {
					t.Errorf("%q gave %q, %v; expected invalid, quoting it", row[0], got, err)
				}
				return
			}
			if err != nil || got != row[1] {
				t.Errorf("%q gave %q, %v; expected %q", row[0], got, err, row[1])
			}
		})
	}
}

func TestNameGrammar_B4(t *testing.T) {
	t.Parallel()
	parse := func(s string) (string, error) { n, err := artifact.ParseName(s); return n.String(), err }
	grammar(t, parse, map[string][2]string{
		"publisher and plugin":         {"acme/hello", "acme/hello"},
		"digits and single hyphens":    {"acme2/hello-world-3", "acme2/hello-world-3"},
		"two bytes are enough":         {"ab/cd", "ab/cd"},
		"sixty-four bytes still fit":   {"ab/" + strings.Repeat("a", 64), "ab/" + strings.Repeat("a", 64)},
		"sixty-five bytes do not":      {"ab/" + strings.Repeat("a", 65), ""},
		"one byte is too short":        {"a/hello", ""},
		"no slash":                     {"acme", ""},
		"two slashes":                  {"acme/tools/hello", ""},
		"nothing before the slash":     {"/hello", ""},
		"nothing behind the slash":     {"acme/", ""},
		"upper case":                   {"acme/Hello", ""},
		"a digit first":                {"acme/1hello", ""},
		"a hyphen first":               {"acme/-hello", ""},
		"a hyphen last":                {"acme/hello-", ""},
		"two hyphens":                  {"acme/he--llo", ""},
		"an underscore":                {"acme/he_llo", ""},
		"a dot":                        {"acme/he.llo", ""},
		"a look-alike letter":          {"acme/h\u0435llo", ""},
		"a space":                      {"acme/hello ", ""},
		"a line break":                 {"acme/hello\n", ""},
		"a NUL":                        {"acme/hello\x00", ""},
		"nothing at all":               {"", ""},
		"the registry's own namespace": {"oarlock/catalog", "oarlock/catalog"},
	})
	if n, _ := artifact.ParseName("oarlock/catalog"); !n.Reserved() {
		t.Error("oarlock/catalog is not reserved")
	}
	if n, _ := artifact.ParseName("oarlocks/catalog"); n.Reserved() {
		t.Error("oarlocks/catalog is reserved")
	}
}

func TestVersionGrammar_D1(t *testing.T) {
	t.Parallel()
	parse := func(s string) (string, error) { v, err := artifact.ParseVersion(s); return v.String(), err }
	grammar(t, parse, map[string][2]string{
		"three numbers":                      {"1.2.3", "1.2.3"},
		"zeros":                              {"0.0.0", "0.0.0"},
		"a prerelease":                       {"1.2.3-beta.1", "1.2.3-beta.1"},
		"a prerelease of hyphens":            {"1.2.3--", "1.2.3--"},
		"build metadata":                     {"1.2.3+20260102.abc", "1.2.3+20260102.abc"},
		"both":                               {"1.2.3-rc.1+5", "1.2.3-rc.1+5"},
		"build metadata with leading zeros":  {"1.2.3+001", "1.2.3+001"},
		"a leading v":                        {"v1.2.3", ""},
		"two numbers":                        {"1.2", ""},
		"four numbers":                       {"1.2.3.4", ""},
		"a leading zero":                     {"1.02.3", ""},
		"a prerelease with a leading zero":   {"1.2.3-01", ""},
		"an empty prerelease":                {"1.2.3-", ""},
		"an empty prerelease part":           {"1.2.3-a..b", ""},
		"empty build metadata":               {"1.2.3+", ""},
		"an underscore":                      {"1.2.3_4", ""},
		"a space before":                     {" 1.2.3", ""},
		"a number beyond 64 bits":            {"99999999999999999999.0.0", ""},
		"a prerelease beyond 64 bits":        {"1.2.3-18446744073709551616", ""},
		"a minus":                            {"-1.2.3", ""},
		"digits of another script":           {"1.2.\u0663", ""},
		"a text beyond the length of a tag":  {"1.2.3-" + strings.Repeat("a", 123), ""},
		"a text of just the length of a tag": {"1.2.3-" + strings.Repeat("a", 122), "1.2.3-" + strings.Repeat("a", 122)},
		"nothing at all":                     {"", ""},
	})
}

func TestVersionTagGrammar_B2(t *testing.T) {
	t.Parallel()
	parse := func(s string) (string, error) { v, err := artifact.ParseVersionTag(s); return v.String(), err }
	grammar(t, parse, map[string][2]string{
		"a version":                   {"1.2.3-beta.1", "1.2.3-beta.1"},
		"an underscore is a plus":     {"1.2.3_5", "1.2.3+5"},
		"a second underscore is none": {"1.2.3_5_6", ""},
		"a plus":                      {"1.2.3+5", ""},
	})
}

func TestRangeGrammar_D1(t *testing.T) {
	t.Parallel()
	parse := func(s string) (string, error) { r, err := artifact.ParseRange(s); return r.String(), err }
	grammar(t, parse, map[string][2]string{
		"a comparator":             {">=1.2", ">=1.2"},
		"two with a space":         {">=1.2  <3", ">=1.2 <3"},
		"two with a comma":         {">=1.2, <3", ">=1.2, <3"},
		"alternatives":             {"^1.4 || ^2", "^1.4 || ^2"},
		"a hyphen":                 {"1.2 - 3.4", "1.2 - 3.4"},
		"a wildcard":               {"1.x", "1.x"},
		"anything":                 {"*", "*"},
		"a leading v is forgiven":  {">=v1.2.0", ">=v1.2.0"},
		"nothing at all":           {"", ""},
		"white space alone":        {" \t", ""},
		"words":                    {"newer than 2", ""},
		"an operator without text": {">=", ""},
		"an empty alternative":     {"1 ||", ""},
		"a text of 600 bytes":      {strings.Repeat(">=1.0.0 ", 75), ""},
		"forty alternatives":       {"^1" + strings.Repeat("||^1", 39), ""},
	})
}

func TestHostGrammar_C2(t *testing.T) {
	t.Parallel()
	parse := func(s string) (string, error) { h, err := artifact.ParseHostID(s); return h.String(), err }
	grammar(t, parse, map[string][2]string{
		"a word":             {"kubectl", "kubectl"},
		"a single letter":    {"k", "k"},
		"separators between": {"acme-editor.pro_2", "acme-editor.pro_2"},
		"a separator first":  {"-acme", ""},
		"a separator last":   {"acme.", ""},
		"two separators":     {"acme-.editor", ""},
		"upper case":         {"Acme", ""},
		"a slash":            {"acme/editor", ""},
		"sixty-five bytes":   {strings.Repeat("h", 65), ""},
		"nothing at all":     {"", ""},
	})
	version := func(s string) (string, error) { v, err := artifact.ParseHostVersion(s); return v.String(), err }
	grammar(t, version, map[string][2]string{
		"a whole version":            {"2.1.0", "2.1.0"},
		"a leading v":                {"v2.1.0", "2.1.0"},
		"missing parts":              {"2.1", "2.1.0"},
		"one number":                 {"2", "2.0.0"},
		"a prerelease":               {"2.1.0-rc.1", "2.1.0-rc.1"},
		"white space around":         {" 2.1 ", "2.1.0"},
		"words":                      {"latest", ""},
		"four numbers":               {"2.1.0.4", ""},
		"a range":                    {">=2", ""},
		"a text beyond all versions": {"2.0.0-" + strings.Repeat("a", 200), ""},
		"a shell snippet":            {"$(id)", ""},
		"nothing at all":             {"", ""},
	})
}

func TestPlatformGrammar_A3(t *testing.T) {
	t.Parallel()
	parse := func(s string) (string, error) { p, err := artifact.ParsePlatform(s); return p.String(), err }
	grammar(t, parse, map[string][2]string{
		"os and arch":               {"linux/amd64", "linux/amd64"},
		"a variant":                 {"linux/arm/v7", "linux/arm/v7"},
		"the kernel's amd64":        {"linux/x86_64", "linux/amd64"},
		"the kernel's arm64":        {"darwin/aarch64", "darwin/arm64"},
		"the only variant of arm64": {"linux/arm64/v8", "linux/arm64"},
		"os alone":                  {"linux", ""},
		"four parts":                {"linux/arm/v7/x", ""},
		"an empty part":             {"linux/", ""},
		"upper case":                {"Linux/amd64", ""},
		"a hyphen":                  {"linux-amd64", ""},
		"nothing at all":            {"", ""},
	})
}

func TestTagGrammar_B3(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("0f", 32)
	kinds := map[artifact.TagKind]string{artifact.TagVersion: "version", artifact.TagChannel: "channel", artifact.TagDigest: "digest", artifact.TagState: "state"}
	parse := func(s string) (string, error) { tag, err := artifact.ParseTag(s); return kinds[tag.Kind()], err }
	grammar(t, parse, map[string][2]string{
		"a version":                     {"1.2.3", "version"},
		"a version with build metadata": {"1.2.3-rc.1_5", "version"},
		"a channel":                     {"stable", "channel"},
		"latest is a channel":           {"latest", "channel"},
		"thirty-two bytes of channel":   {strings.Repeat("c", 32), "channel"},
		"thirty-three bytes of channel": {strings.Repeat("c", 33), ""},
		"the ledger":                    {"oarlock-state", "state"},
		"a signature":                   {"sha256-" + hex + ".sig", "digest"},
		"an attestation":                {"sha256-" + hex + ".att", "digest"},
		"an SBOM":                       {"sha256-" + hex + ".sbom", "digest"},
		"the referrers fallback":        {"sha256-" + hex, "digest"},
		"the fallback of a sha512":      {"sha512-" + hex, "digest"},
		"a sha512 with a suffix":        {"sha512-" + hex + ".sig", ""},
		"a sha512 that is not cut":      {"sha512-" + hex + hex, ""},
		"an unknown suffix":             {"sha256-" + hex + ".exe", ""},
		"a suffix of nothing":           {"sha256-" + hex + ".", ""},
		"too little hex":                {"sha256-" + hex[1:] + ".sig", ""},
		"upper case hex":                {"sha256-" + strings.ToUpper(hex), ""},
		"the beginning of a digest tag": {"sha256-", ""},
		"a leading v":                   {"v1.2.3", ""},
		"upper case":                    {"Stable", ""},
		"an underscore":                 {"my_tag", ""},
		"a partial version":             {"1.2", ""},
		"nothing at all":                {"", ""},
	})
	_, err := artifact.ParseTag("Nightly")
	if err == nil || !strings.Contains(err.Error(), artifact.TagRule) {
		t.Errorf("the refusal %v does not hold the rule", err)
	}
	channel := func(s string) (string, error) { tag, err := artifact.ParseChannel(s); return tag.String(), err }
	grammar(t, channel, map[string][2]string{
		"a word":                    {"beta", "beta"},
		"a version":                 {"1.2.3", ""},
		"the ledger's tag":          {"oarlock-state", ""},
		"the beginning of a digest": {"sha256-stable", ""},
	})
}
