package mail_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/notify/mail"
	"github.com/oarlock/oarlock/index/notify/mail/mailtest"
)

const ada = "ada@example.org"

// Proves E8, K2: an address is asked first and told after it said yes; the letter is
// whole, and has what RFC 8058 wants.
func TestALetterComesAfterTheAddressIsConfirmed_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	s := x.subscribe(index.NewSubscription{Receiver: ada})
	if s.State != "unconfirmed" {
		t.Errorf("%+v", s)
	}
	x.tell(x.published("e0", "acme/hello"))
	if all := x.smtp.Letters(); len(all) != 1 || !strings.Contains(all[0].Body, "wants to be told here") ||
		all[0].To != ada || all[0].Header.Get("Auto-Submitted") != "auto-generated" {
		t.Fatalf("before the address said yes: %+v", all)
	}
	token := tokens.FindStringSubmatch(x.smtp.Letters()[0].Body)[1]
	if _, err := x.service.ConfirmAddress(x.as("bob"), index.MailToken{Token: token}); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("another account confirms: %v", err)
	}
	if got, err := x.service.ConfirmAddress(x.as("ada"), index.MailToken{Token: token}); err != nil || got.Address != ada {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := x.mailboxes.Confirm(t.Context(), token, "", ""); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a token confirms twice: %v", err)
	}
	x.hand.Advance(time.Second)
	x.tell(x.published("e1", "acme/hello"))
	all := x.smtp.Letters()
	if len(all) != 2 {
		t.Fatalf("%d letters", len(all))
	}
	l := all[1]
	if l.Header.Get("Subject") != "[plugins.example.org] acme/hello@1.0.0 was published" || !strings.Contains(l.Header.Get("From"), "plugins@example.org") ||
		!strings.Contains(l.Header.Get("Content-Type"), "multipart/alternative") || l.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" ||
		!strings.HasPrefix(l.Header.Get("List-Unsubscribe"), "<https://plugins.example.org/mail/unsubscribe?token=sub_") {
		t.Errorf("%s", l.Raw)
	}
	if !strings.Contains(l.Body, "https://plugins.example.org/plugins/acme/hello") || !strings.Contains(l.Body, "text/html") {
		t.Errorf("%s", l.Body)
	}
	if rows := strings.Join(x.audit.rows, "\n"); !strings.Contains(rows, "subscription_added") || !strings.Contains(rows, "address_confirmed") {
		t.Errorf("written down: %s", rows)
	}
}

// Proves E8: who reads an address can end it without a login, and a link of another
// site or subscription ends nothing.
func TestUnsubscribeWithoutALogin_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	s := x.confirmed(index.NewSubscription{Receiver: ada})
	link := x.links.Unsubscribe(s.ID)
	token := link[strings.Index(link, "token=")+len("token="):]
	for _, bad := range []string{"", s.ID, s.ID + ".", token + "x", strings.Replace(token, s.ID, "sub_other", 1)} {
		if err := x.mailboxes.Unsubscribe(t.Context(), bad); !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if of, err := x.mailboxes.Unsubscribing(t.Context(), token); err != nil || of.ID != s.ID {
		t.Errorf("%+v %v", of, err)
	}
	if err := x.mailboxes.Unsubscribe(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	x.tell(x.published("e1", "acme/hello"))
	if n := len(x.smtp.Letters()); n != 1 {
		t.Errorf("%d letters after the end", n)
	}
	x.hand.Advance(11 * time.Minute)
	if again := x.subscribe(index.NewSubscription{Receiver: ada}); again.State != "unconfirmed" {
		t.Errorf("after the end it is told without being asked: %+v", again)
	}
}

// Nobody is flooded with letters that ask, by one account or many.
func TestNobodyIsFlooded_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	sent := func() int { x.drain(); return len(x.smtp.Letters()) }
	for i := range 20 {
		_, err := x.service.CreateSubscription(x.as(fmt.Sprint("person", i)), index.NewSubscription{
			Channel: notify.EmailChannel, Receiver: fmt.Sprintf("a.d.a+%d@EXAMPLE.org", i)})
		var p *index.Problem
		if i > 2 && (!errors.As(err, &p) || p.Status != 429) || i <= 2 && err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := sent(); n != 3 {
		t.Errorf("%d letters to one person", n)
	}
	for range 48 {
		x.hand.Advance(30 * time.Minute)
		_, _ = x.service.CreateSubscription(x.as("eve"), index.NewSubscription{Channel: notify.EmailChannel, Receiver: "ada+again@example.org"})
		all, err := x.service.Subscriptions(x.as("eve"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if err := x.service.RemoveSubscription(x.as("eve"), s.ID); err != nil {
				t.Fatal(err)
			}
		}
		sent()
	}
	if n := sent(); n > 7 { // three to each of two names, and one a day later
		t.Errorf("%d letters to one person in a day", n)
	}
	before := sent()
	for i := range 19 {
		_, _ = x.service.CreateSubscription(x.as("mallory"), index.NewSubscription{Channel: notify.EmailChannel, Receiver: fmt.Sprintf("victim%d@example.com", i)})
	}
	if n := sent() - before; n != 10 {
		t.Errorf("%d letters by one account", n)
	}
}

// Proves E8: a token ends after two days, and only its digest is kept.
func TestATokenEnds_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	s := x.subscribe(index.NewSubscription{Receiver: ada})
	token := tokens.FindStringSubmatch(x.smtp.Letters()[0].Body)[1]
	m, err := x.store.Mailbox(t.Context(), "person:ada", ada)
	if err != nil || strings.Contains(string(m.Token), token) || len(m.Token) != 32 {
		t.Errorf("kept: %q %v", m.Token, err)
	}
	x.hand.Advance(48 * time.Hour)
	if _, err := x.mailboxes.Confirm(t.Context(), token, "", ""); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("after two days: %v", err)
	}
	if _, err := x.service.ResendConfirmation(x.as("ada"), s.ID); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Join(x.audit.rows, "\n"); strings.Count(rows, "confirmation_sent") != 1 {
		t.Errorf("written down: %s", rows)
	}
	if _, err := x.mailboxes.Confirm(t.Context(), token, "", ""); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("an old token after a new one was asked for: %v", err)
	}
	x.drain()
	token = tokens.FindStringSubmatch(x.smtp.Letters()[1].Body)[1]
	if _, err := x.mailboxes.Confirm(t.Context(), token, "", ""); err != nil {
		t.Error(err)
	}
}

// Proves E8: an hour and a day are one letter, and an emergency waits for neither.
func TestDigests_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	x.hand.Advance(10 * time.Minute) // 12:10
	hourly := x.confirmed(index.NewSubscription{Receiver: ada, Frequency: "hourly"})
	if hourly.Frequency != "hourly" {
		t.Errorf("%+v", hourly)
	}
	x.hand.Advance(time.Second)
	x.tell(x.published("e1", "acme/hello"), x.published("e2", "acme/tool"))
	x.hand.Advance(time.Minute)
	x.tell(x.published("e3", "acme/third"))
	urgent := x.published("e4", "acme/bad")
	urgent.Type = notify.EmergencyDeclared
	x.tell(urgent)
	all := x.smtp.Letters()
	if len(all) != 2 || !strings.Contains(all[1].Header.Get("Subject"), "acme/bad@1.0.0 must not run") {
		t.Fatalf("at once: %d letters", len(all))
	}
	x.hand.Advance(48 * time.Minute) // 12:59
	x.drain()
	if n := len(x.smtp.Letters()); n != 2 {
		t.Fatalf("%d letters before the hour", n)
	}
	x.smtp.Answer(func(string) error { return mailtest.Refuse(451, [3]int{4, 3, 0}, "later") }, nil)
	x.hand.Advance(time.Minute) // 13:00
	x.drain()
	x.smtp.Answer(nil, nil)
	if tried := x.deliveries(hourly)[0]; tried.Attempts != 1 {
		t.Errorf("one letter was tried %d times at once", tried.Attempts)
	}
	x.hand.Advance(10 * time.Second)
	x.drain()
	all = x.smtp.Letters()
	if len(all) != 3 || !strings.Contains(all[2].Header.Get("Subject"), "3 events") || strings.Contains(all[2].Body, "acme/bad") {
		t.Fatalf("%d letters: %+v", len(all), all[len(all)-1].Header)
	}
	for _, name := range []string{"acme/hello", "acme/tool", "acme/third"} {
		if !strings.Contains(all[2].Body, name) {
			t.Errorf("%s is not in it", name)
		}
	}
}

// Proves K2: a server that wants it later gets it later, once; one that was down for an
// hour gets all of it, and was not asked once for each.
func TestAServerThatWasDownForAnHour_K2(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	s := x.confirmed(index.NewSubscription{Receiver: ada})
	x.hand.Advance(time.Second)
	x.smtp.Answer(func(string) error { return mailtest.Refuse(450, [3]int{4, 2, 0}, "greylisted") }, nil)
	x.tell(x.published("e0", "acme/hello"))
	if d := x.deliveries(s)[0]; d.State != notify.Waiting || d.Status != 450 || !strings.Contains(d.Reason, "greylisted") {
		t.Errorf("%+v", d)
	}
	x.smtp.Answer(nil, nil)
	x.hand.Advance(5 * time.Second)
	x.drain()
	if n := len(x.smtp.Letters()); n != 2 {
		t.Fatalf("%d letters", n)
	}
	x.smtp.Stop()
	for i := range 20 {
		x.tell(x.published(fmt.Sprint("down", i), "acme/hello"))
	}
	for range 60 {
		x.hand.Advance(time.Minute)
		x.drain()
	}
	tried := 0
	for _, d := range x.deliveries(s) {
		if strings.Contains(d.Event, "down") {
			tried += d.Attempts
		}
	}
	if tried < 5 || tried > 60 {
		t.Errorf("%d attempts in an hour for 20 letters", tried)
	}
	x.smtp.Restart(t)
	x.hand.Advance(time.Hour)
	x.drain()
	ids := map[string]int{}
	for _, l := range x.smtp.Letters()[2:] {
		ids[l.Header.Get("Message-Id")]++
	}
	if len(ids) != 20 {
		t.Errorf("%d letters after the hour, expected 20", len(ids))
	}
}

// Proves E8: an address of which the server says that it is none is suspended, with the
// reason for its owner to see; policies, letters and logins suspend nobody.
func TestAPermanentRefusalSuspendsTheAddress_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	s := x.confirmed(index.NewSubscription{Receiver: ada})
	state := func() index.Subscription {
		t.Helper()
		all, err := x.service.Subscriptions(x.as("ada"))
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v %v", all, err)
		}
		return all[0]
	}
	x.hand.Advance(time.Second)
	x.smtp.Answer(func(string) error { return mailtest.Refuse(550, [3]int{5, 7, 1}, "relaying denied") }, nil)
	x.tell(x.published("e1", "acme/hello"))
	if got := state(); got.State != "active" {
		t.Errorf("a policy of the server: %+v", got)
	}
	x.smtp.Answer(nil, func(string) error { return mailtest.Refuse(554, [3]int{5, 6, 0}, "no such letters") })
	x.tell(x.published("e2", "acme/hello"))
	if d := x.deliveries(s)[0]; state().State != "active" || d.State != notify.Dead || !strings.Contains(d.Reason, "no such letters") {
		t.Errorf("a letter that is not taken: %+v", d)
	}
	x.smtp.Answer(func(string) error { return mailtest.Refuse(550, [3]int{5, 1, 1}, "no such user here") }, nil)
	x.tell(x.published("e3", "acme/hello"))
	if got := state(); got.State != "suspended" || !strings.Contains(got.Reason, "no such user here") {
		t.Errorf("an address that is none: %+v", got)
	}
	x.smtp.Answer(nil, nil)
	before := len(x.smtp.Letters())
	x.tell(x.published("e4", "acme/hello"))
	if n := len(x.smtp.Letters()); n != before {
		t.Errorf("a suspended address is told")
	}
	x.hand.Advance(time.Hour)
	if _, err := x.service.ResendConfirmation(x.as("ada"), s.ID); err != nil {
		t.Fatal(err)
	}
	x.drain()
	all := x.smtp.Letters()
	if _, err := x.mailboxes.Confirm(t.Context(), tokens.FindStringSubmatch(all[len(all)-1].Body)[1], "", ""); err != nil || state().State != "active" {
		t.Errorf("after it was confirmed again: %+v %v", state(), err)
	}
}

// Proves K2, A7: letters go over STARTTLS or TLS with a login, never without where that
// is wanted; a wrong login suspends nobody and loses nothing.
func TestTheConnectionIsEncrypted_K2(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		server mailtest.Options
		tls    mail.Security
	}{{mailtest.Options{TLS: true, User: "oarlock", Password: "right"}, mail.StartTLS},
		{mailtest.Options{Implicit: true, User: "oarlock", Password: "right"}, mail.Implicit}} {
		x := newSite(t, c.server, func(s *mail.Server) { s.TLS, s.User, s.Password = c.tls, "oarlock", "right" })
		x.confirmed(index.NewSubscription{Receiver: ada})
		if l := x.smtp.Letters()[0]; !l.Encrypted || l.User != "oarlock" {
			t.Errorf("%s: encrypted %v, by %q", c.tls, l.Encrypted, l.User)
		}
	}
	bare := newSite(t, mailtest.Options{}, func(s *mail.Server) { s.TLS = mail.StartTLS })
	bare.subscribe(index.NewSubscription{Receiver: ada})
	if n := len(bare.smtp.Letters()); n != 0 {
		t.Errorf("%d letters to a server without STARTTLS", n)
	}
	untrusted := newSite(t, mailtest.Options{TLS: true}, func(s *mail.Server) { s.TLS, s.Roots = mail.StartTLS, nil })
	untrusted.subscribe(index.NewSubscription{Receiver: ada})
	if n := len(untrusted.smtp.Letters()); n != 0 {
		t.Errorf("%d letters to a server that nobody trusts", n)
	}
	wrong := newSite(t, mailtest.Options{TLS: true, User: "oarlock", Password: "right"},
		func(s *mail.Server) { s.TLS, s.User, s.Password = mail.StartTLS, "oarlock", "wrong" })
	s := wrong.subscribe(index.NewSubscription{Receiver: ada})
	if all, err := wrong.service.Subscriptions(wrong.as("ada")); err != nil || all[0].ID != s.ID || all[0].State != "unconfirmed" || len(wrong.smtp.Letters()) != 0 {
		t.Errorf("with a wrong login: %+v %v", all, err)
	}
}

// Proves E8: what others wrote makes no header and no markup, and a letter that is sent
// again has the same Message-ID.
func TestALetterHoldsNoForeignMarkup_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	x.confirmed(index.NewSubscription{Receiver: ada})
	x.hand.Advance(time.Second)
	evil := x.published("e1", "acme/hello")
	evil.Details = map[string]any{"reason": "broken", "text": "<script>alert(1)</script>\r\nBcc: victim@example.org\r\n\r\n\u202eevil",
		"replacement": "acme/x\r\nX-Evil: 1", "guide": "javascript:alert(1)"}
	taken := 0
	x.smtp.Answer(nil, func(string) error { taken++; return nil })
	x.tell(evil)
	l := x.smtp.Letters()[1]
	if l.Header.Get("Bcc") != "" || l.Header.Get("X-Evil") != "" || l.To != ada || taken != 1 {
		t.Errorf("%s", l.Raw)
	}
	_, html, is := strings.Cut(l.Body, "text/html")
	if !is || strings.Contains(html, "<script>") || strings.Contains(l.Raw, "\u202e") ||
		strings.Contains(l.Body, `href="javascript:`) {
		t.Errorf("%s", l.Body)
	}
	d, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: ada, Event: "e1", Limit: 1})
	if err != nil || len(d) != 1 {
		t.Fatalf("%+v %v", d, err)
	}
	d[0].State = notify.Waiting // as where a crash kept from it that it was sent
	if err := x.store.ChangeDelivery(t.Context(), d[0]); err != nil {
		t.Fatal(err)
	}
	x.hand.Advance(time.Hour)
	again(t, x, d[0])
	all := x.smtp.Letters()
	if len(all) != 3 || all[2].Header.Get("Message-Id") != l.Header.Get("Message-Id") || l.Header.Get("Message-Id") == "" {
		t.Errorf("sent again: %q and %q", l.Header.Get("Message-Id"), all[len(all)-1].Header.Get("Message-Id"))
	}
	for _, bad := range []string{"", "ada", "ada@", "@example.org", "ada@example", "ada@example.org\r\nBcc: x@example.org", "ada@[127.0.0.1]",
		`"a b"@example.org`, "ada@example.org,eve@example.org", "Ada <ada@example.org>", "ädä@example.org",
		"ada@exa mple.org", "a..b@example.org", "ada@-x.org", strings.Repeat("a", 65) + "@example.org"} {
		if got, err := notify.ParseAddress(bad); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %q %v", bad, got, err)
		}
	}
}

// Proves E8: what somebody may not pull any more is in no letter, of one event or many.
func TestRightsAreAskedAtEachLetter_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	x.confirmed(index.NewSubscription{Receiver: ada, Frequency: "hourly"})
	x.hand.Advance(time.Second)
	x.tell(x.published("e1", "acme/hello"), x.published("e2", "acme/secret"))
	x.rights.private = "acme/secret"
	x.hand.Advance(time.Hour)
	x.drain()
	all := x.smtp.Letters()
	if len(all) != 2 || strings.Contains(all[1].Raw, "secret") || !strings.Contains(all[1].Body, "acme/hello") {
		t.Errorf("%d letters: %s", len(all), all[len(all)-1].Body)
	}
}

func TestServersAreChecked(t *testing.T) {
	t.Parallel()
	good := mail.Server{Host: "smtp.example.org", TLS: mail.StartTLS, From: "plugins@example.org"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*mail.Server){
		"none over a network": func(s *mail.Server) { s.TLS = mail.NonePlain }, "no security": func(s *mail.Server) { s.TLS = "" },
		"no host": func(s *mail.Server) { s.Host = "" }, "a URL": func(s *mail.Server) { s.Host = "smtp://x" }, "a port": func(s *mail.Server) { s.Port = 70000 },
		"no sender": func(s *mail.Server) { s.From = "" }, "two senders": func(s *mail.Server) { s.From = "a@example.org, b@example.org" },
		"a header": func(s *mail.Server) { s.From = "a@example.org\r\nBcc: x@example.org" }, "no user": func(s *mail.Server) { s.Password = "x" },
	} {
		bad := good
		change(&bad)
		if err := bad.Check(); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Proves E8: others who have letters sent to an address flood it not, and keep its owner
// not out: each of those letters confirms him too, whoever took his own back.
func TestOthersKeepNobodyOutOfHisAddress_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	for i := range 20 {
		s, err := x.service.CreateSubscription(x.as(fmt.Sprint("eve", i)), index.NewSubscription{Channel: notify.EmailChannel, Receiver: "ADA@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		x.drain()
		if i < 19 {
			err = x.service.RemoveSubscription(x.as(fmt.Sprint("eve", i)), s.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		x.hand.Advance(15 * time.Minute)
	}
	if n := len(x.smtp.Letters()); n != 3 {
		t.Errorf("%d letters to one person", n)
	}
	mine := x.subscribe(index.NewSubscription{Receiver: ada})
	all := x.smtp.Letters()
	if len(all) != 3 || mine.State != "unconfirmed" {
		t.Fatalf("%d letters, %+v", len(all), mine)
	}
	var p *index.Problem
	if _, err := x.service.ResendConfirmation(x.as("ada"), mine.ID); !errors.As(err, &p) || p.Status != 429 || !strings.Contains(p.Detail, "each of them confirms it for you") {
		t.Errorf("asked again: %v", err)
	}
	token := tokens.FindStringSubmatch(all[2].Body)[1]
	waits, err := x.mailboxes.Pending(t.Context(), token)
	if err != nil || len(waits) != 2 {
		t.Errorf("%+v %v", waits, err)
	}
	if _, err := x.mailboxes.Confirm(t.Context(), token, "", ""); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("for whom: %v", err)
	}
	if _, err := x.service.ConfirmAddress(x.as("bob"), index.MailToken{Token: token}); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("somebody who does not wait: %v", err)
	}
	if got, err := x.service.ConfirmAddress(x.as("ada"), index.MailToken{Token: token}); err != nil || got.Address != ada {
		t.Errorf("%+v %v", got, err)
	}
	if told, err := x.mailboxes.MayTell(t.Context(), "person:eve19", "ADA@example.org"); told || err != nil {
		t.Errorf("another account is told by it: %v %v", told, err)
	}
}

// Proves E8: who waited for two days without a yes waits again once he asks, though others
// used up the letters of the day, also those to all of "name+anything".
func TestOthersKeepNobodyOutOfHisAddressForLong_E8(t *testing.T) {
	t.Parallel()
	for _, address := range []string{ada, "ada+plugins@example.org"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			x := newSite(t, mailtest.Options{}, nil)
			mine := x.subscribe(index.NewSubscription{Receiver: address})
			x.hand.Advance(49 * time.Hour)
			for i := range 3 {
				if _, err := x.service.CreateSubscription(x.as(fmt.Sprint("eve", i)), index.NewSubscription{Channel: notify.EmailChannel, Receiver: address}); err != nil {
					t.Fatal(err)
				}
				x.drain()
				x.hand.Advance(15 * time.Minute)
			}
			var p *index.Problem
			if _, err := x.service.ResendConfirmation(x.as("ada"), mine.ID); !errors.As(err, &p) || p.Status != 429 || !strings.Contains(p.Detail, "each of them confirms it for you") {
				t.Errorf("asked again: %v", err)
			}
			all := x.smtp.Letters()
			token := tokens.FindStringSubmatch(all[len(all)-1].Body)[1]
			if got, err := x.service.ConfirmAddress(x.as("ada"), index.MailToken{Token: token}); err != nil || got.Address != address {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

// Proves E8: of two spellings of one address the page confirms that which its button names.
func TestAButtonConfirmsTheAddressThatItNames_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, mailtest.Options{}, nil)
	x.subscribe(index.NewSubscription{Receiver: ada})
	x.subscribe(index.NewSubscription{Receiver: "ADA@example.org"})
	x.drain()
	pages := mail.Pages(x.mailboxes, slog.New(slog.DiscardHandler))
	token := tokens.FindStringSubmatch(x.smtp.Letters()[0].Body)[1]
	shown := httptest.NewRecorder()
	pages.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, notify.ConfirmPath+"?token="+token, nil))
	form := regexp.MustCompile(`<form.*to ` + ada + `</button>`).FindString(shown.Body.String())
	values := url.Values{}
	for _, field := range regexp.MustCompile(`name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(form, -1) {
		values.Set(field[1], field[2])
	}
	send := httptest.NewRequest(http.MethodPost, notify.ConfirmPath, strings.NewReader(values.Encode()))
	send.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	pages.ServeHTTP(httptest.NewRecorder(), send)
	for address, want := range map[string]bool{ada: true, "ADA@example.org": false} {
		if told, err := x.mailboxes.MayTell(t.Context(), "person:ada", address); told != want || err != nil {
			t.Errorf("%s is told: %v %v", address, told, err)
		}
	}
}

func TestSpellingsOfOneMailbox_E8(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"Ada@Example.org": "ada@example.org", "a.da+x@gmail.com": "ada@gmail.com", "A.D.A@googlemail.com": "ada@gmail.com",
		"a.da@example.org": "a.da@example.org", "ada+x@example.org": "ada+x@example.org"} {
		if got := notify.MailboxOf(address); got != want {
			t.Errorf("%s: %s, expected %s", address, got, want)
		}
	}
}
