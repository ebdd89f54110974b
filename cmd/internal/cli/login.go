package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	oarlock "github.com/oarlock/oarlock/registry/remote"
)

// loginResult names the registry of a login.
type loginResult struct {
	Registry string `json:"registry"`
	Did      string `json:"did"`
}

func (r loginResult) text(w io.Writer) error { return sentence(w, "%s %s", r.Did, r.Registry) }

func newLogin(c *console) *cobra.Command {
	var user, password string
	var fromStdin bool
	cmd := verb("login REGISTRY", "Log in to a registry",
		"Writes the store that docker and oras use, so that each finds the login of the others.",
		"oarlock login registry.example.org --username ci --password-stdin < token", "oarlock login 127.0.0.1:7117 -u admin -p TOKEN")
	cmd.Args = args(1, 1, "one registry such as registry.example.org")
	cmd.Flags().StringVarP(&user, "username", "u", "", "user name")
	cmd.Flags().StringVarP(&password, "password", "p", "", "password or token; others on this machine may see it, so rather --password-stdin")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password or token from stdin")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{AllowPlaintextPut: true})
		if err != nil {
			return fmt.Errorf("login: %w", err)
		}
		switch {
		case fromStdin && password != "":
			return usagef("login: --password and --password-stdin: give one")
		case password == "":
			if password, err = c.loginPassword(fromStdin); err != nil {
				return err
			}
		}
		reg, err := remote.NewRegistry(args[0])
		if err != nil {
			return usagef("registry %q: expected a host such as registry.example.org", args[0])
		}
		reg.PlainHTTP = c.plainHTTP || oarlock.Loopback(args[0])
		credential := auth.Credential{Username: user, Password: password}
		if user == "" {
			credential = auth.Credential{RefreshToken: password}
		}
		if err := credentials.Login(cmd.Context(), store, reg, credential); err != nil {
			return fmt.Errorf("login: %w", err)
		}
		return c.print(loginResult{args[0], "logged in to"})
	}
	return cmd
}

func (c *console) loginPassword(fromStdin bool) (string, error) {
	if fromStdin {
		raw, err := io.ReadAll(io.LimitReader(c.In, 64<<10))
		return strings.TrimRight(string(raw), "\r\n"), err
	}
	in, ok := c.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usagef("login: no terminal to ask for the password: give --password-stdin")
	}
	fmt.Fprint(c.Err, "password or token: ")
	raw, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(c.Err)
	return string(raw), err
}

func newLogout(c *console) *cobra.Command {
	cmd := verb("logout REGISTRY", "Forget the login of a registry", "In the store that docker and oras use.", "oarlock logout registry.example.org")
	cmd.Args = args(1, 1, "one registry such as registry.example.org")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
		if err != nil {
			return fmt.Errorf("logout: %w", err)
		}
		if err := credentials.Logout(cmd.Context(), store, args[0]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("logout: %w", err)
		}
		return c.print(loginResult{args[0], "logged out of"})
	}
	return cmd
}
