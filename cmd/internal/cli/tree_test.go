package cli

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// walk gives every command with the words that call it.
func walk(cmd *cobra.Command, path []string, visit func(cmd *cobra.Command, path []string)) {
	visit(cmd, path)
	for _, child := range cmd.Commands() {
		walk(child, append(slices.Clone(path), child.Name()), visit)
	}
}

// What cannot be understood is exit code 2 in every verb, says what to do, and
// leaves stdout empty. Proves L3.
func TestWhatCannotBeUnderstoodIsUsage_L3(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("OARLOCK_SERVER", "http://127.0.0.1:1") // nothing listens there
	surplus := strings.Fields(strings.Repeat("surplus ", 12))
	visited := 0
	walk(newRoot(&console{Streams: Streams{Out: io.Discard, Err: io.Discard}}), nil, func(cmd *cobra.Command, path []string) {
		if cmd.Name() == "__complete" || cmd.Hidden {
			return
		}
		visited++
		refuses := func(args ...string) {
			t.Helper()
			var out, said bytes.Buffer
			code := Run(t.Context(), args, Streams{strings.NewReader(""), &out, &said}, "")
			if code != exitUsage || out.Len() > 0 || !strings.Contains(said.String(), "oarlock") || strings.Contains(said.String(), "strconv") {
				t.Errorf("oarlock %q: exit code %d, stdout %.60q\n%s", args, code, out.String(), said.String())
			}
		}
		with := func(more ...string) []string { return append(slices.Clone(path), more...) }
		if cmd.Name() != "help" {
			refuses(with("--nosuch")...)
			refuses(with("--output")...)
		}
		refuses(append(append([]string{"help"}, path...), "nosuch")...)
		if cmd.HasSubCommands() {
			refuses(with("nosuch")...)
			refuses(with("nosuch", "--flag", "--output", "json")...)
		}
		if cmd.Args != nil && cmd.Name() != "help" && cmd.Args(cmd, surplus) != nil {
			refuses(with(surplus...)...)
		}
		if cmd.Args != nil && cmd.Args(cmd, nil) != nil {
			refuses(path...)
		}
		if cmd.Runnable() && !cmd.HasSubCommands() && cmd.Name() != "help" && cmd.Args(cmd, nil) == nil {
			refuses(with("--output", "xml")...)
		}
	})
	if visited < 80 {
		t.Errorf("%d commands were visited", visited)
	}
}

// A word that nearly is a verb is answered with that verb, in plain quotes.
// Proves L3.
func TestAMistypedVerbIsSuggested_L3(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"instal":               `unknown verb "instal", did you mean "install"?: see "oarlock --help"`,
		"help instal":          `unknown verb "instal", did you mean "install"?: see "oarlock --help"`,
		"account lst":          `account: unknown verb "lst", did you mean "list"?: see "oarlock account --help"`,
		"help account creat":   `account: unknown verb "creat", did you mean "create"?: see "oarlock account --help"`,
		"publisher key ad":     `publisher key: unknown verb "ad", did you mean "add"?: see "oarlock publisher key --help"`,
		"completion bsh":       `completion: unknown verb "bsh", did you mean "bash"`,
		"restor":               `unknown verb "restor", did you mean "restore" or "restore-backup"?: see "oarlock --help"`,
		"account":              `account: one of its verbs was expected: see "oarlock account --help"`,
		"help account nosuch":  `account: unknown verb "nosuch": see "oarlock account --help"`,
		"account lst --nosuch": `did you mean "list"?`,
		"account lst --help":   `account: unknown verb "lst", did you mean "list"?: see "oarlock account --help"`,
		"instal -h":            `unknown verb "instal", did you mean "install"?: see "oarlock --help"`,
	} {
		var said bytes.Buffer
		if code := Run(t.Context(), strings.Fields(args), Streams{strings.NewReader(""), io.Discard, &said}, ""); code != exitUsage || !strings.Contains(said.String(), want) {
			t.Errorf("oarlock %s: exit code %d, expected %s in\n%s", args, code, want, said.String())
		}
	}
}

// foreign are words of an API's callers or of Go in what people read.
var foreign = regexp.MustCompile(`map\[|cannot unmarshal|strconv|\*url|\*json|looking for beginning|x509:|dial tcp|\b(?:GET|POST|PUT|HEAD|DELETE|Get|Post|Head|Put) "?(?:http|/)|/api/v1|<nil>|%!|goroutine`)

// A server that does not answer, and a file that is not there, are said so in
// every verb that needs one; a check tells them from the answer no. Proves L3.
func TestAServerThatDoesNotAnswerIsSaidSo_L3(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("OARLOCK_SERVER", "http://127.0.0.1:1")
	run := func(args string) (int, string) {
		var said bytes.Buffer
		code := Run(t.Context(), strings.Fields(strings.ReplaceAll(args, "DIR", dir)), Streams{strings.NewReader(""), io.Discard, &said}, "")
		return code, said.String()
	}
	t.Setenv("COSIGN_PASSWORD", "")
	for _, made := range []string{"init DIR/hello --id acme/hello", "key generate DIR/acme"} {
		if code, said := run(made); code != exitOK {
			t.Fatal(said)
		}
	}
	for args, want := range map[string]int{
		"search": exitFailure, "show acme/hello": exitFailure, "why acme/hello": exitFailure, "resolve acme/hello --host x --host-version 1": exitFailure,
		"whoami": exitFailure, "account list": exitFailure, "publisher show acme": exitFailure, "token list": exitFailure, "rebuild": exitFailure,
		"history acme/hello": exitFailure, "yank acme/hello@1.0.0 --reason broken": exitFailure, "channel list acme/hello": exitFailure,
		"install acme/hello --dir DIR/store --key DIR/acme.pub": exitFailure,
		"push DIR/hello 127.0.0.1:1/acme/hello:0.1.0":           exitFailure, "pull 127.0.0.1:1/acme/hello:0.1.0 -d DIR/got --key DIR/acme.pub": exitFailure,
		"sign 127.0.0.1:1/acme/hello:0.1.0 --key DIR/acme.key": exitFailure, "verify 127.0.0.1:1/acme/hello:0.1.0 --key DIR/acme.pub": exitFailure,
		"login 127.0.0.1:1 -u ada -p secret": exitFailure, "mirror 127.0.0.1:1 127.0.0.1:2": exitFailure,
		"catalog check --catalog 127.0.0.1:1 --root sha256:0000000000000000000000000000000000000000000000000000000000000000": exitFailure,

		"rebuild --check": exitUndecided, "fsck": exitUndecided, "scrub": exitUndecided, "mirror 127.0.0.1:1 127.0.0.1:2 --check": exitUndecided,
		"ledger verify 127.0.0.1:1/oarlock/publishers:acme --key DIR/acme.pub": exitUndecided, "lint DIR/hello --online": exitUndecided,
	} {
		code, said := run(args)
		if code != want || !strings.Contains(said, "connection refused") || !strings.Contains(said, "oarlock serve") || foreign.MatchString(said) {
			t.Errorf("oarlock %s: exit code %d, expected %d, a cause, advice and plain words:\n%s", args, code, want, said)
		}
		if code, said = run(args + " --output json"); code != want || !strings.Contains(said, `"code": "unreachable"`) || foreign.MatchString(said) {
			t.Errorf("oarlock %s --output json: exit code %d:\n%s", args, code, said)
		}
	}
	for _, args := range []string{"policy test DIR/nosuch", "verify 127.0.0.1:1/acme/hello:0.1.0 --key DIR/nosuch", "pack DIR/nosuch -o DIR/x", "lint DIR/nosuch",
		"push DIR/nosuch 127.0.0.1:1/acme/hello:0.1.0", "backup verify DIR/nosuch", "list --dir DIR/nosuch", "key public DIR/nosuch",
		"attest 127.0.0.1:1/acme/hello:0.1.0 --key DIR/acme.key --type https://example.org/note --predicate DIR/nosuch",
		"sign 127.0.0.1:1/acme/hello:0.1.0 --key DIR/nosuch"} {
		if code, said := run(args); code != exitNotFound || !strings.Contains(said, "nosuch") {
			t.Errorf("oarlock %s: exit code %d, expected %d\n%s", args, code, exitNotFound, said)
		}
	}
}
