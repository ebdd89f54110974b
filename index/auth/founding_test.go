package auth

import (
	"errors"
	"testing"
)

// Proves B4, K6: what a database belongs to is decided by its rows and by what
// the registry holds, and nothing but an explicit word begins a new site over
// what is there.
func TestWhatADatabaseBecomes(t *testing.T) {
	t.Parallel()
	full := []string{"acme", "secretco"}
	some := Holds{Tokens: 1, People: 1}
	for name, c := range map[string]struct {
		kind       SiteKind
		have       Holds
		held       []string
		dev, adopt bool
		keys       SiteKind
		to         SiteKind
		code       string
	}{
		"nothing anywhere":                       {to: GuardedSite},
		"nothing anywhere, for trying out":       {dev: true, to: DevSite},
		"a site":                                 {kind: GuardedSite, have: some, held: full, to: GuardedSite},
		"a lost database":                        {held: full, code: "registry_filled"},
		"a lost database, adopted":               {held: full, adopt: true, to: GuardedSite},
		"a lost database, for trying out":        {held: full, dev: true, code: "registry_filled"},
		"the same, adopted for trying out":       {held: full, dev: true, adopt: true, code: "registry_filled"},
		"nothing anywhere, adopted for trying":   {dev: true, adopt: true, code: "nothing_to_adopt"},
		"one for trying out, adopted as one":     {kind: DevSite, have: some, held: full, dev: true, adopt: true, code: "nothing_to_adopt"},
		"one for trying out, with its registry":  {kind: DevSite, have: some, held: full, dev: true, to: DevSite},
		"one for trying out that only pushed":    {kind: DevSite, held: full, dev: true, to: DevSite},
		"nothing anywhere, adopted":              {adopt: true, code: "nothing_to_adopt"},
		"a site, adopted once more":              {kind: GuardedSite, have: some, held: full, adopt: true, code: "nothing_to_adopt"},
		"a site, for trying out":                 {kind: GuardedSite, have: some, dev: true, code: "site_database"},
		"one for trying out":                     {kind: DevSite, have: some, dev: true, to: DevSite},
		"one for trying out, behind logins":      {kind: DevSite, have: some, code: "dev_database"},
		"the same, adopted":                      {kind: DevSite, have: some, held: full, adopt: true, to: GuardedSite},
		"one for trying out, with content alone": {kind: DevSite, held: full, code: "registry_filled"},
		"one for trying out that nobody used":    {kind: DevSite, to: GuardedSite},
		"nothing beside the keys of a site":      {keys: GuardedSite, to: GuardedSite},
		"the same, for trying out":               {dev: true, keys: GuardedSite, code: "site_keys"},
		"one for trying out beside its keys":     {kind: DevSite, dev: true, keys: GuardedSite, code: "site_keys"},
		"nothing beside keys of nobody knows":    {dev: true, keys: UnsaidSite, code: "site_keys"},
		"its own beside keys of nobody knows":    {kind: DevSite, dev: true, keys: UnsaidSite, to: DevSite},
		"a site beside keys of nobody knows":     {kind: GuardedSite, have: some, held: full, keys: UnsaidSite, to: GuardedSite},
		"lost for trying out, beside its keys":   {dev: true, keys: DevSite, to: DevSite},
		"a site beside keys for trying out":      {kind: GuardedSite, have: some, held: full, keys: DevSite, code: "dev_keys"},
		"nothing beside keys for trying out":     {keys: DevSite, code: "dev_keys"},
		"beside keys for trying out, adopted":    {keys: DevSite, adopt: true, code: "dev_keys"},
		"content beside them, adopted":           {held: full, keys: DevSite, adopt: true, to: GuardedSite},
		"unused beside its keys, behind logins":  {kind: DevSite, keys: DevSite, to: GuardedSite},
	} {
		to, err := FoundOptions{AnyoneIsAdmin: c.dev, Adopt: c.adopt, Keys: c.keys}.decide(c.kind, c.have, c.held)
		var refused *FoundingError
		if errors.As(err, &refused); to != c.to || (err != nil) != (c.code != "") || refused != nil && refused.Code != c.code {
			t.Errorf("%s: %q %v, want %q %q", name, to, err, c.to, c.code)
		}
	}
}

// A database of before there were records says by its rows what it belongs to.
func TestRowsSayWhatADatabaseBelongsTo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have Holds
		want SiteKind
	}{
		"none":                           {Holds{}, ""},
		"of acts that are over":          {Holds{Dev: 3}, ""},
		"with an admin":                  {Holds{Tokens: 1, Admins: 1}, GuardedSite},
		"with an admin, and of --dev":    {Holds{Tokens: 2, Admins: 1, Dev: 5}, GuardedSite},
		"of people alone":                {Holds{People: 2}, GuardedSite},
		"made on a server to try things": {Holds{People: 2, Dev: 2}, DevSite},
	} {
		if got := c.have.kind(); got != c.want {
			t.Errorf("rows %s: %q, want %q", name, got, c.want)
		}
	}
}
