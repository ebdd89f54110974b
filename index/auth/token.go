package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
)

// Sizes of the parts of a token text, in characters of base 62.
const (
	tokenPrefix    = "oar_"
	tokenIDLen     = 11 // 64 bits
	tokenSecretLen = 43 // 256 bits
	tokenCheckLen  = 6  // CRC-32
	tokenLen       = len(tokenPrefix) + tokenIDLen + 1 + tokenSecretLen + tokenCheckLen
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// TokenPattern finds tokens in text, for secret scanners. The last six
// characters are the CRC-32 (IEEE) of all before them, in base 62, so a
// scanner can tell a token from what merely looks like one.
const TokenPattern = `oar_[0-9A-Za-z]{11}_[0-9A-Za-z]{49}`

// A Token is a credential in clear: shown once, stored never. ParseToken and
// newToken are the ways to a valid one. Its String hides the secret.
type Token struct{ id, secret string }

// newToken draws a token from the system's random source.
func newToken() Token {
	id, secret := make([]byte, 8), make([]byte, 32)
	_, _ = rand.Read(id) // never fails: crypto/rand ends the program instead
	_, _ = rand.Read(secret)
	return Token{inBase62(id, tokenIDLen), inBase62(secret, tokenSecretLen)}
}

// ParseToken reads the text of a token. Errors wrap artifact.ErrInvalid and
// never quote it.
func ParseToken(s string) (Token, error) {
	if len(s) != tokenLen || !strings.HasPrefix(s, tokenPrefix) || s[len(tokenPrefix)+tokenIDLen] != '_' {
		return Token{}, invalid("token: expected oar_ and %d characters", tokenLen-len(tokenPrefix))
	}
	body := s[len(tokenPrefix):]
	t := Token{id: body[:tokenIDLen], secret: body[tokenIDLen+1 : tokenIDLen+1+tokenSecretLen]}
	if !isBase62(t.id) || !isBase62(t.secret) {
		return Token{}, invalid("token: expected 0-9, A-Z and a-z")
	}
	if subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(s)) != 1 {
		return Token{}, invalid("token: its checksum does not hold: it was cut or mistyped")
	}
	return t, nil
}

// LooksLikeToken reports whether s was meant to be one.
func LooksLikeToken(s string) bool { return strings.HasPrefix(s, tokenPrefix) }

// tokenLike finds tokens in text, those that were cut or whose id has lost its
// end included.
var tokenLike = regexp.MustCompile(`oar_(?:[0-9A-Za-z]{11}_[0-9A-Za-z]{16,}|[0-9A-Za-z]{40,})`)

// HideTokens is s without the secret of any token in it: what is left of one is
// what Token.String writes. It is for texts that others read, such as a log.
func HideTokens(s string) string {
	if !strings.Contains(s, tokenPrefix) {
		return s
	}
	return tokenLike.ReplaceAllStringFunc(s, func(found string) string {
		if id := len(tokenPrefix) + tokenIDLen; found[id] == '_' {
			return Token{id: found[len(tokenPrefix):id]}.String()
		}
		return tokenPrefix + "…"
	})
}

// ID names the token; it is no secret.
func (t Token) ID() string { return t.id }

// Reveal is the text of the token.
func (t Token) Reveal() string {
	s := tokenPrefix + t.id + "_" + t.secret
	sum := crc32.ChecksumIEEE([]byte(s))
	return s + inBase62([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, tokenCheckLen)
}

// String hides the secret, so that a token in a log is no credential.
func (t Token) String() string { return tokenPrefix + t.id + "_…" }

// Format hides the secret from every verb of fmt.
func (t Token) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, t.String()) }

// hash is what is stored. A plain SHA-256 is right here: a slow hash defends
// passwords, which can be guessed, and 256 random bits cannot be. It also
// keeps the check of a token below a microsecond.
func (t Token) hash() []byte {
	sum := sha256.Sum256([]byte(t.secret))
	return sum[:]
}

func (t Token) matches(hash []byte) bool {
	return subtle.ConstantTimeCompare(t.hash(), hash) == 1
}

func inBase62(b []byte, width int) string {
	n, base, digit := new(big.Int).SetBytes(b), big.NewInt(62), new(big.Int)
	out := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base62[digit.Int64()]
	}
	return string(out)
}

func isBase62(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(base62, r) }) < 0
}
