package ingest

import (
	"reflect"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy"
)

// A keyring has the keys of publishers' ledgers at one time.
type keyring struct {
	of   map[string]publisherStanding
	read bool
}

var (
	noLedger   = &policy.LedgerKeys{}
	notReadYet = &policy.LedgerKeys{Problem: &policy.Finding{Code: policy.CodeUnreadable, Judge: "ledger",
		Detail: "the ledgers of publishers were not read yet"}}
)

func (k keyring) keys(publisher string) *policy.LedgerKeys {
	if s, ok := k.of[publisher]; ok && s.keys != nil {
		return s.keys
	}
	if k.read {
		return noLedger
	}
	return notReadYet
}

func (b *book) keyring() keyring {
	b.mu.Lock()
	defer b.mu.Unlock()
	return keyring{b.serving, b.read}
}

// LedgerKeys are the keys of a publisher's ledger that versions are judged by.
func (in *Ingester) LedgerKeys(publisher string) *policy.LedgerKeys {
	return in.ledgers.keyring().keys(publisher)
}

func (in *Ingester) keysFor(t *task, publisher string) *policy.LedgerKeys {
	if t.publishers != nil {
		return keyring{t.publishers, true}.keys(publisher)
	}
	return in.LedgerKeys(publisher)
}

// rekeyed are the publishers whose versions may be judged otherwise now.
func (in *Ingester) rekeyed(base *catalog.Snapshot, before, after keyring) map[string]bool {
	out := map[string]bool{}
	look := func(publisher string) {
		a, b := before.keys(publisher), after.keys(publisher)
		if a != b && in.opts.Verifier.CountsLedger(publisher) && !reflect.DeepEqual(a, b) {
			out[publisher] = true
		}
	}
	for publisher := range before.of {
		look(publisher)
	}
	for publisher := range after.of {
		if _, done := before.of[publisher]; !done {
			look(publisher)
		}
	}
	if !before.read {
		for p := range base.Plugins {
			look(p.ID.Publisher())
		}
	}
	return out
}

// reverify has every plugin of publishers judged again. It is called with swap
// held.
func (in *Ingester) reverify(publishers map[string]bool) {
	if len(publishers) == 0 {
		return
	}
	base := in.building
	if base == nil {
		base = in.opts.Live.Current().Snapshot
	}
	var repos []string
	for publisher := range publishers {
		for p := range base.PluginsOf(publisher) {
			repos = append(repos, p.ID.String())
		}
	}
	in.queue.follow(format.PublishersRepository, repos, func(repo string) bool {
		id, err := artifact.ParseName(repo)
		return err == nil && publishers[id.Publisher()]
	})
}
