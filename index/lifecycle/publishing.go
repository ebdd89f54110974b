package lifecycle

import (
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy/ledger"
)

// Names are those of plugins that may be published under.
type Names struct {
	// Ready says why the ledgers are not known yet.
	Ready func() error
	// Ledger is what is known of one.
	Ledger func(format.Ref) ledger.State
}

// A DeletedError refuses to publish under the name of a plugin that was deleted. It
// wraps artifact.ErrDenied.
type DeletedError struct {
	Plugin artifact.Name
	By     ledger.Deletion
}

func (e *DeletedError) Error() string {
	return fmt.Sprintf("%s was deleted at %s by %s: none of its versions is published again; choose another name",
		e.Plugin, e.By.At.UTC().Format("2006-01-02"), e.By.By)
}

// Unwrap gives the kind.
func (e *DeletedError) Unwrap() error { return artifact.ErrDenied }

// Publishing refuses a manifest of a plugin that was deleted, with a *DeletedError:
// versions, channels and what is pushed by its digest, where tag is "". Its ledger
// goes on, whose statements are known by their artifact type. Where the ledgers are
// not known yet the plugin may have been deleted, which refuses too.
func (n Names) Publishing(repository, tag, artifactType string) error {
	t, err := artifact.ParseTag(tag)
	switch {
	case tag == "" && artifactType == artifact.TypeStatement:
		return nil
	case tag != "" && (err != nil || t.Kind() != artifact.TagVersion && t.Kind() != artifact.TagChannel):
		return nil
	}
	id, err := artifact.ParseName(repository)
	if err != nil {
		return nil // no plugin, so nobody deletes it
	}
	if err := n.Ready(); err != nil {
		return fmt.Errorf("whether %s was deleted: %w", repository, err)
	}
	if p := n.Ledger(format.OfPlugin(id)).Plugin; p.IsDeleted() {
		return &DeletedError{id, *p.Deleted}
	}
	return nil
}
