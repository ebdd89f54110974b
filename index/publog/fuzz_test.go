package publog

import (
	"errors"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

func FuzzParseProof(f *testing.F) {
	f.Add("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 1\n\nx\n")
	f.Add("c2sp.org/tlog-proof@v1\nextra " + strings.Repeat("A", 64) + "\nindex 1\n" + strings.Repeat("A", 43) + "=\n\norigin\n2\nAAAA\n\n— x y\n")
	k, err := newKey([]byte("s"), "h/log/1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProof(text)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if p.String() != text {
			t.Errorf("read as %q", p.String())
		}
		if _, _, err := p.Verify(k.verifier); !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("verified: %v", err)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	for _, s := range []string{"tile/0/000", "tile/entries/x001/234.p/5", "tile/63/x999/x999/999", "tile/0/x/000", "tile//"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := parseTilePath(s); err == nil && (p.String() != s || p.number < 0 || p.within(0)) {
			t.Errorf("%q is read as %+v", s, p)
		}
	})
}
