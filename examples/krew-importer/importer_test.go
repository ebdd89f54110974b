package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/remote"
)

const sum = "437272f4f52b6d114f87b366cc3d069f54ab7451dc530c9b6517139fc150f908"

// line is one good entry with some fields replaced by the JSON object more.
func line(id, version, more string) string {
	e := map[string]any{
		"id": id, "version": version, "released": "2020-01-02T03:04:05-07:00",
		"shortDescription": "Does it.", "description": "# It\n", "homepage": "https://example.org",
		"platforms": []any{map[string]any{"selector": map[string]any{"matchLabels": map[string]string{"os": "linux", "arch": "amd64"}},
			"uri": "https://example.org/x.tar.gz", "sha256": sum, "bin": "x"}},
	}
	if more != "" {
		var fields map[string]any
		if err := json.Unmarshal([]byte(more), &fields); err != nil {
			panic(err)
		}
		maps.Copy(e, fields)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// file writes entries, gzipped.
func file(t *testing.T, lines ...string) string {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	for _, l := range lines {
		if _, err := w.Write([]byte(l + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "entries.jsonl.gz")
	if err := errors.Join(w.Close(), os.WriteFile(path, buf.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSelectorsExpandOverTheUniverse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		selector, want string
	}{
		"os and arch":                           {`{"matchLabels":{"os":"linux","arch":"amd64"}}`, "linux/amd64"},
		"an arch that is a number":              {`{"matchLabels":{"os":"linux","arch":386}}`, "linux/386"},
		"a platform beyond the universe":        {`{"matchLabels":{"os":"darwin","arch":"386"}}`, "darwin/386"},
		"os alone means every arch":             {`{"matchLabels":{"os":"darwin"}}`, "darwin/amd64 darwin/arm64"},
		"In takes each value":                   {`{"matchExpressions":[{"key":"os","operator":"In","values":["darwin","windows"]},{"key":"arch","operator":"In","values":["arm64"]}]}`, "darwin/arm64 windows/arm64"},
		"NotIn takes the others":                {`{"matchLabels":{"arch":"amd64"},"matchExpressions":[{"key":"os","operator":"NotIn","values":["windows"]}]}`, "darwin/amd64 linux/amd64"},
		"a label that platforms do not have":    {`{"matchLabels":{"os":"linux","libc":"musl"}}`, ""},
		"DoesNotExist of what no platform has":  {`{"matchLabels":{"os":"darwin"},"matchExpressions":[{"key":"libc","operator":"DoesNotExist"}]}`, "darwin/amd64 darwin/arm64"},
		"an operator that is not known is said": {`{"matchExpressions":[{"key":"os","operator":"Like","values":["l"]}]}`, `error: selector operator "Like" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := readEntries(strings.NewReader(`{"platforms":[{"selector":` + row.selector + `}]}`))
			if err != nil || entries[0].broken != nil {
				t.Fatal(err, entries[0].broken)
			}
			var got []string
			platforms, err := entries[0].Platforms[0].Selector.platforms()
			for _, p := range platforms {
				got = append(got, p.String())
			}
			if err != nil {
				got = []string{"error: " + err.Error()}
			}
			if diff := cmp.Diff(row.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("platforms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntriesAreTakenOrRefusedByReason_A9(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		line string
		want string // "" is taken; else in the reason, or in a note behind "note: "
	}{
		"a whole entry":                  {line("ctx", "v1.2.3", ""), ""},
		"a version without v":            {line("ctx", "1.2.3", ""), ""},
		"a version that is no SemVer":    {line("ctx", "master", ""), `version "master"`},
		"a name that is none":            {line("Ctx", "v1.2.3", ""), `plugin name "krew/Ctx"`},
		"a line that is no JSON":         {"{", "line 1"},
		"a homepage that is no link":     {line("ctx", "v1.2.3", `{"homepage":"example.org"}`), `note: homepage "example.org": dropped`},
		"a time that is none":            {line("ctx", "v1.2.3", `{"released":"once"}`), `note: released "once": dropped`},
		"a short description too long":   {line("ctx", "v1.2.3", `{"shortDescription":"`+strings.Repeat("x", 5000)+`"}`), "note: shortDescription"},
		"nulls where text may be":        {line("ctx", "v1.2.3", `{"homepage":null,"description":null}`), ""},
		"no platform":                    {line("ctx", "v1.2.3", `{"platforms":[]}`), "nothing to download"},
		"a checksum that is none":        {line("ctx", "v1.2.3", `{"platforms":[{"uri":"https://example.org/x","sha256":"abc"}]}`), `platforms[0]: sha256 "abc"`},
		"a download that is no web link": {line("ctx", "v1.2.3", `{"platforms":[{"uri":"ftp://example.org/x","sha256":"`+sum+`"}]}`), "/payloads/0/url"},
		"an unknown platform among two": {line("ctx", "v1.2.3", `{"platforms":[{"uri":"https://example.org/x","sha256":"`+sum+`","selector":{"matchLabels":{"os":"plan9"}}},
			{"uri":"https://example.org/x","sha256":"`+sum+`","selector":{"matchLabels":{"os":"linux"}}}]}`), "note: platforms[0] selects no known platform"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := readEntries(strings.NewReader(row.line))
			if err != nil {
				t.Fatal(err)
			}
			p, notes, err := convert("krew", &entries[0])
			note, isNote := strings.CutPrefix(row.want, "note: ")
			switch {
			case isNote && (err != nil || len(notes) != 1 || !strings.Contains(notes[0], note)):
				t.Errorf("notes %q, %v, expected %q", notes, err, note)
			case !isNote && row.want == "" && (err != nil || len(notes) > 0 || p.Version.String() != "1.2.3"):
				t.Errorf("%+v with notes %q, %v", p, notes, err)
			case !isNote && row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
				t.Errorf("error %v, expected %q", err, row.want)
			}
		})
	}
}

func TestTheFirstSelectorWins_A9(t *testing.T) {
	t.Parallel()
	e := entry{ID: "ctx", Version: "v1.0.0", Platforms: []platform{
		{URI: "https://example.org/one.zip", SHA256: sum, Selector: &selector{MatchLabels: map[string]label{"os": "linux", "arch": "amd64"}}},
		{URI: "https://example.org/two.zip", SHA256: sum, Selector: &selector{MatchLabels: map[string]label{"arch": "amd64"}}},
	}}
	p, _, err := convert("krew", &e)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, l := range p.Payloads {
		got[l.Platform.String()] = l.Path
	}
	want := map[string]string{"linux/amd64": "one.zip", "darwin/amd64": "two.zip", "windows/amd64": "two.zip"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payloads (-want +got):\n%s", diff)
	}
}

func imported(t *testing.T, f flags) (int, string) {
	t.Helper()
	var out, log bytes.Buffer
	code := run(t.Context(), f, &out, &log)
	t.Logf("%s%s", log.String(), out.String())
	return code, out.String() + log.String()
}

func TestImportGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.InMemory())
	data := file(t, line("ctx", "v1.0.0", ""), line("ctx", "v1.1.0", ""), line("ns", "master", ""), line("ns", "0.1.0", ""), line("ns", "v0.1.0", `{"homepage":"x"}`))
	f := flags{data: data, registry: server.Host, publisher: "krew", journal: filepath.Join(t.TempDir(), "journal"), parallel: 4}
	code, said := imported(t, f)
	for _, want := range []string{"5 versions: 3 pushed, 0 there already, 2 not taken", "not taken: ns master", "not taken: ns v0.1.0: the same version as ns 0.1.0 in line 4"} {
		if code != exitPartial || !strings.Contains(said, want) {
			t.Errorf("first run: exit %d, %q is not said", code, want)
		}
	}
	if code, said = imported(t, f); code != exitPartial || !strings.Contains(said, "0 pushed, 3 there already") {
		t.Errorf("second run: exit %d", code)
	}
	// Without its journal it pushes all again, and that changes nothing.
	f.journal = "none"
	if code, said = imported(t, f); code != exitPartial || !strings.Contains(said, "3 pushed") {
		t.Errorf("without journal: exit %d", code)
	}
	d, err := remote.Resolve(t.Context(), server.Host+"/krew/ctx:1.1.0", remote.Options{})
	if err != nil || d.Size == 0 {
		t.Errorf("krew/ctx:1.1.0: %v", err)
	}
}

func TestAJournalOfAnotherRegistryIsNotBelieved(t *testing.T) {
	t.Parallel()
	data := file(t, line("ctx", "v1.0.0", ""))
	journal := filepath.Join(t.TempDir(), "journal")
	server := registrytest.New(t, registrytest.InMemory())
	stale := fmt.Sprintf("%s/krew/ctx:1.0.0 sha256:%s\n%s/krew/gone:1.0.0 sha256:%s\ncut", server.Host, sum, server.Host, sum)
	if err := os.WriteFile(journal, []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	code, said := imported(t, flags{data: data, registry: server.Host, publisher: "krew", journal: journal, parallel: 1})
	if code != 0 || !strings.Contains(said, "starting over") || !strings.Contains(said, "1 pushed") {
		t.Errorf("exit %d", code)
	}
}

func TestAnInterruptionOrADeadRegistryEndsTheRun(t *testing.T) {
	t.Parallel()
	data := file(t, line("ctx", "v1.0.0", ""), line("ctx", "v1.1.0", ""))
	server := registrytest.New(t, registrytest.InMemory())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, log bytes.Buffer
	f := flags{data: data, registry: server.Host, publisher: "krew", journal: "none", parallel: 1}
	if code := run(ctx, f, &out, &log); code != exitInterrupted {
		t.Errorf("interrupted: exit %d: %s", code, log.String())
	}
	f.registry = "127.0.0.1:1"
	if code, said := imported(t, f); code != exitFailure || !strings.Contains(said, "goes on from here") {
		t.Errorf("no registry: exit %d", code)
	}
	f.data = filepath.Join(t.TempDir(), "none")
	if code, _ := imported(t, f); code != exitFailure {
		t.Errorf("no data: exit %d", code)
	}
}

func TestProgressTellsCountsRateAndTheTimeLeft(t *testing.T) {
	t.Parallel()
	var seconds atomic.Int64
	var log bytes.Buffer
	p := startProgress(&log, 20, func() time.Time { return time.Unix(seconds.Load(), 0) })
	for range 8 {
		p.add(outcome{Entry: "x"})
	}
	p.add(outcome{Entry: "y", skipped: true})
	p.add(outcome{Entry: "z", Reason: "no"})
	seconds.Store(4)
	if got, want := p.line(), "10/20 versions, 8 pushed, 1 there already, 1 not taken, 2/s, 5s left"; got != want {
		t.Errorf("line %q, expected %q", got, want)
	}
	if r := p.finish(); r.Pushed != 8 || len(r.Refused) != 1 || r.Seconds != 4 {
		t.Errorf("report %+v", r)
	}
}

func TestFlagsAreChecked(t *testing.T) {
	t.Parallel()
	good := flags{data: "x", registry: "127.0.0.1:7117", publisher: "krew", parallel: 1}
	if err := good.check(); err != nil || good.journal != "x.127.0.0.1_7117.journal" {
		t.Errorf("journal %q, %v", good.journal, err)
	}
	for name, bad := range map[string]flags{
		"no data":                   {publisher: "krew", parallel: 1},
		"no workers":                {data: "x", publisher: "krew"},
		"a key without --sign":      {data: "x", publisher: "krew", parallel: 1, key: "k"},
		"a publisher that is no id": {data: "x", publisher: "Krew", parallel: 1},
	} {
		if err := bad.check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (&flags{data: "x", publisher: "Krew", parallel: 1}).check(); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("publisher Krew: %v", err)
	}
}
