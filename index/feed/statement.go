package feed

import (
	"strings"
	"time"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// titles say what a statement means, after the name of the plugin, or of the
// version where it is about one, or of those that an emergency names.
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
	format.EmergencyDeclared:  "is removed in an emergency",
	format.EmergencyUndone:    "is no longer removed in an emergency",
}

// stated is a statement of the ledger of a plugin as an item. A kind of a later
// time is told by its name.
func stated(ledger, plugin string, s index.LedgerStatement, stops stopped) Item {
	say := words(s.Body)
	out := Item{ID: uuid(statementKey(ledger, s.Sequence, s.Kind, s.Digest)), At: moment(s.At), Kind: s.Kind,
		Plugin: plugin, Version: say.text("version"), By: s.Actor}
	what, known := titles[format.Kind(s.Kind)]
	if !known {
		what = s.Kind
	}
	about := stops.of(s)
	switch {
	case out.Version != "":
		about = []string{out.Version}
	case len(about) == 1 && about[0] != allVersions && !strings.Contains(about[0], ":"): // no digest
		out.Version = about[0]
	}
	out.Title = titleOf(plugin, about) + " " + what
	parts := []string{out.Title + " since " + s.At.UTC().Format(time.RFC3339) + ", by " + s.Actor + "."}
	if format.Kind(s.Kind) == format.EmergencyDeclared {
		out.Title += ": stop it"
		parts = append(parts, "Stop it wherever it runs.")
	}
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
