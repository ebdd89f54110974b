package mail

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	html "html/template"
	"net"
	"slices"
	"strings"
	text "text/template"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
)

//go:embed templates
var files embed.FS

var (
	plain  = text.Must(text.ParseFS(files, "templates/*.txt"))
	marked = html.Must(html.ParseFS(files, "templates/*.html"))
)

// said are what types of events say of their subject.
var said = map[notify.Type]string{
	notify.PluginPublished: "was published", notify.PublishApproved: "was approved",
	notify.PluginDeprecated: "is deprecated", notify.PluginUndeprecated: "is not deprecated any more",
	notify.PluginSuspended: "is suspended", notify.PluginResumed: "is resumed",
	notify.PluginRemoved: "is removed", notify.PluginRestored: "is restored",
	notify.VersionYanked: "is yanked", notify.VersionUnyanked: "is not yanked any more",
	notify.VersionBlocked: "is blocked: it cannot be pulled", notify.VersionUnblocked: "is not blocked any more",
	notify.VersionQuarantined: "is in quarantine: its stored bytes are damaged", notify.VersionUnquarantined: "is whole again",
	notify.EmergencyRequested: "should be stopped, an owner asks: an admin decides", notify.EmergencyProposed: "is blocked for a day: another person confirms the emergency, or lets it end",
	notify.EmergencyDeclared: "must not run: it was removed in an emergency", notify.EmergencyUndone: "may run again: its emergency was undone",
	notify.ChannelMoved: "has a channel that was moved", notify.OwnerChanged: "has another owner",
	notify.PublisherClosed: "is closed", notify.PublisherVerified: "is verified", notify.PublisherUnverified: "is not verified any more",
	notify.KeyAdded: "has a new signing key", notify.KeyRevoked: "had a signing key revoked",
}

// shown are the details that a letter says, in this order.
var shown = []struct{ key, name string }{
	{"reason", "Reason"}, {"text", "Text"}, {"replacement", "Replacement"}, {"guide", "Guide"}, {"end_of_life", "End of life"},
	{"until", "Until"}, {"channel", "Channel"}, {"ends_at", "Ends"},
	{"emergency", "Emergency"}, {"by", "By"}, {"expires_at", "Ends by itself"},
}

// An item is one event as a letter says it.
type item struct {
	Line    string
	At      string
	Details []detail
	Page    string
}

type detail struct{ Name, Value string }

// A page is what the templates show.
type page struct {
	Site, Subject string
	Items         []item
	Unsubscribe   string
	Owner         string
	Link, Token   string
}

// letter writes one event, or those of a period.
func (m *Mailer) letter(told notify.Message) (*gomail.Msg, error) {
	p := page{Site: m.o.Site, Owner: clean(told.Subscription.Owner), Unsubscribe: m.o.Links.Unsubscribe(told.Subscription.ID)}
	ids := []string{told.Delivery}
	for _, one := range append([]notify.Message{told}, told.Rest...) {
		it, err := m.item(one.Event)
		if err != nil {
			return nil, err
		}
		p.Items = append(p.Items, it)
	}
	for _, one := range told.Rest {
		ids = append(ids, one.Delivery)
	}
	p.Subject = p.Items[0].Line
	if len(p.Items) > 1 {
		p.Subject = fmt.Sprintf("%d events", len(p.Items))
	}
	letter, err := m.write(told.Subscription.Receiver, idOf(ids...), "event", p)
	if err != nil {
		return nil, err
	}
	letter.SetGenHeaderPreformatted("List-Unsubscribe", "<"+p.Unsubscribe+">")
	letter.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	letter.SetGenHeader("List-ID", "<notifications."+m.domain()+">")
	return letter, nil
}

// request writes the letter that asks to confirm an address.
func (m *Mailer) request(r notify.Request) (*gomail.Msg, error) {
	return m.write(r.Mailbox.Address, idOf("confirm", r.Token), "confirm", page{
		Site: m.o.Site, Subject: "Confirm this address", Owner: clean(r.Mailbox.Owner), Link: r.Link, Token: r.Token,
	})
}

// idOf follows from what is in a letter, whatever the order.
func idOf(parts ...string) string {
	slices.Sort(parts)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (m *Mailer) item(e notify.Event) (item, error) {
	var data index.EventData
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return item{}, fmt.Errorf("event %s: %w", e.ID, err)
	}
	it := item{Line: clean(e.Subject()) + " " + cmp.Or(said[e.Type], clean(e.Type.Short())), At: e.At.UTC().Format("2006-01-02 15:04 UTC")}
	for _, one := range shown {
		if v, has := data.Details[one.key]; has && v != "" && v != nil {
			it.Details = append(it.Details, detail{one.name, clean(fmt.Sprint(v))})
		}
	}
	if len(data.Versions) > 1 {
		it.Details = append(it.Details, detail{"Versions", clean(strings.Join(data.Versions, ", "))})
	}
	if e.Digest != "" {
		it.Details = append(it.Details, detail{"Digest", clean(string(e.Digest))})
	}
	if e.Plugin != "" {
		it.Page = m.o.Links.Plugin(e.Plugin, "")
	}
	return it, nil
}

func (m *Mailer) write(to, id, template string, p page) (*gomail.Msg, error) {
	from, err := m.o.Server.sender()
	if err != nil {
		return nil, err
	}
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := letter.FromFormat(from.Name, from.Address); err != nil {
		return nil, err
	}
	if err := letter.To(to); err != nil {
		return nil, err
	}
	letter.Subject("[" + m.o.Site + "] " + p.Subject)
	letter.SetMessageIDWithValue(id + "@" + m.domain())
	letter.SetDateWithValue(m.o.Clock.Now().UTC().Truncate(time.Second))
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	var body, rich bytes.Buffer
	if err := plain.ExecuteTemplate(&body, template+".txt", p); err != nil {
		return nil, err
	}
	if err := marked.ExecuteTemplate(&rich, template+".html", p); err != nil {
		return nil, err
	}
	letter.SetBodyString(gomail.TypeTextPlain, body.String())
	letter.AddAlternativeString(gomail.TypeTextHTML, rich.String())
	return letter, nil
}

// domain is the site's without a port.
func (m *Mailer) domain() string {
	host, _, err := net.SplitHostPort(m.o.Site)
	if err != nil {
		host = m.o.Site
	}
	return strings.NewReplacer("[", "", "]", "", ":", "-").Replace(host)
}

// most is how long one value in a letter is, in runes.
const most = 1000

// clean is s in one line, bounded, without what no reader of mail should be given:
// control characters, and those that turn the direction of what follows.
func clean(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
