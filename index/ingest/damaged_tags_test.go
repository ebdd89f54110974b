package ingest_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/publog"
)

// damagedTag is how storage says that what a tag means is not known.
type damagedTag string

func (d damagedTag) Error() string      { return fmt.Sprintf("tag %q: the link is cut short", string(d)) }
func (d damagedTag) Unwrap() error      { return artifact.ErrUnverified }
func (d damagedTag) DamagedTag() string { return string(d) }

// Proves B12: what a damaged tag says is not known. It is never taken for one
// that is not there, which would be a plugin without a lifecycle, or a version
// that nobody signed.
func TestADamagedTagIsNotAMissingOne_B12(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	for title, row := range map[string]struct {
		tag  func(m *memory) string
		want map[string]string
	}{
		"of another version": {func(*memory) string { return "2.0.0" },
			map[string]string{"1.0.0": "verified", "tag 2.0.0": "could_not_tell"}},
		"that holds the plugin's lifecycle": {func(*memory) string { return artifact.StateTag },
			map[string]string{"1.0.0": "could_not_tell verified", "tag " + artifact.StateTag: "could_not_tell"}},
		"that holds more signatures": {func(m *memory) string { return artifact.DigestTag(m.publish(repo, "1.0.0").Digest, "sig") },
			nil},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			l := newLedgers(t, m)
			m.sign(repo, m.publish(repo, "1.0.0"), "good", false)
			tag := row.tag(m)
			want := row.want
			if want == nil {
				want = map[string]string{"1.0.0": "could_not_tell unverified", "tag " + tag: "could_not_tell"}
			}
			m.faults["tags "+repo] = damagedTag(tag)
			_, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.Log = l.judge, slog.New(slog.DiscardHandler) })
			if diff := cmp.Diff(want, said(t, live, repo)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Proves E1: platforms that are trusted no more take what they said with them,
// but a plugin that they stopped is not free because of that.
func TestAPluginWhoseLedgerNobodyVouchesForIsNotKnown_E1(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := newLedgers(t, m)
	const repo = "acme/hello"
	m.publish(repo, "1.0.0")
	l.act(repo+":oarlock-state", "verify")
	in, live := run(t, m, func(o *ingest.Options) {
		o.Ledgers, o.ListDeniedUnsafe, o.Log = l.judge, true, slog.New(slog.DiscardHandler)
	})
	if diff := cmp.Diff(map[string]string{"1.0.0": "unsigned"}, said(t, live, repo)); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	if err := l.judge.SetPlatforms(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"1.0.0": "could_not_tell unsigned", "tag oarlock-state": "ledger_forged"}
	if diff := cmp.Diff(want, said(t, live, repo)); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
}

// Proves E1: the memory of ledgers is the one record of what was seen; where it
// cannot be read nothing is served as if nothing had been.
func TestADamagedMemoryOfLedgersIsNotAnEmptyOne_E1(t *testing.T) {
	t.Parallel()
	for title, content := range map[string]string{"nothing": "", "half": `{"acme/hello:oarlock-state":{"he`, "a list": "[]", "null": "null", "no head": `{"acme/hello:oarlock-state":null}`, "an empty head": `{"acme/hello:oarlock-state":{}}`, "no object": `"heads"`} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			l := newLedgers(t, m)
			path := filepath.Join(t.TempDir(), "ledgers.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ingest.New(ingest.Options{Source: m, Withheld: ingest.NothingWithheld, Live: catalog.NewLive(catalog.LiveOptions{}), Ledgers: l.judge, LedgerMemory: path})
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore the file from a backup") {
				t.Errorf("%v", err)
			}
			if kept, err := os.ReadFile(path); err != nil || string(kept) != content {
				t.Errorf("the file became %q, %v", kept, err)
			}
		})
	}
}

// Proves G6: one ledger that cannot be read keeps no other event from the
// publication log.
func TestALedgerThatCannotBeReadIsNamedAndTheOthersAreTold_G6(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := newLedgers(t, m)
	m.sign("acme/hello", m.publish("acme/hello", "1.0.0"), "good", true)
	for _, name := range []string{"oarlock/publishers:acme", "acme/hello:oarlock-state"} {
		l.act(name, "claim")
	}
	in, _ := run(t, m, func(o *ingest.Options) { o.Ledgers = l.judge })
	m.fault("tags oarlock/publishers", errDisk)
	var told []string
	err := in.Events(t.Context(), func(events ...publog.Event) error {
		for _, e := range events {
			told = append(told, e.Ledger)
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "oarlock/publishers:acme") {
		t.Errorf("%v", err)
	}
	if !slices.Contains(told, "acme/hello:oarlock-state") || slices.Contains(told, "oarlock/publishers:acme") {
		t.Errorf("told of %q", told)
	}
}
