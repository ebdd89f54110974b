package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oarlock/oarlock/policy/signature"
)

// keyFlag is the private key that signs.
type keyFlag struct{ path, format string }

func (k *keyFlag) add(f *pflag.FlagSet) {
	f.StringVar(&k.path, "key", "", "private key `FILE`, env://NAME, or the URI of a service or token where the build has them; a file's password is taken from "+signature.PasswordVariable+", or asked for")
	f.StringVar(&k.format, "signature-format", "", "sigstore-bundle, as cosign 3 writes it, or cosign 2's forms cosign-referrer and cosign-tag; "+signature.DefaultFormat+" by default")
}

// signResult is what was signed.
type signResult struct{ signature.Signed }

func (r signResult) text(w io.Writer) error {
	if r.Already {
		return writeLine(w, "%s is signed by this key already (%s): nothing was written", r.Reference, r.Format)
	}
	return writeLine(w, "%s signed (%s)", r.Reference, r.Format)
}

func (c *console) sign(ctx context.Context, ref string, k keyFlag) (*signResult, error) {
	done, err := signature.Sign(ctx, signature.SignOptions{Reference: ref, Key: k.path, Format: k.format, Password: c.password(ctx), Remote: c.signatures(ref)})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	c.pushed(ctx, "sign", done.Reference, "")
	return &signResult{done}, nil
}

// signatures says how the registry of a reference is spoken to.
func (c *console) signatures(ref string) signature.Remote {
	return signature.Remote{PlainHTTP: c.plainHTTP, UserAgent: c.userAgent(), Keychain: keychain{c, registryOf(ref)}}
}

// password comes from the environment, or from a person at a terminal.
func (c *console) password(ctx context.Context) signature.Password {
	if c.person() == nil {
		return signature.EnvPassword(nil)
	}
	return signature.EnvPassword(func(confirm bool) ([]byte, error) {
		first, err := c.askSecret(ctx, "password of the key: ")
		if err != nil || !confirm {
			return first, err
		}
		second, err := c.askSecret(ctx, "the same again: ")
		if err == nil && string(first) != string(second) {
			err = usagef("the two passwords differ")
		}
		return first, err
	})
}

func newSign(c *console) *cobra.Command {
	var key keyFlag
	cmd := verb("sign REF --key K", "Sign a version in a registry",
		"Writes what cosign writes: \"cosign verify --key\" accepts it, and cosign's signatures count here.",
		"oarlock sign 127.0.0.1:7117/acme/hello@sha256:… --key acme.key", "COSIGN_PASSWORD= oarlock sign 127.0.0.1:7117/acme/hello:0.2.0 --key acme.key --signature-format cosign-tag")
	cmd.Args = args(1, 1, "one reference such as 127.0.0.1:7117/acme/hello:0.2.0")
	key.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if key.path == "" {
			return usagef("sign: with which key? give --key FILE (oarlock key generate makes one)")
		}
		if err := c.reference(args[0]); err != nil {
			return err
		}
		r, err := c.sign(cmd.Context(), args[0], key)
		if err != nil {
			return err
		}
		return c.print(*r)
	}
	return cmd
}
