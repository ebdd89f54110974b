package index

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// A Publisher is the record of a publisher, as its ledger says it.
type Publisher struct {
	Name       string            `json:"name" example:"acme"`
	ClaimedAt  time.Time         `json:"claimed_at"`
	Private    bool              `json:"private"`
	Publishing string            `json:"publishing" enum:"on,off"`
	ClosedAt   *time.Time        `json:"closed_at,omitempty"`
	Owners     []string          `json:"owners"`
	Keys       []PublisherKey    `json:"keys" doc:"All that it ever had, the oldest first."`
	Verified   *VerifiedBy       `json:"verified,omitempty" doc:"By what it is verified; nothing where it is not."`
	Ledger     LedgerHead        `json:"ledger"`
	Problems   []LedgerProblem   `json:"problems" doc:"What is wrong with the ledger that lies in the registry. The record is then what was known before."`
	Proof      map[string]string `json:"proof,omitempty" doc:"For those who manage it: what proves a domain, by kind of evidence."`
}

// A PublisherKey is a key of a publisher.
type PublisherKey struct {
	Name        string     `json:"name"`
	ID          string     `json:"id" doc:"Digest of the key's PKIX form." example:"sha256:…"`
	PEM         string     `json:"pem"`
	From        time.Time  `json:"from" doc:"What it signed from then on counts."`
	AddedAt     time.Time  `json:"added_at"`
	RevokedAt   *time.Time `json:"revoked_at,omitempty"`
	RevokedFrom *time.Time `json:"revoked_from,omitempty" doc:"What it signed from then on does not count."`
	Reason      string     `json:"reason,omitempty"`
}

// VerifiedBy says by what a publisher is verified.
type VerifiedBy struct {
	Evidence string    `json:"evidence" enum:"dns,oidc,administrator"`
	Domain   string    `json:"domain,omitempty"`
	Record   string    `json:"record,omitempty" doc:"The TXT record that was found."`
	Issuer   string    `json:"issuer,omitempty"`
	Claim    string    `json:"claim,omitempty" doc:"What the login's claims gave."`
	Note     string    `json:"note,omitempty"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Sequence int       `json:"sequence" doc:"The statement that says so."`
}

// A LedgerHead is how far a ledger goes.
type LedgerHead struct {
	Reference string        `json:"reference" doc:"What an OCI client copies." example:"oarlock/publishers:acme"`
	Sequence  int           `json:"sequence" doc:"How many statements hold."`
	Head      digest.Digest `json:"head" doc:"The last of them, which stands for all."`
	Platform  string        `json:"platform" doc:"Key of the site that began it."`
	Foreign   bool          `json:"foreign" doc:"It came by a mirror, and grows at another site."`
}

// A LedgerProblem is one thing wrong with a ledger.
type LedgerProblem struct {
	Code     string        `json:"code" example:"ledger_forged"`
	Detail   string        `json:"detail"`
	Sequence int           `json:"sequence,omitempty"`
	Digest   digest.Digest `json:"digest,omitempty"`
}

// A LedgerStatement is one statement of a ledger.
type LedgerStatement struct {
	Sequence int            `json:"sequence"`
	Digest   digest.Digest  `json:"digest"`
	Kind     string         `json:"kind" example:"key.added"`
	At       time.Time      `json:"at"`
	Actor    string         `json:"actor"`
	Role     string         `json:"role"`
	Subject  digest.Digest  `json:"subject"`
	Body     map[string]any `json:"body"`
}

// A LedgerPage is one page of a ledger, the oldest first.
type LedgerPage struct {
	Items []LedgerStatement `json:"items"`
	Total int               `json:"total"`
	// Next is what after= gives the next page; 0 on the last.
	Next int `json:"next,omitempty" doc:"after= of the next page."`
}

// A PlatformKey is the key of a site whose ledgers count.
type PlatformKey struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	PEM  string `json:"pem"`
	Own  bool   `json:"own" doc:"This site's own."`
}

// PlatformKeyList is the answer to a listing of platform keys.
type PlatformKeyList struct {
	Items []PlatformKey `json:"items"`
}

// A NewPublisherKey is a key to add.
type NewPublisherKey struct {
	Name string     `json:"name" doc:"What it is called." example:"release"`
	PEM  string     `json:"pem" doc:"The public key."`
	From *time.Time `json:"from,omitempty" doc:"From when on it counts; always by default. With a time, signatures have to prove theirs."`
}

// A KeyRevocation ends a key.
type KeyRevocation struct {
	From   *time.Time `json:"from,omitempty" doc:"From when on nothing that it signed counts; now by default."`
	Reason string     `json:"reason"`
}

// A VerifyRequest says by what a publisher is to be verified.
type VerifyRequest struct {
	Evidence string `json:"evidence" enum:"dns,oidc,administrator"`
	Domain   string `json:"domain,omitempty" doc:"For dns: where the TXT record is."`
	Note     string `json:"note,omitempty" doc:"For administrator: what was looked at."`
}
