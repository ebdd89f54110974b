package lifecycle

import (
	"slices"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy/ledger"
)

// subjects is what moves are made of: the plugin, where all is set, and its versions
// with these digests.
type subjects struct {
	all      bool
	versions []digest.Digest
}

// every is a plugin with all versions that are listed or wait.
func every(p *catalog.Plugin) subjects {
	out := subjects{all: true}
	for i := range p.Versions {
		out.versions = append(out.versions, p.Versions[i].Digest)
	}
	return out
}

// choices are all moves that people make of what on names: what the ledger's rules
// say of each, and the table of permissions of who may make it. A move of versions
// is legal where it is of one of them. Nobody may without a role. A foreign ledger
// grows where it comes from, so nothing is legal here.
func choices(p *ledger.Plugin, on subjects, who asker, foreign bool) []index.Choice {
	out := []index.Choice{}
	for _, r := range ledger.Lifecycle() {
		name, known := nameOf(r.Kind)
		of, version := on.versions, name == index.MoveYank || name == index.MoveUnyank
		if !known || !version && !on.all {
			continue
		}
		if !version {
			of = []digest.Digest{""}
		}
		may := func(role string) bool {
			return slices.ContainsFunc(of, func(d digest.Digest) bool { return p.May(r.Kind, role, d) == nil })
		}
		owner, platform := may(format.RoleOwner), may(format.RolePlatform)
		if r.Kind == format.PluginDeleted && who.role != format.RolePlatform {
			platform = false // who is an admin alone deletes nothing
		}
		c := index.Choice{Move: name, Legal: !foreign && (owner || platform), By: movers(r.Kind, r.Owner && (owner || !platform))}
		c.May = c.Legal && who.may(r.Kind) && (who.role == format.RoleOwner && owner || who.role == format.RolePlatform && platform)
		for _, from := range r.From {
			c.From = append(c.From, index.PluginState(from))
		}
		out = append(out, c)
	}
	return out
}

// asker is in what role somebody moves a plugin, "" for who may not, and whether he
// may delete it: not while held says what the site looks into.
type asker struct {
	role    string
	deletes bool
	held    string
}

func (a asker) may(kind format.Kind) bool {
	return kind != format.PluginDeleted || a.deletes && a.held == ""
}

// movers are the roles that make a move: those who move plugins, or admins alone.
func movers(kind format.Kind, owners bool) []string {
	action := auth.PluginEmergency
	switch {
	case kind == format.PluginDeleted:
		action = auth.PluginDelete
	case owners:
		action = auth.PluginLifecycle
	}
	out := []string{}
	for _, role := range auth.RolesThatMay(action, auth.OnRepository) {
		if role != auth.RoleRobot { // acts for one of the others
			out = append(out, string(role))
		}
	}
	return out
}

// legal are the moves of choices that the caller may make, by name.
func legal(all []index.Choice) []string {
	out := []string{}
	for _, c := range all {
		if c.May {
			out = append(out, c.Move)
		}
	}
	return out
}
