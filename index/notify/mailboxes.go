package notify

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
)

// ConfirmJobs are the jobs that ask the reader of an address to confirm it. The
// payload is what ask wrote.
const ConfirmJobs = "email-confirm"

const (
	// MaxMailboxes is the most that one account may have.
	MaxMailboxes = 20
	// confirmFor is how long a token confirms.
	confirmFor = 48 * time.Hour
	// To one mailbox at most so many letters that ask are sent in a day, and none within a
	// while of the last; so many to all of "name+anything" of one name; and so many by one
	// account. Each confirms whoever waits for the mailbox: others who had them sent keep
	// nobody out.
	asksOfMailbox = 3
	asksOfAccount = 10
	askPause      = 10 * time.Minute
	askDay        = 24 * time.Hour
)

// MailboxOptions are what Mailboxes need; all must be given.
type MailboxOptions struct {
	Mailboxes     MailboxStore
	Asks          AskStore
	Letters       LetterStore
	Subscriptions SubscriptionStore
	Queue         jobs.Queue
	InTx          func(ctx context.Context, do func(context.Context) error) error
	Audit         AuditLog
	Links         Links
	Clock         clock.Clock
}

// Mailboxes keep the addresses at which accounts are told, and who agreed to it.
type Mailboxes struct {
	o     MailboxOptions
	asked chan struct{}
}

// NewMailboxes makes Mailboxes.
func NewMailboxes(o MailboxOptions) *Mailboxes {
	return &Mailboxes{o, make(chan struct{}, 1)}
}

// Asked wakes who sends the letters that ask.
func (b *Mailboxes) Asked() <-chan struct{} { return b.asked }

func (b *Mailboxes) now() time.Time { return b.o.Clock.Now().UTC().Truncate(time.Microsecond) }

// Accept has an account told at an address, in the transaction of ctx. One that is
// not confirmed is asked.
func (b *Mailboxes) Accept(ctx context.Context, owner, receiver string) (string, error) {
	address, err := ParseAddress(receiver)
	if err != nil {
		return "", err
	}
	m, err := b.o.Mailboxes.Mailbox(ctx, owner, address)
	if errors.Is(err, artifact.ErrNotFound) {
		m = Mailbox{Owner: owner, Address: address, CreatedAt: b.now()}
		err = tooMany(b.o.Mailboxes.AddMailbox(ctx, m, MaxMailboxes), "addresses", MaxMailboxes)
	}
	if err != nil || m.Told() {
		return address, err
	}
	if b.now().Before(m.TokenUntil) && m.SuspendedAt.IsZero() {
		return address, nil // it was asked already, for another subscription
	}
	_, err = b.ask(ctx, m)
	return address, err
}

// ask has the reader of an address asked by letter. Where enough letters went there
// already none is sent, which is false: any of those confirms m too, and what ask
// changes is to be committed all the same, or m would not wait for them.
func (b *Mailboxes) ask(ctx context.Context, m Mailbox) (sent bool, err error) {
	now, mailbox := b.now(), MailboxOf(m.Address)
	to := limit{"mailbox:" + mailbox, asksOfMailbox, askPause, ""}
	again, err := b.again(ctx, to, now)
	if err != nil {
		return false, err
	}
	was := m.Token
	m.TokenUntil = now.Add(confirmFor)
	if again.After(now) {
		return false, b.o.Mailboxes.ChangeMailbox(ctx, m, was)
	}
	limits := []limit{{"account:" + m.Owner, asksOfAccount, 0, "try again then"}}
	if name := untagged(mailbox); name != mailbox {
		limits = append(limits, limit{"tagged:" + name, asksOfMailbox, 0, "try again then, or give the address without +: " + name})
	}
	for _, l := range limits {
		if again, err := b.again(ctx, l, now); err != nil {
			return false, err
		} else if again.After(now) {
			return false, index.NewProblem(index.CodeTooManyRequests,
				"letters that ask for confirmation were sent, and no more are before "+again.Format(time.RFC3339), l.fix)
		}
	}
	for _, l := range append(limits, to) {
		if err := b.o.Asks.AddAsk(ctx, l.whom, now); err != nil {
			return false, err
		}
	}
	// Until the letter is written there is no token, and its time runs.
	m.Token = nil
	if err := b.o.Mailboxes.ChangeMailbox(ctx, m, was); err != nil {
		return false, err
	}
	select {
	case b.asked <- struct{}{}:
	default:
	}
	return true, b.o.Queue.Enqueue(ctx, jobs.Job{Kind: ConfirmJobs, Key: m.Address, Payload: []byte(m.Owner + "\x00" + m.Address), AskedAt: now})
}

// A limit is how often somebody is asked in a day, and after which pause.
type limit struct {
	whom  string
	most  int
	pause time.Duration
	fix   string
}

// again is when somebody may be asked again.
func (b *Mailboxes) again(ctx context.Context, l limit, now time.Time) (time.Time, error) {
	before, err := b.o.Asks.Asked(ctx, l.whom, now.Add(-askDay))
	switch {
	case err != nil || len(before) == 0:
		return now, err
	case len(before) >= l.most:
		return before[len(before)-l.most].Add(askDay), nil
	}
	return before[len(before)-1].Add(l.pause), nil
}

// enoughSent tells who wants another letter why none is sent. It is no error of the
// transaction in which it was asked for, which would undo that he waits.
func enoughSent(address string) error {
	return index.NewProblem(index.CodeTooManyRequests, "letters went to "+address+" of late, and each of them confirms it for you too",
		"open the link of the newest, also where it was sent for another account, or: oarlock subscription confirm TOKEN",
		"look for it among what was sorted out as spam, or try again tomorrow")
}

// A Request is a letter that asks to confirm an address.
type Request struct {
	Mailbox Mailbox
	// Link leads to where it is confirmed, and Token does it on the command line.
	Link, Token string
}

// Request makes a new token for the address of a job, in place of the one before.
// Where nothing is to be asked any more that is artifact.ErrNotFound.
func (b *Mailboxes) Request(ctx context.Context, payload []byte) (Request, error) {
	owner, address, _ := strings.Cut(string(payload), "\x00")
	m, err := b.o.Mailboxes.Mailbox(ctx, owner, address)
	if err == nil && m.Told() {
		err = fmt.Errorf("%s is confirmed: %w", address, artifact.ErrNotFound)
	}
	if err != nil {
		return Request{}, err
	}
	was, token := m.Token, rand.Text()+rand.Text()
	m.Token, m.TokenUntil = digestOf(token), b.now().Add(confirmFor)
	return Request{m, b.o.Links.Confirm(token), token}, b.o.InTx(ctx, func(ctx context.Context) error {
		if err := b.o.Letters.AddLetter(ctx, m.Token, MailboxOf(m.Address), m.TokenUntil); err != nil {
			return err
		}
		return b.o.Mailboxes.ChangeMailbox(ctx, m, was)
	})
}

// Suspend has no letter sent to an address of which a server said that there is no
// such mailbox.
func (b *Mailboxes) Suspend(ctx context.Context, owner, address, reason string) error {
	m, err := b.o.Mailboxes.Mailbox(ctx, owner, address)
	if err != nil || !m.SuspendedAt.IsZero() {
		return err
	}
	was := m.Token
	m.SuspendedAt, m.Reason, m.Token, m.TokenUntil = b.now(), first(reason, reasonBytes), nil, time.Time{}
	return b.o.Mailboxes.ChangeMailbox(ctx, m, was)
}

// MayTell reports whether letters are sent to an address of an account.
func (b *Mailboxes) MayTell(ctx context.Context, owner, address string) (bool, error) {
	m, err := b.o.Mailboxes.Mailbox(ctx, owner, address)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, nil
	}
	return m.Told(), err
}

// Pending are the accounts that wait for the address to which a token was sent, the
// first that asked first. A token that ended or never was is not found, nor is one for
// which nobody waits.
func (b *Mailboxes) Pending(ctx context.Context, token string) ([]Mailbox, error) {
	over := index.NewProblem(index.CodeNotFound, "this link is over: it was used, or its two days have passed",
		"have another one sent: oarlock subscription resend ID")
	mailbox, until, err := b.o.Letters.Letter(ctx, digestOf(token))
	if errors.Is(err, artifact.ErrNotFound) || err == nil && !b.now().Before(until) {
		return nil, over
	}
	if err != nil {
		return nil, err
	}
	all, err := b.o.Mailboxes.MailboxesAt(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m Mailbox) bool { return m.Told() || !b.now().Before(m.TokenUntil) })
	if len(all) == 0 {
		return nil, over
	}
	return all, nil
}

// Confirm has letters sent to the address of a token for an account that waits for it,
// once. owner may be "" where one waits, and as may be where he waits for one spelling
// of it, or for whichever asked first.
func (b *Mailboxes) Confirm(ctx context.Context, token, owner, as string) (address string, err error) {
	err = b.o.InTx(ctx, func(ctx context.Context) error {
		all, err := b.Pending(ctx, token)
		if err != nil {
			return err
		}
		if owner == "" && len(all) > 1 {
			return index.NewProblem(index.CodeConflict, fmt.Sprintf("%d accounts wait for %s", len(all), all[0].Address), "open the link, and say which")
		}
		for _, m := range all {
			if owner != "" && m.Owner != owner || as != "" && m.Address != as {
				continue
			}
			address = m.Address
			return b.confirm(ctx, m)
		}
		return index.NewProblem(index.CodeNotFound, "this token is not one of yours", "open the link of the letter instead: it needs no login")
	})
	return address, err
}

func (b *Mailboxes) confirm(ctx context.Context, m Mailbox) error {
	was := m.Token
	m.Token, m.TokenUntil, m.ConfirmedAt, m.SuspendedAt, m.Reason = nil, time.Time{}, b.now(), time.Time{}, ""
	if err := b.o.Mailboxes.ChangeMailbox(ctx, m, was); err != nil {
		return err
	}
	return b.note(ctx, m.Owner, nil, map[string]any{"address_confirmed": m.Address})
}

// note writes down what a link did, which was sent to an account's own address.
func (b *Mailboxes) note(ctx context.Context, owner string, before, after any) error {
	return b.o.Audit.Note(ctx, auth.Principal{Kind: auth.Person, Name: owner}, auth.PersonalNotifications, auth.Site(), before, after)
}

// Unsubscribing is the subscription that a link of a letter ends. One that ended is
// not found.
func (b *Mailboxes) Unsubscribing(ctx context.Context, token string) (index.Subscription, error) {
	s, err := b.subscriptionOf(ctx, token)
	return shownSubscription(s), err
}

func (b *Mailboxes) subscriptionOf(ctx context.Context, token string) (Subscription, error) {
	over := index.NewProblem(index.CodeNotFound, "this link ends no subscription: it ended, or the link is not whole",
		"see yours: oarlock subscription list")
	id, err := b.o.Links.ReadUnsubscribe(token)
	if err != nil {
		return Subscription{}, over
	}
	s, err := b.o.Subscriptions.Subscription(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) {
		err = over
	}
	return s, err
}

// Unsubscribe ends the subscription of a link.
func (b *Mailboxes) Unsubscribe(ctx context.Context, token string) error {
	return b.o.InTx(ctx, func(ctx context.Context) error {
		s, err := b.subscriptionOf(ctx, token)
		if err != nil {
			return err
		}
		if err := b.remove(ctx, s); err != nil {
			return err
		}
		return b.note(ctx, s.Owner, map[string]any{"unsubscribed_by_link": shownSubscription(s)}, nil)
	})
}

// remove ends a subscription, and forgets its address where no other of the account
// is told there: it has to be confirmed before one is again.
func (b *Mailboxes) remove(ctx context.Context, s Subscription) error {
	if err := b.o.Subscriptions.RemoveSubscription(ctx, s.ID); err != nil || s.Channel != EmailChannel {
		return err
	}
	left, err := b.o.Subscriptions.Subscriptions(ctx, s.Owner)
	if err != nil || slices.ContainsFunc(left, func(o Subscription) bool { return o.Channel == EmailChannel && o.Receiver == s.Receiver }) {
		return err
	}
	return b.o.Mailboxes.RemoveMailbox(ctx, s.Owner, s.Receiver)
}

// The paths of the links in letters.
const (
	ConfirmPath     = "/mail/confirm"
	UnsubscribePath = "/mail/unsubscribe"
)

// Links are what letters lead to. The zero Links lead nowhere.
type Links struct {
	key  []byte
	site string
}

// NewLinks makes Links to a site by its URL; replicas share the key.
func NewLinks(key []byte, site string) Links { return Links{key, strings.TrimSuffix(site, "/")} }

// Confirm is where a token is used.
func (l Links) Confirm(token string) string { return l.site + ConfirmPath + "?token=" + token }

// Unsubscribe is where a subscription ends without a login (RFC 8058).
func (l Links) Unsubscribe(subscription string) string {
	return l.site + UnsubscribePath + "?token=" + subscription + "." + l.mac(subscription)
}

// Plugin is the page of a plugin, with the version where it is one.
func (l Links) Plugin(name, version string) string {
	at := l.site + "/plugins/" + name
	if version != "" {
		at += "/" + version
	}
	return at
}

func (l Links) mac(subscription string) string {
	m := hmac.New(sha256.New, l.key)
	m.Write([]byte("unsubscribe\x00" + subscription))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// ReadUnsubscribe is the subscription of a token that Unsubscribe made; any other
// is artifact.ErrUnverified.
func (l Links) ReadUnsubscribe(token string) (string, error) {
	id, mac, _ := strings.Cut(token, ".")
	if len(l.key) == 0 || !hmac.Equal([]byte(mac), []byte(l.mac(id))) {
		return "", fmt.Errorf("the link is not of this site: %w", artifact.ErrUnverified)
	}
	return id, nil
}
