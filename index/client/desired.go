package client

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// Bounds of a desired state.
const (
	// MaxDesired is how many bytes the envelope may have.
	MaxDesired = 16 << 20
	// maxDesiredItems and maxDesiredSignatures are how many there may be.
	maxDesiredItems, maxDesiredSignatures = 10000, 8
	// maxAhead is how far after the host's own time a document may be signed.
	maxAhead = 24 * time.Hour
)

// An OnlineSignature is one of an envelope that is not verified yet.
type OnlineSignature struct {
	KeyID string // a hint; anybody can write it
	Sig   []byte
}

// An OnlineVerifier knows the online key of the site: the one that the root of its
// signed catalog names for the timestamp. *signed.Catalog does.
type OnlineVerifier interface {
	// VerifyOnline verifies what was signed, and gives the version of the root by which
	// it holds. Errors wrap artifact.ErrUnverified.
	VerifyOnline(signed []byte, by []OnlineSignature) (root int64, err error)
}

// DesiredOptions say which desired state a host believes. All but Last must be given.
type DesiredOptions struct {
	Keys         OnlineVerifier
	Tenant, Host string
	// Last is the one that the host goes by; nil is none.
	Last *index.DesiredState
	// Now is the host's time: its clock, or the latest that it knows to have been.
	Now time.Time
}

// Why a desired state is not believed.
const (
	DesiredMalformed = "malformed"
	DesiredSignature = "signature" // no online key of the site signed it
	DesiredWhose     = "whose"     // it is another host's
	DesiredRollback  = "rollback"  // its epoch is below that of the last one
	DesiredMixed     = "mixed"     // under the epoch of the last one it says something else
	DesiredExpired   = "expired"   // and so did its grace
	DesiredFuture    = "future"    // it was signed far after the host's time
)

// A DesiredError is a desired state that is not believed. It wraps
// artifact.ErrInvalid where it is malformed, and else artifact.ErrUnverified.
type DesiredError struct {
	Code, Detail string
}

func (e *DesiredError) Error() string { return "desired state: " + e.Detail }

// Unwrap gives the kind.
func (e *DesiredError) Unwrap() error {
	if e.Code == DesiredMalformed {
		return artifact.ErrInvalid
	}
	return artifact.ErrUnverified
}

func notDesired(code, format string, args ...any) error {
	return &DesiredError{code, fmt.Sprintf(format, args...)}
}

// A VerifiedDesired is a desired state that the host may go by.
type VerifiedDesired struct {
	index.DesiredState
	// Late says that it is not current any more, and holds by its grace.
	Late bool
}

// desiredEnvelope is a DSSE envelope on the wire.
type desiredEnvelope struct {
	PayloadType string `json:"payloadType"`
	Payload     string `json:"payload"`
	Signatures  []struct {
		KeyID string `json:"keyid,omitempty"`
		Sig   string `json:"sig"`
	} `json:"signatures"`
}

// VerifyDesired reads the envelope of a desired state, and believes it where the site's
// online key signed it for this host, it has not ended, and it does not go back behind
// the last one. That its digests may run is not looked at: the publisher's signature and
// the signed catalog say that. Errors are *DesiredError.
func VerifyDesired(envelope []byte, o DesiredOptions) (*VerifiedDesired, error) {
	payload, by, err := readDesired(envelope)
	if err != nil {
		return nil, err
	}
	root, err := o.Keys.VerifyOnline(format.PAE(index.DesiredStateType, payload), by)
	if err != nil {
		return nil, notDesired(DesiredSignature, "%v", err)
	}
	d := &VerifiedDesired{}
	if err := artifact.UnmarshalComplete(payload, &d.DesiredState); err != nil {
		return nil, notDesired(DesiredMalformed, "payload: %v", err)
	}
	if err := checkDesired(&d.DesiredState, root); err != nil {
		return nil, err
	}
	if d.Tenant != o.Tenant || d.Host != o.Host {
		return nil, notDesired(DesiredWhose, "it is for host %.80q of tenant %.80q, this is %q of %q", d.Host, d.Tenant, o.Host, o.Tenant)
	}
	if err := d.after(o.Last); err != nil {
		return nil, err
	}
	switch {
	case d.IssuedAt.After(o.Now.Add(maxAhead)):
		return nil, notDesired(DesiredFuture, "it was signed %s, and it is %s here", when(d.IssuedAt), when(o.Now))
	case o.Now.After(d.GraceUntil):
		return nil, notDesired(DesiredExpired, "it ended %s, its grace %s, and it is %s", when(d.ExpiresAt), when(d.GraceUntil), when(o.Now))
	}
	d.Late = o.Now.After(d.ExpiresAt)
	return d, nil
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// readDesired reads an envelope whose signatures are not verified.
func readDesired(raw []byte) (payload []byte, by []OnlineSignature, err error) {
	var e desiredEnvelope
	if len(raw) > MaxDesired {
		return nil, nil, notDesired(DesiredMalformed, "%d bytes, expected at most %d", len(raw), MaxDesired)
	}
	if err := artifact.UnmarshalComplete(raw, &e); err != nil {
		return nil, nil, notDesired(DesiredMalformed, "envelope: %v", err)
	}
	if e.PayloadType != index.DesiredStateType {
		return nil, nil, notDesired(DesiredMalformed, "payload type %.100q, expected %q", e.PayloadType, index.DesiredStateType)
	}
	if n := len(e.Signatures); n == 0 || n > maxDesiredSignatures {
		return nil, nil, notDesired(DesiredMalformed, "%d signatures, expected 1 to %d", n, maxDesiredSignatures)
	}
	if payload, err = base64.StdEncoding.DecodeString(e.Payload); err != nil {
		return nil, nil, notDesired(DesiredMalformed, "payload: %v", err)
	}
	for n, s := range e.Signatures {
		sig, err := base64.StdEncoding.DecodeString(s.Sig)
		if err != nil || len(sig) == 0 {
			return nil, nil, notDesired(DesiredMalformed, "signature %d is no base64", n)
		}
		by = append(by, OnlineSignature{s.KeyID, sig})
	}
	return payload, by, nil
}

// checkDesired refuses what no host could follow.
func checkDesired(d *index.DesiredState, root int64) error {
	switch {
	case d.Epoch.Key < 1 || d.Epoch.Key > root || d.Epoch.Counter < 1:
		return notDesired(DesiredMalformed, "epoch %s, expected a key of 1 to %d, which is the root's version, and a counter", d.Epoch, root)
	case d.IssuedAt.After(d.ExpiresAt) || d.ExpiresAt.After(d.GraceUntil):
		return notDesired(DesiredMalformed, "signed %s, until %s, grace until %s", when(d.IssuedAt), when(d.ExpiresAt), when(d.GraceUntil))
	case len(d.Items) > maxDesiredItems:
		return notDesired(DesiredMalformed, "%d items, expected at most %d", len(d.Items), maxDesiredItems)
	}
	seen := map[string]bool{}
	for n, i := range d.Items {
		if _, err := artifact.ParseName(i.Plugin); err != nil || seen[i.Plugin] {
			return notDesired(DesiredMalformed, "items[%d]: plugin %.80q: expected a name, and each once", n, i.Plugin)
		}
		seen[i.Plugin] = true
		for _, d := range []digest.Digest{i.Digest, i.PlatformDigest, i.ConfigDigest} {
			if d != "" && d.Validate() != nil {
				return notDesired(DesiredMalformed, "items[%d]: %.100q is no digest", n, d)
			}
		}
		switch i.Action {
		case index.DesiredRun:
			if _, err := artifact.ParseVersion(i.Version); err != nil || i.Digest == "" {
				return notDesired(DesiredMalformed, "items[%d]: version %.80q and digest %.100q: expected both of what is to run", n, i.Version, i.Digest)
			}
		case index.DesiredStop, index.DesiredHold, index.DesiredUninstall:
		default:
			return notDesired(DesiredMalformed, "items[%d]: action %.40q, which this release does not know", n, i.Action)
		}
	}
	return nil
}

// after refuses what goes back behind the last one.
func (d *VerifiedDesired) after(last *index.DesiredState) error {
	if last == nil {
		return nil
	}
	switch order := d.Epoch.Compare(last.Epoch); {
	case order < 0:
		return notDesired(DesiredRollback, "its epoch is %s, and this host goes by %s", d.Epoch, last.Epoch)
	case order == 0 && counted(&d.DesiredState) != counted(last):
		return notDesired(DesiredMixed, "under epoch %s this host was told something else", d.Epoch)
	}
	return nil
}

// counted is all of d that is equal under one epoch: not the times, nor the documents of
// licences, which are renewed.
func counted(d *index.DesiredState) string {
	c := *d
	c.IssuedAt, c.ExpiresAt, c.GraceUntil = time.Time{}, time.Time{}, time.Time{}
	c.Items = append([]index.DesiredItem(nil), d.Items...)
	for n := range c.Items {
		c.Items[n].License = nil
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
