package ledger

import "fmt"

// PAE is what is signed of a DSSE envelope: its payload with the type.
//
// Source: github.com/secure-systems-lab/dsse, protocol.md, version 1.
func PAE(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}
