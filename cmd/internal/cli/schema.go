package cli

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
)

// schemaResult is the JSON Schema of the plugin manifest.
type schemaResult struct{ json.RawMessage }

func (r schemaResult) text(w io.Writer) error {
	_, err := w.Write(append(r.RawMessage, '\n'))
	return err
}

func newSchema(c *console) *cobra.Command {
	cmd := verb("schema", "Print the JSON Schema of plugin.json",
		"For editors, and for checks in other tools.", "oarlock schema > plugin.schema.json")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(*cobra.Command, []string) error { return c.print(schemaResult{artifact.Schema()}) }
	return cmd
}
