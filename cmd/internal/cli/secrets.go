package cli

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/auth"
)

// takesTokens are the verbs that know what to do with a whole token as an argument.
var takesTokens = map[string]bool{"oarlock token revoke": true, "oarlock publisher accept": true}

// refuseTokens refuses a whole token as an argument: arguments become paths of
// requests, which servers and proxies write down.
func refuseTokens(cmd *cobra.Command, args []string) error {
	if takesTokens[cmd.CommandPath()] {
		return nil
	}
	for _, arg := range args {
		if shown := auth.HideTokens(arg); shown != arg {
			return usagef("%s: %s is a whole token, which is a secret; nothing was sent. Log in with it by OARLOCK_TOKEN or `oarlock login --password-stdin`, and name others by their principal, such as person:ada, and tokens by the id in `oarlock token list`",
				strings.TrimPrefix(cmd.CommandPath(), "oarlock "), shown)
		}
	}
	return nil
}

// tokenIDOf is the id of a token, which whoever has only the whole token may give
// as well. Its secret stays here.
func tokenIDOf(arg string) (string, error) {
	if !auth.LooksLikeToken(arg) {
		return arg, nil
	}
	t, err := auth.ParseToken(arg)
	if err != nil {
		return "", usagef("%s; nothing was sent: give the whole token, or its id, as token list shows it", err)
	}
	return t.ID(), nil
}

// refusePrivateKey refuses the content of a file that was given as a public key
// and holds a private one, before anybody else sees it.
func refusePrivateKey(path string, content []byte) error {
	if !bytes.Contains(content, []byte("PRIVATE KEY")) {
		return nil
	}
	public := "the file of its public key"
	if name, ok := strings.CutSuffix(path, ".key"); ok {
		public = name + ".pub"
	}
	return usagef("%s holds a private key, which nobody else may see; nothing was sent: give %s", path, public)
}
