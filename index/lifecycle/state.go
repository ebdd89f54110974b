package lifecycle

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy/ledger"
)

// role is in what right the caller acts.
func (s *Service) role(ctx context.Context, id artifact.Name) (string, error) {
	platform, err := s.o.Rights.Can(ctx, auth.PluginEmergency, auth.InRepository(id.String()))
	if platform {
		return format.RolePlatform, err
	}
	return format.RoleOwner, err
}

// asker is in what right the caller acts, and whether he may delete.
func (s *Service) asker(ctx context.Context, id artifact.Name) (asker, error) {
	role, err := s.role(ctx, id)
	if err != nil {
		return asker{}, err
	}
	out := asker{role: role}
	if out.deletes, err = s.o.Rights.Can(ctx, auth.PluginDelete, auth.InRepository(id.String())); err != nil || !out.deletes || role == format.RolePlatform {
		return out, err
	}
	if s.o.Emergency == nil {
		return out, errors.New("what the site looks into: lifecycle.Options.Emergency is not set")
	}
	out.held, err = s.o.Emergency(ctx, id.String())
	return out, err
}

// state writes down that a statement is about to be made, appends it, and
// returns when the catalog knows it. What cannot be written down is not stated.
func (s *Service) state(ctx context.Context, id artifact.Name, move string, kind format.Kind, subject digest.Digest, body any) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	who, err := s.asker(ctx, id)
	if err != nil {
		return err
	}
	role := who.role
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ref := format.OfPlugin(id)
	known := s.o.Catalog.Ledger(ref)
	err = known.Plugin.May(kind, role, subject)
	if err == nil && kind == format.PluginDeleted && who.held != "" {
		err = fmt.Errorf("%s, and what it looks into stays: an admin of the site ends that first: %w", who.held, artifact.ErrDenied)
	}
	if err != nil {
		return s.forbidden(id, move, known.Plugin, subject, who, err)
	}
	if err := room(role, known.Head.Sequence); err != nil {
		return fmt.Errorf("ledger of %s: %w", id, err)
	}
	planned := map[string]any{"begun": true, "move": move, "subject": subject, "body": body}
	action := auth.PluginLifecycle
	if kind == format.PluginDeleted {
		action = auth.PluginDelete
	}
	err = s.o.Acts.Do(ctx, audit.Act{Action: action, On: auth.InRepository(id.String()), Planned: planned},
		func(ctx context.Context) (any, error) {
			entry, err := s.o.Ledger.Append(ctx, index.NewStatement{Ledger: ref, Kind: kind, Actor: by.Name, Role: role, Body: raw, Subject: subject, ID: rand.Text()})
			if err != nil {
				return nil, err
			}
			return map[string]any{"move": move, "subject": subject, "statement": entry.Head.String(), "body": body}, s.o.Catalog.Settled(ctx)
		})
	switch {
	case errors.Is(err, statements.ErrForeign):
		return index.NewProblem(index.CodeConflict, fmt.Sprintf("the ledger of %s came here by a mirror and grows where it comes from", id),
			"make the change at the registry that it comes from, and mirror it again")
	case errors.Is(err, artifact.ErrConflict):
		p := s.forbidden(id, move, s.o.Catalog.Ledger(ref).Plugin, subject, who, err)
		p.Detail = strings.TrimSuffix(err.Error(), ": "+artifact.ErrConflict.Error())
		return p
	}
	return err
}

// keptForPlatform is how many statements of a ledger only the platform makes: an
// owner who fills it with moves there and back keeps no emergency out.
const keptForPlatform = 1024

// room refuses an owner's statement where what is left is the platform's.
func room(role string, statements int) error {
	if most := format.MaxStatements - keptForPlatform; role != format.RolePlatform && statements >= most {
		return fmt.Errorf("it holds %d statements, and the last %d are for the platform: "+
			"ask an admin of the site: %w", statements, keptForPlatform, artifact.ErrConflict)
	}
	return nil
}

// forbidden refuses a move that where the plugin stands, or its version with a
// digest, does not allow. err is why, and is told where it is more than the state.
func (s *Service) forbidden(id artifact.Name, move string, p *ledger.Plugin, version digest.Digest, who asker, err error) *index.Problem {
	why, on := fmt.Sprintf("%s is %s, which does not allow %s", id, p.State(), move), subjects{versions: []digest.Digest{version}}
	if known, ok := s.o.Catalog.Plugin(id); ok && version == "" {
		on = every(known)
	}
	switch {
	case version != "" && errors.Is(err, artifact.ErrConflict): // the version's state, not the plugin's
		why = s.versionStands(id, p, move, version, err)
	case errors.Is(err, artifact.ErrDenied):
		why += fmt.Sprintf(" to the role %s: %s", who.role, strings.TrimSuffix(err.Error(), ": "+artifact.ErrDenied.Error()))
	}
	all := choices(p, on, who, false)
	mine := legal(all)
	all = slices.DeleteFunc(all, func(c index.Choice) bool { return !c.Legal })
	out := index.NewProblem(index.CodeLifecycle, why+said(all), ways(id, mine, version != "")...)
	out.Legal, out.Choices = mine, all
	return out
}

// versionStands says why a move of the version with a digest is not legal, where it
// is that it was made, or that there is nothing to take back; else what err says.
func (s *Service) versionStands(id artifact.Name, p *ledger.Plugin, move string, version digest.Digest, err error) string {
	name := version.String()
	if known, ok := s.o.Catalog.Plugin(id); ok {
		if i := slices.IndexFunc(known.Versions, func(v catalog.Version) bool { return v.Digest == version }); i >= 0 {
			name = known.Versions[i].Version.String()
		}
	}
	yank, yanked := ledger.Yank{}, false
	if p != nil {
		yank, yanked = p.Yanked[version]
	}
	switch {
	case move == index.MoveYank && yanked:
		return fmt.Sprintf("%s %s was yanked already, on %s by %s (%s)", id, name, yank.At.UTC().Format("2006-01-02"), yank.By, yank.Reason)
	case move == index.MoveUnyank && !yanked:
		return fmt.Sprintf("%s %s is not yanked", id, name)
	}
	return strings.TrimSuffix(err.Error(), ": "+artifact.ErrConflict.Error())
}

// said are the moves that are legal now, as the end of a sentence: those that the
// caller may make, and those of others with their roles.
func said(all []index.Choice) string {
	var mine, others []string
	for _, c := range all {
		if c.May {
			mine = append(mine, c.Move)
		} else {
			others = append(others, c.Move+" by "+strings.Join(c.By, " or "))
		}
	}
	out := ""
	if len(mine) > 0 {
		out += "; you may: " + strings.Join(mine, ", ")
	}
	if len(others) > 0 {
		out += "; legal now: " + strings.Join(others, ", ")
	}
	return out
}

// ways are what to do where a move is not legal: take back what is in force, and say
// anew what was to be said.
func ways(id artifact.Name, mine []string, version bool) []string {
	var out []string
	for _, back := range []string{index.MoveUndeprecate, index.MoveResume, index.MoveRestore} {
		if !version && slices.Contains(mine, back) {
			out = append(out, fmt.Sprintf("take back what is in force: oarlock %s %s", back, id))
		}
	}
	return append(out, "see where it stands: oarlock show "+id.String())
}
