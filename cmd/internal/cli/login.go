package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	"github.com/oarlock/oarlock/artifact/logins"
)

// loginResult names the registry of a login.
type loginResult struct {
	Registry string `json:"registry"`
	Did      string `json:"did"`
}

func (r loginResult) text(w io.Writer) error { return writeLine(w, "%s %s", r.Did, r.Registry) }

// loginFlags are the ways to log in, of which one is taken.
type loginFlags struct {
	user, password             string
	fromStdin, browser, device bool
}

func newLogin(c *console) *cobra.Command {
	var how loginFlags
	cmd := verb("login REGISTRY", "Log in to a registry",
		"Writes the store that docker and oras use, so that each finds the login of the others. With --browser\n"+
			"or --device a person logs in through the OpenID provider of the registry, and the token that comes\n"+
			"of it is stored. A registry with a catalog is from then on the one that is asked where neither --server nor\n"+
			"OARLOCK_SERVER says otherwise; \"oarlock whoami\" names it.",
		"oarlock login registry.example.org --username ci --password-stdin < token", "oarlock login 127.0.0.1:7117 -u admin -p TOKEN",
		"oarlock login registry.example.org --browser")
	cmd.Args = args(1, 1, "one registry such as registry.example.org")
	f := cmd.Flags()
	f.StringVarP(&how.user, "username", "u", "", "user name")
	f.StringVarP(&how.password, "password", "p", "", "password or token; others on this machine may see it, so rather --password-stdin")
	f.BoolVar(&how.fromStdin, "password-stdin", false, "read the password or token from stdin")
	f.BoolVar(&how.browser, "browser", false, "log in with a browser on this machine")
	f.BoolVar(&how.device, "device", false, "log in with a browser on another machine")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := loginStore("login")
		if err != nil {
			return err
		}
		reg, err := remote.NewRegistry(args[0])
		if err != nil {
			return usagef("registry %q: expected a host such as registry.example.org", args[0])
		}
		reg.PlainHTTP = c.scheme(cmd.Context(), args[0]) == "http"
		credential, err := c.credential(cmd.Context(), args[0], how)
		if err != nil {
			return err
		}
		if err := credentials.Login(cmd.Context(), store, reg, credential); err != nil {
			return fmt.Errorf("login: %w", err)
		}
		if err := c.rememberLogin(cmd.Context(), args[0]); err != nil {
			c.note("warning: %s is not the default server: %s", args[0], err)
		}
		if os.Getenv(tokenEnv) != "" {
			c.note("warning: %s is set and is used in place of stored logins: unset it to use this one", tokenEnv)
		}
		return c.print(loginResult{args[0], "logged in to"})
	}
	return cmd
}

// credential asks for what how says.
func (c *console) credential(ctx context.Context, host string, how loginFlags) (auth.Credential, error) {
	ways := 0
	for _, given := range []bool{how.fromStdin, how.password != "", how.browser, how.device} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return auth.Credential{}, usagef("login: --password, --password-stdin, --browser, --device: give one")
	case how.browser, how.device:
		login := c.loginBrowser
		if how.device {
			login = c.loginDevice
		}
		p, err := login(ctx, host)
		if err != nil {
			return auth.Credential{}, fmt.Errorf("login: %w", err)
		}
		_, user, _ := strings.Cut(p.Principal, ":")
		return auth.Credential{Username: user, Password: p.Token}, nil
	case how.password == "":
		var err error
		if how.password, err = c.loginPassword(ctx, how.fromStdin); err != nil {
			return auth.Credential{}, err
		}
	}
	if how.user == "" {
		return auth.Credential{RefreshToken: how.password}, nil
	}
	return auth.Credential{Username: how.user, Password: how.password}, nil
}

func (c *console) loginPassword(ctx context.Context, fromStdin bool) (string, error) {
	if fromStdin {
		raw, err := io.ReadAll(io.LimitReader(c.stdin(ctx, "the password or token"), 64<<10))
		return strings.TrimRight(string(raw), "\r\n"), err
	}
	if c.person() == nil {
		return "", usagef("login: no terminal to ask for the password: give --password-stdin")
	}
	raw, err := c.askSecret(ctx, "password or token: ")
	return string(raw), err
}

// loginStore opens the store that docker and oras use, for writing.
func loginStore(verb string) (credentials.Store, error) {
	store, err := logins.Writable()
	if errors.Is(err, logins.ErrNoHome) {
		return nil, usagef("%s: %s, so there is no place for logins: set DOCKER_CONFIG to a folder, or %s to a token instead", verb, logins.ErrNoHome, tokenEnv)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", verb, err)
	}
	return store, nil
}

func newLogout(c *console) *cobra.Command {
	cmd := verb("logout REGISTRY", "Forget the login of a registry", "In the store that docker and oras use.", "oarlock logout registry.example.org")
	cmd.Args = args(1, 1, "one registry such as registry.example.org")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := loginStore("logout")
		if err != nil {
			return err
		}
		if err := credentials.Logout(cmd.Context(), store, args[0]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("logout: %w", err)
		}
		if err := forgetLogin(args[0]); err != nil {
			return fmt.Errorf("logout: %w", err)
		}
		return c.print(loginResult{args[0], "logged out of"})
	}
	return cmd
}
