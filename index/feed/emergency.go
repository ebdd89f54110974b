package feed

import (
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// stopped are the versions that an emergency names, by the digest of the statement
// that declared it: what its statement and that of its end are about.
type stopped map[string][]string

// allVersions stands for every version that there is.
const allVersions = "(all versions)"

// stoppedBy reads what the emergencies of a ledger name. known is false where a digest
// is of no version that is here: then it is named itself.
func stoppedBy(statements []index.LedgerStatement, p *catalog.Plugin) (out stopped, known bool) {
	out, known = stopped{}, true
	for _, s := range statements {
		if format.Kind(s.Kind) != format.EmergencyDeclared {
			continue
		}
		if all, _ := s.Body["all"].(bool); all {
			out[s.Digest.String()] = []string{allVersions}
			continue
		}
		digests, _ := s.Body["digests"].([]any)
		var names []string
		for _, d := range digests {
			name, ok := versionOf(p, d)
			known = known && ok
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		out[s.Digest.String()] = names
	}
	return out, known
}

// versionOf is the version that a digest is of, or one of its builds; else the digest.
func versionOf(p *catalog.Plugin, named any) (string, bool) {
	text, _ := named.(string)
	if p == nil {
		return text, false
	}
	if v, ok := p.Holding(digest.Digest(text)); ok {
		return v.Version.String(), true
	}
	return text, false
}

// of are the versions that s is about, where s is of an emergency.
func (all stopped) of(s index.LedgerStatement) []string {
	switch format.Kind(s.Kind) {
	case format.EmergencyDeclared:
		return all[s.Digest.String()]
	case format.EmergencyUndone:
		return all[words(s.Body).text("of")]
	}
	return nil
}

// titleOf is a plugin with the versions that a statement is about.
func titleOf(plugin string, versions []string) string {
	return strings.TrimSpace(plugin + " " + strings.Join(versions, ", "))
}
