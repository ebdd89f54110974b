package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// Delete has a plugin go for good. Its name, its ledger and its leaves in the
// publication log stay, and no version of it is published again. It holds when the
// statement is appended: what is stored goes after that, here or, where this process
// ends before, by EraseDeleted.
func (s *Service) Delete(ctx context.Context, id artifact.Name, why index.Deletion) (index.Lifecycle, error) {
	if err := s.o.Rights.May(ctx, auth.PluginDelete, auth.InRepository(id.String())); err != nil {
		return index.Lifecycle{}, err
	}
	if _, err := s.visible(ctx, id); err != nil {
		return index.Lifecycle{}, err
	}
	if err := s.nobodyHas(ctx, id); err != nil {
		return index.Lifecycle{}, err
	}
	body := format.Deleted{Grounds: format.Grounds{Reason: why.Reason, Text: why.Text}}
	if err := s.state(ctx, id, index.MoveDelete, format.PluginDeleted, "", body); err != nil {
		return index.Lifecycle{}, err
	}
	out, err := s.Lifecycle(ctx, id)
	if err == nil && s.o.Erase(context.WithoutCancel(ctx), id.String()) != nil {
		out.Warnings = append(out.Warnings, "it is deleted, and its bytes could not be let go yet: that is tried again by itself")
	}
	return out, err
}

// nobodyHas refuses to delete what somebody has enabled. Where that could not be
// told, somebody may have it.
func (s *Service) nobodyHas(ctx context.Context, id artifact.Name) error {
	if s.o.Holders == nil {
		return errors.New("who has a plugin: lifecycle.Options.Holders is not set")
	}
	const page = 500
	enabled := 0
	for after := ""; ; {
		some, err := s.o.Holders.Holders(ctx, id, "", after, page)
		if err != nil {
			return fmt.Errorf("who has %s: %w", id, err)
		}
		for _, h := range some {
			if after = h.Tenant; h.Enabled {
				enabled++
			}
		}
		if len(some) < page {
			break
		}
	}
	if enabled == 0 {
		return nil
	}
	return index.NewProblem(index.CodeStillEnabled,
		fmt.Sprintf("%s is enabled by %d tenants, and what somebody runs is not deleted", id, enabled),
		fmt.Sprintf("hide it from everybody else: oarlock remove %s --reason discontinued", id), "delete it when they have disabled it")
}

// EraseDeleted lets go of what the repositories of deleted plugins hold still: what
// the process that deleted them left, and pushes that were under way. A ledger that
// came by a mirror deletes nothing here: its bytes are given to nobody, and stay a
// copy that its operator has.
func (s *Service) EraseDeleted(ctx context.Context) error {
	if s.o.Catalog.Current() != nil {
		return nil // what is deleted is not known yet, and is asked again
	}
	var failed []error
	for _, id := range s.o.Catalog.Deleted() {
		state := s.o.Catalog.Ledger(format.OfPlugin(id))
		if !state.Plugin.IsDeleted() || state.Platform != s.o.Own {
			continue
		}
		if err := s.o.Erase(ctx, id.String()); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}
