package feed

import (
	"strings"
	"time"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// titles say what a statement means, after the name of the plugin, or of the
// version where it is about one.
var titles = map[format.Kind]string{
	format.PluginDeprecated:   "is deprecated",
	format.PluginUndeprecated: "is no longer deprecated",
	format.PluginSuspended:    "is suspended",
	format.PluginResumed:      "is no longer suspended",
	format.PluginRemoved:      "is removed",
	format.PluginDeleted:      "is deleted",
	format.PluginRestored:     "is restored",
	format.VersionYanked:      "is yanked",
	format.VersionUnyanked:    "is no longer yanked",
	format.EmergencyDeclared:  "is removed in an emergency: stop it",
	format.EmergencyUndone:    "is no longer removed in an emergency",
}

// stated is a statement of the ledger of a plugin as an item. A kind of a later
// time is told by its name.
func stated(ledger, plugin string, s index.LedgerStatement) Item {
	say := words(s.Body)
	out := Item{ID: uuid(statementKey(ledger, s.Sequence, s.Kind, s.Digest)), At: moment(s.At), Kind: s.Kind,
		Plugin: plugin, Version: say.text("version"), By: s.Actor}
	what, known := titles[format.Kind(s.Kind)]
	if !known {
		what = s.Kind
	}
	out.Title = plugin
	if out.Version != "" {
		out.Title += " " + out.Version
	}
	out.Title += " " + what
	parts := []string{out.Title + " since " + s.At.UTC().Format(time.RFC3339) + ", by " + s.Actor + "."}
	for _, one := range [][2]string{
		{"reason", "Reason: "}, {"text", ""}, {"replacement", "Replacement: "}, {"guide", "Guide: "}, {"end_of_life", "End of life: "},
		{"until", "Expected to end: "}, {"existing", "Who has it: "},
	} {
		if text := say.text(one[0]); text != "" {
			parts = append(parts, one[1]+strings.TrimSuffix(text, ".")+".")
		}
	}
	out.Text = strings.Join(parts, " ")
	return out
}

// words is the body of a statement.
type words map[string]any

func (w words) text(key string) string {
	s, _ := w[key].(string)
	return strings.TrimSpace(s)
}
