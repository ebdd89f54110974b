package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index"
)

func newPublisherKeys(c *console) *cobra.Command {
	return parent("key", "Add and revoke the keys of a publisher", newPublisherKeyAdd(c), newPublisherKeyRevoke(c))
}

func newPublisherKeyAdd(c *console) *cobra.Command {
	var name, from string
	cmd := verb("add NAMESPACE FILE", "Add a public key to a publisher",
		"As a statement in the publisher's ledger, which mirrors carry. Keys may overlap: add the next one\n"+
			"before the one in use is revoked.",
		"oarlock publisher key add acme acme.pub", "oarlock publisher key add acme next.pub --name release-2027 --from 2027-01-01T00:00:00Z")
	namespaceArg(cmd, 1, "a publisher name and the file of a public key")
	cmd.Flags().StringVar(&name, "name", "", "what the key is called; the file's name without its ending by default")
	cmd.Flags().StringVar(&from, "from", "", "`TIME` from which what it signs counts, if signatures prove theirs; always by default")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		text, err := bounded.ReadArgument(cmd.Context(), args[1], bounded.Key)
		if err != nil {
			return fmt.Errorf("publisher key add: %w", err)
		}
		if err := refusePrivateKey(args[1], text); err != nil {
			return err
		}
		k := index.NewPublisherKey{Name: name, PEM: string(text)}
		if name == "" {
			k.Name = strings.TrimSuffix(filepath.Base(args[1]), filepath.Ext(args[1]))
		}
		if k.From, err = timeFlag("from", from); err != nil {
			return err
		}
		return c.changePublisher(cmd, http.MethodPost, publisherPath(args[0], "/keys"), k)
	}
	return cmd
}

func newPublisherKeyRevoke(c *console) *cobra.Command {
	var from, reason string
	cmd := verb("revoke NAMESPACE ID", "Revoke a key of a publisher",
		"Nothing that it signed from that time on counts. Say a time in the past for a key that was stolen\n"+
			"before it was noticed.",
		"oarlock publisher key revoke acme sha256:… --reason \"the laptop was stolen\" --from 2026-03-01T00:00:00Z --yes")
	namespaceArg(cmd, 1, "a publisher name and the id of one of its keys, as publisher show prints it")
	cmd.Flags().StringVar(&from, "from", "", "`TIME` from which nothing that it signed counts; now by default")
	cmd.Flags().StringVar(&reason, "reason", "", "why; everybody can read it")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if reason == "" {
			return usagef("publisher key revoke: why? give --reason")
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r := index.KeyRevocation{Reason: reason}
		var err error
		if r.From, err = timeFlag("from", from); err != nil {
			return err
		}
		return c.changePublisher(cmd, http.MethodPost, publisherPath(args[0], "/keys/"+url.PathEscape(args[1])+"/revoke"), r)
	}
	return c.confirmed(cmd, func(args []string) string { return "this revokes the key " + args[1] + " of " + args[0] })
}

func timeFlag(name, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, usagef("--%s %q: expected a time such as 2026-03-01T00:00:00Z", name, text)
	}
	return &t, nil
}

// changePublisher calls what appends to a ledger and shows the publisher after it.
func (c *console) changePublisher(cmd *cobra.Command, method, path string, body any) error {
	r, err := call[publisherResult](cmd.Context(), c, method, path, body)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.TrimPrefix(cmd.CommandPath(), "oarlock "), err)
	}
	return c.print(r)
}

func newPublisherVerify(c *console) *cobra.Command {
	var domain, note string
	var organisation, administrator bool
	cmd := verb("verify NAMESPACE (--dns DOMAIN | --oidc | --administrator)", "Verify a publisher",
		"Says in its ledger that it is who it seems to be, and by what: a TXT record of a domain (without one\n"+
			"it says which is missing), the organisation of your login, or an administrator's word.",
		"oarlock publisher verify acme --dns acme.example.org", "oarlock publisher verify acme --oidc", "oarlock publisher verify acme --administrator --note \"contract of 2026\"")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.Flags().StringVar(&domain, "dns", "", "`DOMAIN` whose TXT record names the publisher")
	cmd.Flags().BoolVar(&organisation, "oidc", false, "by the claims of the login that you have")
	cmd.Flags().BoolVar(&administrator, "administrator", false, "by your word, for admins and reviewers of the site")
	cmd.Flags().StringVar(&note, "note", "", "what was looked at, with --administrator; everybody can read it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		v := index.VerifyRequest{Domain: domain, Note: note}
		given := 0
		for evidence, yes := range map[string]bool{"dns": domain != "", "oidc": organisation, "administrator": administrator} {
			if yes {
				v.Evidence = evidence
				given++
			}
		}
		if given != 1 {
			return usagef("publisher verify: by what? give one of --dns DOMAIN, --oidc and --administrator")
		}
		return c.changePublisher(cmd, http.MethodPost, publisherPath(args[0], "/verification"), v)
	}
	return cmd
}

func newPublisherUnverify(c *console) *cobra.Command {
	var reason string
	cmd := verb("unverify NAMESPACE", "Take back that a publisher is verified", "With the reason, which everybody can read.",
		"oarlock publisher unverify acme --reason \"the domain was sold\"")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if reason == "" {
			return usagef("publisher unverify: why? give --reason")
		}
		return c.changePublisher(cmd, http.MethodDelete, publisherPath(args[0], "/verification?reason="+url.QueryEscape(reason)), nil)
	}
	return cmd
}
