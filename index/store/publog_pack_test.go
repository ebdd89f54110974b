package store

import (
	"bytes"
	"strings"
	"testing"
)

// Proves G6: an event comes back as it was, whatever it is, and the usual one takes
// half the room.
func TestAnEventIsPackedAndBack_G6(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("a0", 32)
	usual := `{"kind":"published","plugin":"acme/hello","version":"1.2.3","digest":"sha256:` + digest + `","at":"2026-01-02T03:04:05.000006Z"}`
	for what, event := range map[string]string{
		"usual": usual, "a statement": `{"kind":"owner","ledger":"oarlock/publishers:acme","sequence":1,"statement":"publisher.claimed","digest":"sha256:` + digest + `","at":"2026-01-02T03:04:05Z"}`,
		"empty": "", "no digest": `","digest":"sha256:`, "capitals": `","digest":"sha256:` + strings.ToUpper(digest), "not JSON": "\x00\x7f",
		"a byte of a pack": "\x80", "no UTF-8": "\xff\xfe", "beyond ASCII": "{\"kind\":\"published\",\"plugin\":\"acmé",
	} {
		if got := unpack(pack([]byte(event))); string(got) != event {
			t.Errorf("%s: %q came back as %q", what, event, got)
		}
	}
	if n := len(pack([]byte(usual))); n > len(usual)/2 {
		t.Errorf("%d bytes of %d", n, len(usual))
	}
	if got := unpack([]byte(usual)); string(got) != usual {
		t.Errorf("a row that was written before: %q", got)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x80acme/hello"))
	f.Add([]byte(`{"kind":"published","plugin":"a","digest":"sha256:00"}`))
	f.Add(bytes.Repeat([]byte{0x8a}, 40))
	f.Fuzz(func(t *testing.T, row []byte) {
		event := unpack(row)
		if !bytes.Equal(unpack(pack(event)), event) {
			t.Errorf("%q came back as another", event)
		}
	})
}
