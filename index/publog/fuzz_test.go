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

func FuzzCheckpoint(f *testing.F) {
	k, err := newKey([]byte("s"), "h/log/1")
	if err != nil {
		f.Fatal(err)
	}
	signed, err := k.sign(Checkpoint{Origin: "h/log/1"})
	if err != nil {
		f.Fatal(err)
	}
	const witness = "witness.example.org/w1+72a87a43+BOqo+la24o2aaHjXHFPLwHVraE4HIjo2gsQKb88E7UIc"
	q, err := NewQuorum([]string{witness}, 0)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{signed, signed + "— witness.example.org/w1 cqh6QwAA\n", "h/log/1\n1\nAAAA\n\n", "\n\n— h/log/1 AAAAAAAA\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := OpenCheckpoint(text, k.verifier)
		if err != nil && !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("%v", err)
		}
		if err == nil && (c.N != 0 || c.Origin != "h/log/1") {
			t.Errorf("nobody signed %+v", c)
		}
		if got, err := q.Check(text, k.verifier); !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("nobody cosigned %v: %v", got, err)
		}
	})
}

func FuzzCosigner(f *testing.F) {
	for _, text := range []string{"witness.example.org/w1+72a87a43+BOqo+la24o2aaHjXHFPLwHVraE4HIjo2gsQKb88E7UIc", "w++", "w+00000000+BA==", "a+b+c+d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		by, err := NewCosigner(text)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if !strings.HasPrefix(text, by.Name()+"+") || by.Verify([]byte("x"), make([]byte, cosignatureSize)) {
			t.Errorf("%q is read as the key of %q", text, by.Name())
		}
	})
}

func FuzzUnbundle(f *testing.F) {
	f.Add(bundle([][32]byte{{1}, {2}}), 2)
	f.Add([]byte{0, 1}, 1)
	f.Fuzz(func(t *testing.T, raw []byte, width int) {
		entries, err := unbundle(raw, width)
		if err != nil {
			if !errors.Is(err, artifact.ErrUnverified) {
				t.Errorf("%v", err)
			}
			return
		}
		size := 0
		for _, e := range entries {
			size += 2 + len(e)
		}
		if len(entries) != width || size != len(raw) {
			t.Errorf("%d entries of %d bytes, of a tile of %d entries and %d bytes", len(entries), size, width, len(raw))
		}
	})
}
