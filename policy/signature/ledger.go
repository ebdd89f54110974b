package signature

import (
	"fmt"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// established is a namespace with the keys of one publisher's ledger.
type established struct {
	ns      *trust.Namespace
	ring    ring
	problem *policy.Finding // why it could not be told what the ledger establishes
}

// ofLedger is what gives an established.
type ofLedger struct {
	ns   *trust.Namespace
	keys *policy.LedgerKeys
}

// maxEstablished is for how many publishers keys are kept ready.
const maxEstablished = 1024

// establish adds the keys of the subject's publisher to a namespace that
// counts them.
func (t *trusted) establish(ns *trust.Namespace, s policy.Subject) established {
	if s.LedgerKeys == nil {
		return established{ns, t.rings[ns], &policy.Finding{Code: policy.CodeUnreadable, Judge: name,
			Detail: fmt.Sprintf("the trust policy counts the keys of the ledger of publisher %q, and nobody read it here", s.Publisher)}}
	}
	from := ofLedger{ns, s.LedgerKeys}
	if e, ok := t.established.Get(from); ok {
		return e
	}
	e := established{problem: s.LedgerKeys.Problem}
	var err error
	if e.ns, err = ns.With(s.LedgerKeys); err == nil {
		e.ring, err = newRing(e.ns)
	}
	if err != nil {
		e = established{ns, t.rings[ns], &policy.Finding{Code: policy.CodeUnreadable, Judge: name, Detail: err.Error()}}
	}
	t.established.Add(from, e)
	return e
}
