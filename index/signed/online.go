package signed

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/client"
)

// envelope is a DSSE envelope on the wire.
type envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     string              `json:"payload"`
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// OnlineKey is the number of the online keys that sign now: the version of the root
// that first named those of the timestamp. It rises with each rotation of them, and
// with nothing else.
func (k *Keys) OnlineKey() int64 { return k.ring().online }

// SignOnline signs a payload with the online key of the timestamp, which is what says
// what is newest, and gives the DSSE envelope with the number of the key.
//
// Source: github.com/secure-systems-lab/dsse, protocol.md, version 1. What is signed
// begins with "DSSEv1 ", so that no signature of TUF, which is over JSON, stands for
// one of these, nor the other way round.
func (k *Keys) SignOnline(payloadType string, payload []byte) (raw []byte, key int64, err error) {
	now := k.ring()
	signers := now.of(metadata.TIMESTAMP)
	if len(signers) == 0 {
		return nil, 0, fmt.Errorf("catalog keys: the key of %s is not here: %w", metadata.TIMESTAMP, artifact.ErrDenied)
	}
	e := envelope{PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(payload)}
	signed := format.PAE(payloadType, payload)
	for _, s := range signers {
		sig, err := s.SignMessage(bytes.NewReader(signed))
		if err != nil {
			return nil, 0, fmt.Errorf("sign: %w", err)
		}
		_, id, err := keyOf(s)
		if err != nil {
			return nil, 0, err
		}
		e.Signatures = append(e.Signatures, envelopeSignature{id, base64.StdEncoding.EncodeToString(sig)})
	}
	raw, err = json.Marshal(e)
	return raw, now.online, err
}

// onlineNumber is the version of the root that first named the keys of the timestamp
// which the last of roots names, without a break.
func onlineNumber(roots []*metadata.Metadata[metadata.RootType]) int64 {
	ids := func(n int) []string {
		return slices.Sorted(slices.Values(roots[n].Signed.Roles[metadata.TIMESTAMP].KeyIDs))
	}
	last := len(roots) - 1
	for last > 0 && slices.Equal(ids(last-1), ids(len(roots)-1)) {
		last--
	}
	return roots[last].Signed.Version
}

var _ client.OnlineVerifier = (*Catalog)(nil)

// VerifyOnline implements client.OnlineVerifier by the newest root that was trusted. It
// works while that root is good, also where the rest of the catalog has ended meanwhile.
func (c *Catalog) VerifyOnline(signed []byte, by []client.OnlineSignature) (int64, error) {
	root := c.current.Load().root.Signed
	if now := c.o.Now(); now.After(root.Expires) {
		return 0, refuse(RefusedExpired, "root %d ended %s", root.Version, root.Expires.Format(time.RFC3339))
	}
	role, held := root.Roles[metadata.TIMESTAMP], map[string]bool{}
	for _, id := range role.KeyIDs {
		public, err := root.Keys[id].ToPublicKey()
		if err != nil {
			return 0, refuse(RefusedMalformed, "key %s of root %d: %s", id, root.Version, err)
		}
		v, err := signature.LoadVerifier(public, crypto.SHA256)
		if err != nil {
			return 0, refuse(RefusedMalformed, "key %s of root %d: %s", id, root.Version, err)
		}
		for _, s := range by {
			held[id] = held[id] || v.VerifySignature(bytes.NewReader(s.Sig), bytes.NewReader(signed)) == nil
		}
	}
	n := 0
	for _, holds := range held {
		if holds {
			n++
		}
	}
	if n < max(1, role.Threshold) {
		return 0, refuse(RefusedKey, "%d of the online keys that root %d names signed it, expected %d", n, root.Version, max(1, role.Threshold))
	}
	return root.Version, nil
}
