package auth

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

func TestTokenText_B5(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile("^" + TokenPattern + "$")
	seen := map[string]bool{}
	for range 1000 {
		token := newToken()
		text := token.Reveal()
		if !pattern.MatchString(text) || seen[text] || seen[token.ID()] {
			t.Fatalf("token %q: not of the pattern, or drawn twice", text)
		}
		seen[text], seen[token.ID()] = true, true
		again, err := ParseToken(text)
		if err != nil || again != token || !again.matches(token.hash()) {
			t.Fatalf("%q: %v", text, err)
		}
	}
}

func TestTokenMistypedIsToldFromWrong(t *testing.T) {
	t.Parallel()
	text := newToken().Reveal()
	for i := range text {
		for _, c := range []byte("0Az_ ") {
			bad := text[:i] + string(c) + text[i+1:]
			if bad == text {
				continue
			}
			if _, err := ParseToken(bad); !errors.Is(err, artifact.ErrInvalid) || strings.Contains(err.Error(), text[16:40]) {
				t.Fatalf("position %d, %q: %v", i, c, err)
			}
		}
	}
	for _, bad := range []string{"", "oar_", text + "0", text[1:], strings.ToUpper(text)} {
		if _, err := ParseToken(bad); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTokenDoesNotShowInText(t *testing.T) {
	t.Parallel()
	token := newToken()
	for _, verb := range []string{"%v", "%s", "%q", "%+v", "%#v", "%x", "%d"} {
		if s := fmt.Sprintf(verb, token); strings.Contains(s, token.secret) || !strings.Contains(s, token.id) {
			t.Errorf("%s shows %s", verb, s)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(newToken().Reveal())
	f.Add("oar_00000000000_" + strings.Repeat("0", 49))
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ParseToken(text)
		if err == nil && token.Reveal() != text {
			t.Fatalf("%q parses and is written %q", text, token.Reveal())
		}
	})
}
