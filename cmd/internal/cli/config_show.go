package cli

import (
	"context"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact/logins"
)

// Where a setting comes from.
const (
	fromFlag        = "flag"
	fromEnvironment = "environment"
	fromFile        = "file"
	fromDefault     = "default"
	fromNowhere     = "none"
)

// hiddenToken stands for a secret that is there.
const hiddenToken = "xxxxx"

// clientSetting is one setting of this program as a client, and where it was found.
type clientSetting struct {
	Value string `json:"value"`
	From  string `json:"from"`         // flag, environment, file, default or none
	At    string `json:"at,omitempty"` // the flag, the variable or the file
	Note  string `json:"note,omitempty"`
}

// clientResult is what this program works with when it asks a server.
type clientResult struct {
	Server  clientSetting  `json:"server"`
	Login   clientSetting  `json:"login"`
	Policy  clientSetting  `json:"policy"`
	Catalog *clientSetting `json:"catalog,omitempty"` // a signed catalog that is asked in place of the server
	Root    *clientSetting `json:"root,omitempty"`
}

func (r clientResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("SETTING", "VALUE", "FROM", "AT", "NOTE")
		one := func(name string, s *clientSetting) {
			if s != nil {
				row(name, s.Value, s.From, s.At, s.Note)
			}
		}
		one("server", &r.Server)
		one("login", &r.Login)
		one("policy", &r.Policy)
		one("catalog", r.Catalog)
		one("root", r.Root)
	})
}

func newConfigShow(c *console) *cobra.Command {
	cmd := verb("show", "Print what this program asks servers with, and where it is set",
		"The server that catalog verbs ask: of --server, else of OARLOCK_SERVER, else of the last login, else the one\n"+
			"on this machine. The login for it, whose secret is not shown, and the trust policy. Nobody is asked.",
		"oarlock config show", "oarlock config show --output json", "oarlock config")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return c.print(c.settings(cmd.Context())) }
	return cmd
}

func (c *console) settings(ctx context.Context) clientResult {
	r := clientResult{Server: c.serverSetting(), Policy: policySetting(),
		Catalog: envSetting(catalogEnv), Root: envSetting(rootEnv)}
	r.Login = c.loginSetting(ctx, hostOf(strings.TrimSpace(c.serverURL())))
	return r
}

// serverSetting is the server as serverURL finds it.
func (c *console) serverSetting() clientSetting {
	s := clientSetting{Value: withoutSecret(c.serverURL())}
	path, err := lastLogin()
	switch {
	case c.server != "" && c.signed.serverGiven:
		s.From, s.At = fromFlag, "--server"
	case c.server != "":
		s.From, s.At = fromEnvironment, "OARLOCK_SERVER"
	case err == nil && defaultServer() != localServer:
		s.From, s.At, s.Note = fromFile, path, "the last login"
	default:
		s.From = fromDefault
	}
	return s
}

// loginSetting is whether there is a token for the server, as token finds it.
func (c *console) loginSetting(ctx context.Context, host string) clientSetting {
	switch found, err := c.token(ctx, host); {
	case err != nil:
		return clientSetting{From: fromNowhere, Note: err.Error()}
	case found == "":
		return clientSetting{From: fromNowhere, Note: "oarlock login " + host + " makes one"}
	case found == os.Getenv(tokenEnv):
		return clientSetting{Value: hiddenToken, From: fromEnvironment, At: tokenEnv}
	}
	return clientSetting{Value: hiddenToken, From: fromFile, At: loginFile()}
}

// loginFile is the file that logins are kept in.
func loginFile() string {
	path, err := logins.Path()
	if err != nil {
		return ""
	}
	return path
}

// policySetting is the trust policy as defaultPolicy finds it.
func policySetting() clientSetting {
	path := defaultPolicy()
	switch {
	case path == "":
		return clientSetting{From: fromNowhere, Note: "--key, --policy or " + policyEnv + " say whom you trust"}
	case os.Getenv(policyEnv) != "":
		return clientSetting{Value: path, From: fromEnvironment, At: policyEnv}
	}
	return clientSetting{Value: path, From: fromFile, At: path}
}

func envSetting(name string) *clientSetting {
	if v := os.Getenv(name); v != "" {
		return &clientSetting{Value: withoutSecret(v), From: fromEnvironment, At: name}
	}
	return nil
}

// withoutSecret hides the password of a URL, and all of what cannot be read as one.
func withoutSecret(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	text, bare := s, !strings.Contains(s, "://")
	if bare {
		text = "//" + s
	}
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return hiddenToken
	}
	u.User = url.User(hiddenToken)
	if bare {
		return strings.TrimPrefix(u.String(), "//")
	}
	return u.String()
}
