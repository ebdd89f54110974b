package ingest_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// onceListed lists the repositories once and then never ends: what counts after a
// restart was found by the first look, and not by the walk that comes after it.
type onceListed struct {
	*memory
	listed atomic.Int64
}

func (m *onceListed) Repositories(ctx context.Context, fn func(string) error) error {
	if m.listed.Add(1) > 1 {
		<-ctx.Done()
		return ctx.Err()
	}
	return m.memory.Repositories(ctx, fn)
}

// restarted is an ingester that begins with the checkpoint at path and looks at
// the ledgers alone.
func restarted(t *testing.T, m *memory, path string, change func(*ingest.Options)) *catalog.Live {
	t.Helper()
	var live *catalog.Live
	run(t, m, func(o *ingest.Options) {
		o.Source, o.Checkpoint = &onceListed{memory: m}, path
		change(o)
		first, whole := ingest.Restore(path, o.Verifier, o.ListDeniedUnsafe, slog.New(slog.DiscardHandler))
		if !whole {
			t.Fatal("there is no checkpoint")
		}
		live = catalog.NewLive(catalog.LiveOptions{First: first})
		o.Live, o.Restored = live, whole
	})
	return live
}

// Proves E4, E12, G3: what a ledger said after the last checkpoint counts from the
// first moment at which the catalog serves again, whether or not the plugin or its
// ledger was known then, and so does what was known to have changed.
func TestARestartKnowsWhatLedgersSaidAfterTheCheckpoint_E4_E12_G3(t *testing.T) {
	t.Parallel()
	const suspended, added, acme = "acme/suspended:oarlock-state", "acme/added:oarlock-state", "oarlock/publishers:acme"
	path := filepath.Join(t.TempDir(), "catalog.checkpoint")
	m := newMemory()
	l := newLedgers(t, m)
	options := func(o *ingest.Options) {
		o.Ledgers, o.Verifier, o.LedgerMemory = l.judge, keyedVerifier{}, path+".ledgers"
	}
	for _, repo := range []string{"acme/suspended", "acme/same"} {
		m.sign(repo, m.publish(repo, "1.0.0"), "good", true)
	}
	l.act(acme, "claim")
	l.act(acme, "key")
	grounds := format.Grounds{Reason: format.ReasonLegal}
	l.of(suspended).Add(t, format.PluginDeprecated, "admin:root", format.RolePlatform, format.Deprecated{Grounds: grounds}, nil)
	m.put(t, l.of(suspended))
	t.Run("until the checkpoint", func(t *testing.T) {
		_, live := run(t, m, func(o *ingest.Options) { options(o); o.Checkpoint = path })
		if got := said(t, live, "acme/same")["1.0.0"]; got != "verified" {
			t.Fatalf("before: %s", got)
		}
	})

	l.of(suspended).Add(t, format.PluginSuspended, "admin:root", format.RolePlatform, format.Suspended{Grounds: grounds, Existing: format.StopRunning}, nil)
	m.put(t, l.of(suspended))
	m.sign("acme/added", m.publish("acme/added", "1.0.0"), "good", true)
	l.of(added).Add(t, format.PluginRemoved, "admin:root", format.RolePlatform, format.PluginGone{Grounds: grounds}, nil)
	m.put(t, l.of(added))
	l.act(acme, "revoke")
	// The memory of ledgers is written sooner than the checkpoint, and knows it all.
	t.Run("after the checkpoint", func(t *testing.T) {
		in, _ := run(t, m, options)
		settle(t, in)
	})

	live := restarted(t, m, path, options)
	for repo, want := range map[string]index.PluginState{"acme/suspended": index.StateSuspended, "acme/added": index.StateRemoved, "acme/same": index.StateActive} {
		p, ok := live.Current().Snapshot.Plugin(mustName(t, repo))
		if !ok || p.State != want || p.Versions[0].Listed() {
			t.Errorf("%s: %+v, want %s and not listed, since the key was revoked", repo, p, want)
		}
	}
}

// Proves E4: a ledger that the checkpoint knew nothing of, and whose tag is gone
// now, is known by the memory of ledgers, which is newer than both.
func TestARestartMissesALedgerThatTheCheckpointDidNotKnow_E4(t *testing.T) {
	t.Parallel()
	const repo = "acme/gone"
	path := filepath.Join(t.TempDir(), "catalog.checkpoint")
	m := newMemory()
	l := newLedgers(t, m)
	options := func(o *ingest.Options) {
		o.Ledgers, o.LedgerMemory, o.ListDeniedUnsafe, o.Log = l.judge, path+".ledgers", true, slog.New(slog.DiscardHandler)
	}
	m.publish(repo, "1.0.0")
	t.Run("until the checkpoint", func(t *testing.T) {
		run(t, m, func(o *ingest.Options) { options(o); o.Checkpoint = path })
	})
	chain := l.of(repo + ":" + artifact.StateTag)
	chain.Add(t, format.PluginRemoved, "admin:root", format.RolePlatform, format.PluginGone{Grounds: format.Grounds{Reason: format.ReasonLegal}}, nil)
	m.put(t, chain)
	t.Run("after the checkpoint", func(t *testing.T) {
		in, _ := run(t, m, options)
		settle(t, in)
	})
	m.untag(repo, artifact.StateTag)
	p, ok := restarted(t, m, path, options).Current().Snapshot.Plugin(mustName(t, repo))
	if !ok || p.State != index.StateRemoved {
		t.Errorf("%+v, %t", p, ok)
	}
}

// Proves E12: what is withheld everywhere since the checkpoint is in no answer after
// a restart.
func TestARestartKnowsWhatIsWithheldEverywhere_E12(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog.checkpoint")
	m := newMemory()
	m.sign("acme/hello", m.publish("acme/hello", "1.0.0"), "good", true)
	everywhere := "nothing"
	options := func(o *ingest.Options) {
		o.Everywhere = func() string { return everywhere }
		if everywhere != "nothing" {
			o.Withheld = func(context.Context, string, digest.Digest) (index.VersionState, index.Reason, error) {
				return index.VersionBlocked, index.Reason{Code: "blocked", Detail: "it steals"}, nil
			}
		}
	}
	t.Run("until the checkpoint", func(t *testing.T) {
		run(t, m, func(o *ingest.Options) { options(o); o.Checkpoint = path })
	})
	everywhere = "one digest"
	live := restarted(t, m, path, options)
	p, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello"))
	if !ok || p.Versions[0].State != index.VersionBlocked {
		t.Errorf("%+v", p)
	}
}

// Proves E12 and "not knowing denies": where a ledger went on and cannot be read,
// it is not known what may be installed, and the catalog says so; what else could
// not be listed stays as it was known.
func TestWhatWentOnAndCannotBeReadIsNotKnown_E12(t *testing.T) {
	t.Parallel()
	const ledger = "acme/hello:oarlock-state"
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.ListDeniedUnsafe = l.judge, true })
	unknown := func(what string, want bool) {
		t.Helper()
		p, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello"))
		if !ok || p.Standing().Unknown != want || want && p.Standing().May(table.Admin, table.PullDigest) {
			t.Fatalf("%s: %+v, want unknown %t", what, p, want)
		}
	}
	m.fault("tags acme/hello", errDisk)
	in.Touch("acme/hello")
	settle(t, in)
	unknown("a version came", false)
	in.Notify("acme/hello", l.ref(ledger).Tag(), "", "")
	settle(t, in)
	unknown("the ledger went on", true)
	m.fault("tags acme/hello", nil)
	in.Touch("acme/hello")
	settle(t, in)
	unknown("it can be read", false)
	if err := in.CatchUp(t.Context()); err != nil {
		t.Error(err)
	}
	m.fault("repositories", errDisk)
	if err := in.CatchUp(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("repositories could not be listed: %v", err)
	}
}

// Proves A8 and E4: a replica that neither hears the others nor reads what they did
// serves for so long and no longer, and again when it hears.
func TestWhatIsNeitherHeardNorReadIsServedForSoLong_A8_E4(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 30 * time.Second
		m := newMemory()
		in, err := ingest.New(ingest.Options{Source: m, Withheld: ingest.NothingWithheld, Live: catalog.NewLive(catalog.LiveOptions{}),
			Verifier: annotationVerifier{}, StaleAfter: most, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = in.Run(ctx) }()
		<-in.ReadyC()
		serves := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			if got := in.Current(); (got == nil) != want {
				t.Errorf("%s: %v, want serving %t", what, got, want)
			}
		}
		serves("at first", true)
		time.Sleep(most - time.Second)
		in.Heard(time.Now())
		time.Sleep(most - time.Second)
		serves("heard in time", true)
		time.Sleep(2 * time.Second)
		serves("too long unheard", false)
		in.Heard(time.Now().Add(-2 * most))
		serves("heard of long ago", false)
		in.Heard(time.Now())
		serves("heard again", true)
		stop()
		synctest.Wait()
	})
}
