package notify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// EmailChannel is the Channel of subscriptions that are told by e-mail.
const EmailChannel = "email"

// A Mailbox is an address at which one account is told. Letters go to it when
// somebody who reads it has said so.
type Mailbox struct {
	Owner string
	// Address is as ParseAddress writes it.
	Address   string
	CreatedAt time.Time
	// Token is the digest of the one that confirms, nil where none does, and
	// TokenUntil when that ends.
	Token      []byte
	TokenUntil time.Time
	// ConfirmedAt is zero until it was.
	ConfirmedAt time.Time
	// SuspendedAt is when a server said that there is no such mailbox, and Reason
	// what it said. Confirming it again ends that.
	SuspendedAt time.Time
	Reason      string
}

// Told reports whether letters are sent to it.
func (m Mailbox) Told() bool { return !m.ConfirmedAt.IsZero() && m.SuspendedAt.IsZero() }

// A MailboxStore keeps mailboxes.
type MailboxStore interface {
	// AddMailbox keeps a new one; one that is there is artifact.ErrConflict, and
	// where its owner has so many already that is ErrTooMany.
	AddMailbox(ctx context.Context, m Mailbox, most int) error
	Mailbox(ctx context.Context, owner, address string) (Mailbox, error)
	// ChangeMailbox replaces one whose Token still is was; another is
	// artifact.ErrConflict.
	ChangeMailbox(ctx context.Context, m Mailbox, was []byte) error
	// MailboxesAt are those of all accounts whose address is one of a MailboxOf.
	MailboxesAt(ctx context.Context, mailbox string) ([]Mailbox, error)
	// RemoveMailbox removes it where it is there.
	RemoveMailbox(ctx context.Context, owner, address string) error
}

// An AskStore keeps who was asked to confirm, and when, so that nobody is asked
// too often.
type AskStore interface {
	// Asked gives the times since one at which somebody was asked, the oldest first. It
	// excludes others that ask the same until the transaction of ctx ends.
	Asked(ctx context.Context, whom string, since time.Time) ([]time.Time, error)
	// AddAsk writes down that somebody is asked now.
	AddAsk(ctx context.Context, whom string, now time.Time) error
	// PruneAsks removes at most limit from before a time.
	PruneAsks(ctx context.Context, before time.Time, limit int) (int, error)
}

// A LetterStore keeps the letters that ask, by the digests of their tokens.
type LetterStore interface {
	AddLetter(ctx context.Context, token []byte, mailbox string, until time.Time) error
	// Letter is to whom a token was sent, and until when it confirms.
	Letter(ctx context.Context, token []byte) (mailbox string, until time.Time, err error)
	// PruneLetters removes at most limit that ended before a time.
	PruneLetters(ctx context.Context, before time.Time, limit int) (int, error)
}

// digestOf is how a token is kept.
func digestOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// maxAddress is the longest address, in bytes (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// ParseAddress reads an address. The grammar is that of RFC 5321 without quoted
// parts and literals:
//
//	address = local "@" label 1*("." label)
//	local   = atom *("." atom)             ; at most 64 bytes of ASCII
//	label   = letters, digits and "-"      ; 1–63 bytes, no "-" at either end
//
// The domain is written in small letters. Errors wrap artifact.ErrInvalid.
func ParseAddress(s string) (string, error) {
	local, domain, found := strings.Cut(s, "@")
	ok := found && len(s) <= maxAddress && len(local) <= 64
	for part := range strings.SplitSeq(local, ".") {
		ok = ok && part != "" && strings.Trim(part, atomText) == ""
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		ok = ok && label != "" && len(label) <= 63 && strings.Trim(label, labelText) == "" && !strings.HasPrefix(label, "-") && !strings.HasSuffix(label, "-")
	}
	if !ok || len(labels) < 2 {
		return "", fmt.Errorf("address %.80q: expected NAME@DOMAIN, such as ada@example.org: %w", s, artifact.ErrInvalid)
	}
	return local + "@" + strings.ToLower(domain), nil
}

const (
	labelText = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	atomText  = labelText + "!#$%&'*+/=?^_`{|}~"
)

// MailboxOf is what the spellings of an address have in common that lead to one mailbox
// for certain: large and small letters do everywhere, and what is known of a provider.
func MailboxOf(address string) string {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	if domain == "gmail.com" || domain == "googlemail.com" { // it looks at no dots, nor at what follows a "+"
		local, _, _ = strings.Cut(local, "+")
		local, domain = strings.ReplaceAll(local, ".", ""), "gmail.com"
	}
	return local + "@" + domain
}

// untagged is the mailbox without what follows a "+", which leads to the same person at
// many providers, and to another at some.
func untagged(mailbox string) string {
	local, domain, _ := strings.Cut(mailbox, "@")
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + domain
}
