package license

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// The types of documents, in the header typ.
const (
	TypeLicense     = "oarlock-license+jwt"
	TypeRevocations = "oarlock-license-revocations+jwt"
)

// maxDocument is how large a document may be, in bytes.
const maxDocument = 64 << 10

// sign makes a JWS in compact form.
func sign(key ed25519.PrivateKey, typ string, claims any) (string, error) {
	if len(key) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("key: expected one of Ed25519: %w", artifact.ErrInvalid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	if len(payload) > maxDocument/2 {
		return "", fmt.Errorf("%d bytes of claims, expected at most %d: %w", len(payload), maxDocument/2, artifact.ErrInvalid)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// header is all that the header of a document may say.
type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
}

// A parsed document is one of which nothing was verified yet.
type parsed struct {
	typ     string
	jws     *jose.JSONWebSignature
	payload []byte
}

// parse reads a document of one of the types, and verifies nothing.
func parse(text string) (parsed, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxDocument {
		return parsed{}, malformed("%d bytes, expected at most %d", len(text), maxDocument)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return parsed{}, malformed("%d parts, expected the three of a JWS in compact form: header.payload.signature", len(parts))
	}
	for i, name := range []string{"header", "payload", "signature"} {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(parts[i]); err != nil || parts[i] == "" {
			return parsed{}, malformed("the %s is not base64url without padding", name)
		}
	}
	head, _ := base64.RawURLEncoding.DecodeString(parts[0])
	var h header
	if err := exactly(head, &h); err != nil {
		return parsed{}, malformed("header: %s", plain(err))
	}
	if h.Algorithm != string(jose.EdDSA) {
		return parsed{}, index.NewProblem(index.CodeLicenseUnverified, fmt.Sprintf("the document is signed by alg %.40q, expected EdDSA", h.Algorithm), "ask the seller for one that is signed with Ed25519")
	}
	if h.Type != TypeLicense && h.Type != TypeRevocations {
		return parsed{}, malformed("typ %.80q, expected %s or %s", h.Type, TypeLicense, TypeRevocations)
	}
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return parsed{}, malformed("%s", err)
	}
	return parsed{h.Type, jws, jws.UnsafePayloadWithoutVerification()}, nil
}

// verify holds a document to the key of its issuer, which it names itself.
func (d parsed) verify(roots Roots, issuer string) (Issuer, error) {
	by, ok := roots.issuer(issuer)
	if !ok {
		return by, index.NewProblem(index.CodeLicenseUnverified, fmt.Sprintf("the issuer %.80q is none that this site trusts", issuer),
			"the operator names issuers and their keys under licenses.issuers in the configuration")
	}
	for _, key := range by.Keys {
		if payload, err := d.jws.Verify(key); err == nil && bytes.Equal(payload, d.payload) {
			return by, nil
		}
	}
	return by, index.NewProblem(index.CodeLicenseUnverified, fmt.Sprintf("the signature is of no key that this site knows of the issuer %.80q", issuer),
		"ask the seller for the document again, and the operator for which keys the site trusts")
}

// exactly reads JSON that says nothing but what v knows, each once.
func exactly(raw []byte, v any) error {
	if err := artifact.CheckStrict(raw, v); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// plain is an error on one line of bounded length.
func plain(err error) string {
	return fmt.Sprintf("%.200s", strings.ReplaceAll(err.Error(), "\n", "; "))
}

func malformed(format string, args ...any) error {
	return index.NewProblem(index.CodeLicenseMalformed, "the document cannot be read: "+fmt.Sprintf(format, args...),
		"give the text as the seller sent it, whole")
}

// maxTime is the last second that is written in RFC 3339.
var maxTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()

// timeOf reads seconds since 1970; 0 is no time.
func timeOf(name string, s int64) (time.Time, error) {
	if s == 0 {
		return time.Time{}, nil
	}
	if s < 0 || s > maxTime {
		return time.Time{}, malformed("%s: %d is no second since 1970 up to the year 9999", name, s)
	}
	return time.Unix(s, 0).UTC(), nil
}

func secondsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// maxID is how long an id may be.
const maxID = 100

// checkID refuses what is no id of a licence: it stands in addresses and in tables.
func checkID(id string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if id == "" || len(id) > maxID || strings.Trim(id, letters) != "" || strings.ContainsFunc(id, func(r rune) bool { return !strings.ContainsRune(letters, r) }) {
		return malformed("jti %.120q: expected 1 to %d of A-Z, a-z, 0-9, - and _", id, maxID)
	}
	return nil
}

// maxListed is how many words a list of a document may have.
const maxListed = 1000

// checkList refuses a list that is too long, or has a word that check refuses or
// that is there twice.
func checkList(name string, list []string, check func(string) error) error {
	if len(list) > maxListed {
		return malformed("%s: %d of them, expected at most %d", name, len(list), maxListed)
	}
	for i, word := range list {
		if err := check(word); err != nil {
			return malformed("%s: %s", name, plain(err))
		}
		if slices.Contains(list[:i], word) {
			return malformed("%s: %.80q is there twice", name, word)
		}
	}
	return nil
}
