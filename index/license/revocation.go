package license

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// Revocations are which licences of an issuer count no more: all of them, in the
// list with the highest number.
type Revocations struct {
	Issuer   string
	Site     string
	Number   int64
	IssuedAt time.Time
	IDs      []string
}

// revocationClaims are the payload of a list of revocations.
type revocationClaims struct {
	Issuer   string   `json:"iss"`
	Site     string   `json:"aud"`
	Number   int64    `json:"number"`
	IssuedAt int64    `json:"iat"`
	Revoked  []string `json:"revoked"`
}

// IssueRevocations signs a list with the key of its issuer and gives the document.
func IssueRevocations(key ed25519.PrivateKey, r Revocations) (string, error) {
	c := revocationClaims{r.Issuer, r.Site, r.Number, secondsOf(r.IssuedAt), append([]string{}, r.IDs...)}
	if c.Issuer == "" || c.Site == "" {
		return "", fmt.Errorf("revocations: expected an issuer and a site: %w", artifact.ErrInvalid)
	}
	if _, err := c.revocations(); err != nil {
		return "", err
	}
	return sign(key, TypeRevocations, c)
}

// ReadRevocations is Read for a list of revocations.
func ReadRevocations(text string, roots Roots) (Revocations, error) {
	d, err := parse(text)
	if err != nil {
		return Revocations{}, err
	}
	if d.typ != TypeRevocations {
		return Revocations{}, malformed("typ %s, expected %s", d.typ, TypeRevocations)
	}
	var c revocationClaims
	if err := exactly(d.payload, &c); err != nil {
		return Revocations{}, malformed("payload: %s", plain(err))
	}
	if _, err := d.verify(roots, c.Issuer); err != nil {
		return Revocations{}, err
	}
	if err := here(c.Site, roots); err != nil {
		return Revocations{}, err
	}
	return c.revocations()
}

func (c revocationClaims) revocations() (Revocations, error) {
	at, err := timeOf("iat", c.IssuedAt)
	if err != nil {
		return Revocations{}, err
	}
	if at.IsZero() {
		return Revocations{}, malformed("iat is missing: when it was issued")
	}
	if c.Number < 1 {
		return Revocations{}, malformed("number %d, expected 1 or more, one more with each list", c.Number)
	}
	if err := checkList("revoked", c.Revoked, checkID); err != nil {
		return Revocations{}, err
	}
	return Revocations{c.Issuer, c.Site, c.Number, at, c.Revoked}, nil
}
