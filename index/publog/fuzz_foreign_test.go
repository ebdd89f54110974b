package publog_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
)

// FuzzCosignatures: whatever lines stand behind a signed checkpoint, they are no
// cosignatures that the witness did not make.
func FuzzCosignatures(f *testing.F) {
	private, public, err := note.GenerateKey(zeros{}, "plugins.example.org/log/fuzz")
	if err != nil {
		f.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		f.Fatal(err)
	}
	by, err := publog.NewVerifier(public)
	if err != nil {
		f.Fatal(err)
	}
	root := sha256.Sum256(nil)
	signed, err := note.Sign(&note.Note{Text: by.Name() + "\n1\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"}, signer)
	if err != nil {
		f.Fatal(err)
	}
	q, err := publog.NewQuorum([]string{"witness.example.org/w1+72a87a43+BOqo+la24o2aaHjXHFPLwHVraE4HIjo2gsQKb88E7UIc"}, 0)
	if err != nil {
		f.Fatal(err)
	}
	// its key id, a time and a signature that it did not make
	forged := base64.StdEncoding.EncodeToString(append([]byte{0x72, 0xa8, 0x7a, 0x43}, make([]byte, 72)...))
	for _, lines := range []string{"", "— witness.example.org/w1 " + forged + "\n", "— witness.example.org/w1 cqh6Qw==\n", "— x y\n", "\n", strings.Repeat("— witness.example.org/w1 "+forged+"\n", 20)} {
		f.Add(lines)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		got, err := q.Check(string(signed)+lines, by)
		if !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("%q: cosigned %v: %v", lines, got, err)
		}
	})
}

// zeros are what a key of a test is made from.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// FuzzReadEvent: an event is read from one text alone.
func FuzzReadEvent(f *testing.F) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for _, text := range []string{
		`{"kind":"published","plugin":"acme/hello","version":"1.0.0","digest":"` + digest + `","at":"2026-01-02T12:00:00Z"}`,
		`{"kind":"channel","plugin":"acme/hello","channel":"beta","sequence":2,"statement":"channel.set","digest":"` + digest + `","at":"2026-01-02T12:00:00.5Z"}`,
		`{"kind":"owner","ledger":"oarlock/publishers:acme","sequence":1,"statement":"publisher.claimed","digest":"` + digest + `","at":"2026-01-02T12:00:00Z"} `,
		`{"kind":"published","KIND":"x"}`, `null`, "\x00\xff", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := publog.ReadEvent(raw)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Error(err)
			}
			return
		}
		again, err := publog.ReadEvent([]byte(strings.TrimSpace(string(raw))))
		if err != nil || again != e || string(raw) != strings.TrimSpace(string(raw)) {
			t.Errorf("%q is read, and so is another text: %v", raw, err)
		}
		_ = e.Publisher()
	})
}
