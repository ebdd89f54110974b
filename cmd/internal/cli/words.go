package cli

import (
	"strings"

	"github.com/spf13/cobra"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy/attest"
)

// words are what a shell offers for flags that take one of a closed list, by
// the path of the command.
var words = map[string]map[string][]string{
	"search": {
		"state":              {"active", "deprecated", "suspended", "removed", "emergency-removed"},
		"sort":               {"relevance", "updated", "name"},
		"signature":          {"verified", "unverified", "unsigned", "invalid"},
		"verified":           truth,
		"publisher-verified": truth,
		"has":                {"sbom", "provenance", "test-result", "vulnerabilities", "review"},
		"facets":             {"category", "publisher", "license", "niche", "tier", "state", "verified", "source", "platform", "channel", "signature", "publisher_verified"},
	},
	"sign":                     {"signature-format": formats},
	"attest":                   {"signature-format": formats, "type": attest.Names()},
	"push":                     {"signature-format": formats},
	"token create":             {"kind": {"robot", "personal", "admin"}},
	"account create":           {"role": siteRoles},
	"account change":           {"role": siteRoles, "disabled": truth},
	"publisher members add":    {"role": roles},
	"publisher invite":         {"role": roles},
	"publisher configure":      {"publishing": {"on", "off"}, "private": truth},
	"tenant create":            {"environment": environments},
	"tenant set":               {"environment": environments},
	"tenant members add":       {"role": {"tenant-admin", "tenant-viewer"}},
	"deprecate":                {"reason": format.Reasons()},
	"undeprecate":              {"reason": format.Reasons()},
	"suspend":                  {"reason": format.Reasons(), "existing": {"keep", "stop"}},
	"resume":                   {"reason": format.Reasons()},
	"remove":                   {"reason": format.Reasons()},
	"restore":                  {"reason": format.Reasons()},
	"delete":                   {"reason": format.Reasons()},
	"yank":                     {"reason": format.Reasons()},
	"unyank":                   {"reason": format.Reasons()},
	"emergency-remove":         {"reason": format.Reasons()},
	"emergency-remove request": {"reason": format.Reasons()},
	"emergency-remove undo":    {"reason": format.Reasons()},
	"emergency-remove list":    {"state": {"requested", "proposed", "confirmed", "in_force", "undone", "withdrawn", "lapsed"}},
	"webhook deliveries":       {"state": {"waiting", "delivered", "dead"}},
	"subscription deliveries":  {"state": {"waiting", "delivered", "dead"}},
	"block":                    {"code": {"blocked", "emergency_removed"}},
}

// everywhere are those of flags that more than one command has.
var everywhere = map[string][]string{
	"output":     {"text", "json", "yaml"},
	"log-level":  {"debug", "info", "warn", "error"},
	"log-format": {"text", "json"},
}

var (
	truth        = []string{"true", "false"}
	formats      = []string{"sigstore-bundle", "cosign-referrer", "cosign-tag"}
	roles        = []string{"owner", "maintainer", "publisher", "reader"}
	siteRoles    = []string{"admin", "reviewer", "operator"}
	environments = []string{"test", "staging", "production"}
)

// offerWords registers words with the shell's completion.
func offerWords(root *cobra.Command) {
	for path, flags := range words {
		cmd, rest, err := root.Find(strings.Fields(path))
		if err != nil || len(rest) > 0 {
			panic("completion: no command " + path)
		}
		for flag, list := range flags {
			offer(cmd, flag, list)
		}
	}
	offerEverywhere(root)
}

// offerEverywhere does so at every command that has the flag itself.
func offerEverywhere(cmd *cobra.Command) {
	for flag, list := range everywhere {
		if cmd.LocalFlags().Lookup(flag) != nil && cmd.InheritedFlags().Lookup(flag) == nil {
			offer(cmd, flag, list)
		}
	}
	for _, child := range cmd.Commands() {
		offerEverywhere(child)
	}
}

func offer(cmd *cobra.Command, flag string, list []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("completion: " + cmd.CommandPath() + ": " + err.Error())
	}
}
