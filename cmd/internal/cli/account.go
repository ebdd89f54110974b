package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

func newAccount(c *console) *cobra.Command {
	return parent("account", "Keep the accounts of people", newAccountCreate(c), newAccountList(c), newAccountChange(c), newAccountToken(c))
}

// accountPath names an account; its holder is person:<name>.
func accountPath(name, more string) string {
	return "/accounts/" + url.PathEscape("person:"+strings.TrimPrefix(name, "person:")) + more
}

// accountList is the accounts of people.
type accountList struct{ index.AccountList }

func (r accountList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no accounts")
	}
	return table(w, func(row func(...string)) {
		row("PRINCIPAL", "ROLES", "ISSUER", "LAST LOGIN", "STATE")
		for _, a := range r.Items {
			state := "active"
			if a.Disabled {
				state = "disabled"
			}
			row(a.Principal, strings.Join(a.Roles, ", "), a.Issuer, day(a.LoggedInAt, "-"), state)
		}
	})
}

func newAccountList(c *console) *cobra.Command {
	cmd := verb("list", "List accounts", "With their roles of the site.", "oarlock account list")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[accountList](cmd.Context(), c, http.MethodGet, "/accounts", nil)
		if err != nil {
			return fmt.Errorf("account list: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// accountResult is one account.
type accountResult struct{ index.Account }

func (r accountResult) text(w io.Writer) error {
	if len(r.Roles) == 0 {
		return writeLine(w, "%s", r.Principal)
	}
	return writeLine(w, "%s: %s", r.Principal, strings.Join(r.Roles, ", "))
}

func newAccountCreate(c *console) *cobra.Command {
	var q index.NewAccount
	cmd := verb("create NAME", "Make an account for a person", "For a site without an OpenID provider. It has no password: make a token for it, and hand it over.",
		"oarlock account create ada", "oarlock account create ben --role reviewer")
	cmd.Args = args(1, 1, "a name such as ada")
	cmd.Flags().StringArrayVar(&q.Roles, "role", nil, "`ROLE` of the site: admin, reviewer or operator; may be repeated")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q.Name = strings.TrimPrefix(args[0], "person:")
		r, err := call[accountResult](cmd.Context(), c, http.MethodPost, "/accounts", q)
		if err != nil {
			return fmt.Errorf("account create: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newAccountChange(c *console) *cobra.Command {
	var roles []string
	var disabled string
	cmd := verb("change NAME", "Change an account", "Disabling ends it with all its tokens and logins, at once.",
		"oarlock account change ada --role operator", "oarlock account change ada --disabled=true")
	cmd.Args = args(1, 1, "a name such as ada")
	cmd.Flags().StringArrayVar(&roles, "role", nil, "`ROLE` of the site in place of those before; may be repeated, and \"\" takes them all")
	cmd.Flags().StringVar(&disabled, "disabled", "", "true or false")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var change index.AccountChange
		if cmd.Flags().Changed("role") {
			held := []string{}
			for _, role := range roles {
				if role != "" {
					held = append(held, role)
				}
			}
			change.Roles = &held
		}
		if disabled != "" {
			yes, err := strconv.ParseBool(disabled)
			if err != nil {
				return usagef("--disabled %q: expected true or false", disabled)
			}
			change.Disabled = &yes
		}
		if change == (index.AccountChange{}) {
			return usagef("account change: nothing to change: give --role or --disabled")
		}
		return c.act(cmd, http.MethodPatch, accountPath(args[0], ""), change, "changed "+args[0])
	}
	return c.checked(cmd, func(args []string) string {
		if off, err := strconv.ParseBool(disabled); err != nil || !off {
			return ""
		}
		return "this disables " + args[0] + " and ends all its tokens and logins"
	})
}

func newAccountToken(c *console) *cobra.Command {
	var expires string
	cmd := verb("token NAME LABEL", "Make a token for an account", "Shown once, to be handed to its holder.", "oarlock account token ada laptop --expires 30d")
	cmd.Args = args(2, 2, "a name such as ada, and a label")
	cmd.Flags().StringVar(&expires, "expires", "90d", "when it ends: 90d, 12h or a time")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		until, err := parseExpiry(expires, time.Now())
		if err != nil {
			return err
		}
		r, err := call[createdToken](cmd.Context(), c, http.MethodPost, accountPath(args[0], "/tokens"), index.NewPersonalToken{Label: args[1], ExpiresAt: until})
		if err != nil {
			return fmt.Errorf("account token: %w", err)
		}
		return c.print(r)
	}
	return cmd
}
