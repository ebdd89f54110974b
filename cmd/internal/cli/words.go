package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// words are what a shell offers for flags that take one of a closed list, by
// the path of the command.
var words = map[string]map[string][]string{
	"search": {
		"state":              {"active", "deprecated", "suspended", "removed", "emergency-removed"},
		"sort":               {"relevance", "updated", "name"},
		"signature":          {"verified", "unverified", "unsigned", "invalid"},
		"verified":           {"true", "false"},
		"publisher-verified": {"true", "false"},
		"has":                {"sbom", "provenance", "test-result", "vulnerabilities", "review"},
		"facets":             {"category", "publisher", "license", "niche", "tier", "state", "verified", "source", "platform", "channel", "signature", "publisher_verified"},
	},
	"sign":                  {"signature-format": formats},
	"attest":                {"signature-format": formats},
	"push":                  {"signature-format": formats},
	"token create":          {"kind": {"robot", "personal", "admin"}},
	"account create":        {"role": siteRoles},
	"account change":        {"role": siteRoles},
	"publisher members add": {"role": roles},
	"publisher invite":      {"role": roles},
	"publisher configure":   {"publishing": {"on", "off"}},
	"block":                 {"code": {"blocked", "emergency_removed"}},
}

var (
	formats   = []string{"sigstore-bundle", "cosign-referrer", "cosign-tag"}
	roles     = []string{"owner", "maintainer", "publisher", "reader"}
	siteRoles = []string{"admin", "reviewer", "operator"}
)

// offerWords registers words with the shell's completion.
func offerWords(root *cobra.Command) {
	for path, flags := range words {
		cmd, rest, err := root.Find(strings.Fields(path))
		if err != nil || len(rest) > 0 {
			panic("completion: no command " + path)
		}
		for flag, list := range flags {
			if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)); err != nil {
				panic("completion: " + path + ": " + err.Error())
			}
		}
	}
}
