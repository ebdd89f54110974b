package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/cmd/internal/app"
	"github.com/oarlock/oarlock/index"
)

func newToken(c *console) *cobra.Command {
	return parent("token", "Make, list and revoke tokens", newTokenCreate(c), newTokenList(c), newTokenRevoke(c), newTokenRecover(c), newTokenGenerate(c))
}

// createdToken is a token on the only occasion that it is shown.
type createdToken struct{ index.CreatedToken }

// text is the secret alone, so that it can be piped; the rest is told beside.
func (r createdToken) text(w io.Writer) error { return writeLine(w, "%s", r.Secret) }

func newTokenCreate(c *console) *cobra.Command {
	var q index.NewToken
	var expires string
	cmd := verb("create LABEL", "Make a token, and show it once",
		"A robot token may do what its scopes say and nothing else: repository:NAME:ACTIONS, where a name may\n"+
			"end in /* and the actions are pull, push, publish, delete, promote and lifecycle. Nobody can give\n"+
			"what he does not have. The token is the password of any OCI client; the user name is free.",
		"oarlock token create ci --namespace acme --scope repository:acme/*:pull,push,publish,promote --expires 90d",
		"oarlock token create laptop --kind personal --expires 30d")
	cmd.Args = args(1, 1, "a label such as ci")
	cmd.Flags().StringVar(&q.Kind, "kind", "robot", "robot, personal or admin")
	cmd.Flags().StringVar(&q.Namespace, "namespace", "", "`NAMESPACE` of a robot")
	cmd.Flags().StringArrayVar(&q.Scopes, "scope", nil, "what it may do, such as `repository:acme/*:pull`; may be repeated")
	cmd.Flags().StringVar(&expires, "expires", "90d", "when it ends: days such as 90d, a duration such as 12h, a time, or never (admin tokens only)")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		q.Label = args[0]
		if q.ExpiresAt, err = parseExpiry(expires, time.Now()); err != nil {
			return err
		}
		r, err := call[createdToken](cmd.Context(), c, http.MethodPost, "/tokens", q)
		if err != nil {
			return fmt.Errorf("token create: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		c.note("token %s of %s: it is not shown again", r.ID, r.Principal)
		return nil
	}
	return cmd
}

// parseExpiry reads "90d", "12h", an RFC 3339 time, or "never".
func parseExpiry(s string, now time.Time) (time.Time, error) {
	if s == "never" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	text, unit := s, time.Duration(1)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		text, unit = days+"h", 24
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > 100*366*24*time.Hour/unit {
		return time.Time{}, usagef("--expires %q: expected 90d, 12h, a time such as 2027-01-02T15:04:05Z, or never", s)
	}
	return now.Add(d * unit).UTC().Truncate(time.Second), nil
}

// tokenList is credentials without their secrets.
type tokenList struct{ index.TokenList }

func (r tokenList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no tokens")
	}
	return table(w, func(row func(...string)) {
		row("ID", "PRINCIPAL", "KIND", "SCOPES", "EXPIRES", "LAST USE", "STATE")
		for _, t := range r.Items {
			row(t.ID, t.Principal, t.Kind, strings.Join(t.Scopes, " "), day(t.ExpiresAt, "never"), day(t.UsedAt, "-"), tokenState(t, time.Now()))
		}
	})
}

func tokenState(t index.Token, now time.Time) string {
	switch {
	case t.RevokedAt != nil:
		return "revoked"
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
		return "expired"
	}
	return "valid"
}

func day(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// instant is a time to the second, as people and programs read it.
func instant(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return t.UTC().Format(time.RFC3339)
}

func newTokenList(c *console) *cobra.Command {
	var namespace string
	var mine bool
	cmd := verb("list", "List tokens", "Those of a namespace, one's own, or those of the site. Secrets are kept nowhere.",
		"oarlock token list --namespace acme", "oarlock token list --mine --output json")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().StringVar(&namespace, "namespace", "", "those of this `NAMESPACE`")
	cmd.Flags().BoolVar(&mine, "mine", false, "one's own")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"namespace": {namespace}, "mine": {fmt.Sprint(mine)}}
		r, err := call[tokenList](cmd.Context(), c, http.MethodGet, "/tokens?"+q.Encode(), nil)
		if err != nil {
			return fmt.Errorf("token list: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// doneResult says what an act did that answers nothing else.
type doneResult struct {
	Did string `json:"did"`
}

func (r doneResult) text(w io.Writer) error { return writeLine(w, "%s", r.Did) }

// act calls what answers nothing, and says that it is done.
func (c *console) act(cmd *cobra.Command, method, path string, body any, did string) error {
	if _, err := call[struct{}](cmd.Context(), c, method, path, body); err != nil {
		return fmt.Errorf("%s: %w", strings.TrimPrefix(cmd.CommandPath(), "oarlock "), err)
	}
	return c.print(doneResult{did})
}

func newTokenRevoke(c *console) *cobra.Command {
	cmd := verb("revoke ID", "Revoke a token", "Ends it at once, with every login that was made by it. Of a whole token its id is sent and nothing else.", "oarlock token revoke 3yPq0aZk2Bd --yes")
	cmd.Args = func(cmd *cobra.Command, got []string) error {
		if err := args(1, 1, "the id of a token, as token list shows it")(cmd, got); err != nil {
			return err
		}
		_, err := tokenIDOf(got[0])
		return err
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := tokenIDOf(args[0])
		if err != nil {
			return err
		}
		return c.act(cmd, http.MethodDelete, "/tokens/"+url.PathEscape(id), nil, "revoked "+id)
	}
	return c.confirmed(cmd, func(args []string) string {
		id, _ := tokenIDOf(args[0]) // held to its grammar above
		return "this revokes the token " + id + " and every login made by it"
	})
}

func newTokenRecover(c *console) *cobra.Command {
	cmd := verb("recover", "Make another admin token, on the server's own machine",
		"For an operator who lost all of them: it opens the data directory, or the database, and asks nobody.",
		"oarlock token recover --data /var/lib/oarlock", "oarlock token recover --config /etc/oarlock.yaml")
	cmd.Args = args(0, 0, "none")
	serverFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd.Context(), cmd.Flags())
		if err != nil {
			return err
		}
		privateFiles()
		secret, until, err := app.RecoverAdmin(cmd.Context(), cfg)
		if err != nil {
			return fmt.Errorf("token recover: %w", err)
		}
		if until.IsZero() {
			return c.print(secretResult{Secret: secret})
		}
		c.note("it ends at %s: make another before, oarlock token create NAME --kind admin", until.Format(time.RFC3339))
		return c.print(secretResult{secret, &until})
	}
	return cmd
}

// secretResult is a token of which nothing else is known here.
type secretResult struct {
	Secret    string     `json:"secret"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func (r secretResult) text(w io.Writer) error { return writeLine(w, "%s", r.Secret) }

func newTokenGenerate(c *console) *cobra.Command {
	cmd := verb("generate", "Draw a token for a site that is to be founded",
		"Nobody knows it yet: the first start of a server takes it as its first admin token where\n"+
			"OARLOCK_BOOTSTRAP_TOKEN holds it. Later starts pass it over.",
		"oarlock token generate")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(*cobra.Command, []string) error { return c.print(secretResult{Secret: app.GenerateToken()}) }
	return cmd
}
