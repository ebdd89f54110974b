package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/policy/signature"
)

// keyResult names the two files of a new key.
type keyResult struct {
	Private string `json:"private"`
	Public  string `json:"public"`
}

func (r keyResult) text(w io.Writer) error {
	return writeLine(w, "%s (keep it) and %s (give it away)", r.Private, r.Public)
}

func newKey(c *console) *cobra.Command {
	generate := verb("generate NAME", "Make a key pair for signing",
		"NAME.key is encrypted with a password and in cosign's form, so that cosign signs with it too;\n"+
			"NAME.pub goes into trust policies. Nothing that is there is replaced.",
		"oarlock key generate acme", "COSIGN_PASSWORD= oarlock key generate ci")
	generate.Args = args(1, 1, "a name for the two files")
	generate.RunE = func(cmd *cobra.Command, args []string) error {
		r := keyResult{args[0] + ".key", args[0] + ".pub"}
		for _, path := range []string{r.Private, r.Public} {
			if err := outArgument(path); err != nil {
				return fmt.Errorf("key generate: %w", err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("key generate: %s is there already: %w", path, artifact.ErrConflict)
			}
		}
		pair, err := signature.GenerateKeyPair(c.password(cmd.Context()))
		if err != nil {
			return err
		}
		if err := writeNew(r.Private, pair.Private, 0o600); err != nil {
			return err
		}
		if err := writeNew(r.Public, pair.Public, 0o644); err != nil {
			return err
		}
		return c.print(r)
	}
	return parent("key", "Make keys for signing, and show their public halves", generate, newKeyPublic(c))
}

// publicKeyResult is the public half of a key, as trust policies take it.
type publicKeyResult struct {
	PublicKey string `json:"public_key"`
}

func (r publicKeyResult) text(w io.Writer) error {
	_, err := io.WriteString(w, r.PublicKey)
	return err
}

func newKeyPublic(c *console) *cobra.Command {
	cmd := verb("public KEY", "Print the public half of a key",
		"KEY is what sign takes: a file, env://NAME, or the URI of a service or token. Trust policies take what is printed.",
		"oarlock key public acme.key > acme.pub", "oarlock key public 'pkcs11:token=acme;object=release' > release.pub")
	cmd.Args = args(1, 1, "one key")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key, err := signature.OpenKey(cmd.Context(), args[0], c.password(cmd.Context()))
		if err != nil {
			return fmt.Errorf("key public: %w", err)
		}
		return c.print(publicKeyResult{string(key.PublicKey())})
	}
	return cmd
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, content []byte, mode os.FileMode) error {
	if err := durable.Create(path, content, mode); err != nil {
		return fmt.Errorf("key generate: %w", err)
	}
	return nil
}
