package publog

import (
	"crypto/ed25519"
	"encoding/binary"
	"testing"
)

// TestACosignatureOfNoTimeIsNone_G6: of a witness without a clock, whose time no answer
// could say.
func TestACosignatureOfNoTimeIsNone_G6(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	by := cosigner{key: public}
	msg := []byte("plugins.example.org/log\n1\nAAAA\n")
	for at, want := range map[uint64]bool{0: true, 1796034963: true, latest: true, latest + 1: false, 1 << 62: false, 1 << 63: false} {
		sig := append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(private, cosigned(at, msg))...)
		if got := by.Verify(msg, sig); got != want {
			t.Errorf("at %d it counts: %v", at, got)
		}
	}
}
